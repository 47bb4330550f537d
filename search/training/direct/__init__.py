"""How does a dense network train without TensorFlow's executor, and without a graph to be traced first?

A step of a small network is a few dozen operations on a few hundred numbers. TensorFlow takes one to two microseconds
to hand each of them to its executor, and a third of a second to trace them. NumPy computes them in place, in arrays
that are laid out so that each call is one of its fastest: contiguous, of equal shapes, nothing broadcast.

Large dense networks are trained so too where a worker has several cores: by a team of processes, each with its part of
every batch.

A model that is saved is built by Keras, and the weights end up in it; the numbers are those of ``fit``, up to rounding.
"""
