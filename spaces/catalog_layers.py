"""Which layers may a space describe: what is counted, and what can be set of the whole model and of each layer?

Plain data, readable without Keras; a test compares the names with the installed Keras.
"""

from __future__ import annotations

from spaces.quantity import Quantity

ACTIVATIONS: tuple[str, ...] = (
    "relu", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "relu6", "tanh", "sigmoid",
    "hard_sigmoid", "hard_silu", "hard_tanh", "softplus", "softsign", "softmax", "exponential", "linear",
    "log_sigmoid", "log_softmax", "hard_shrink", "soft_shrink", "tanh_shrink", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus",
)  # fmt: skip
# In keras.activations, and left out: glu halves the width that it is given, threshold has no values of its own.

INITIALIZERS: tuple[str, ...] = (
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    "orthogonal", "random_normal", "random_uniform", "truncated_normal", "variance_scaling", "zeros", "ones",
)  # fmt: skip
# In keras.initializers, and left out: constant (zeros and ones are), identity and stft (for particular shapes).

CELLS: tuple[str, ...] = ("simple_rnn", "lstm", "gru")
POOLINGS: tuple[str, ...] = ("max", "average", "none")
HEADS: tuple[str, ...] = ("flatten", "average", "max")
FLIPS: tuple[str, ...] = ("none", "horizontal", "vertical", "both")
WIDTHS: tuple[str, ...] = ("free", "funnel")
PRECISIONS: tuple[str, ...] = ("float32", "mixed_bfloat16", "mixed_float16")

# Dimensions that count layers, in the order from the input to the output.
COUNTS: tuple[str, ...] = ("conv_layers", "recurrent_layers", "layers")

_UNITS = {"int": [10, 100], "log": True}
_RATE = {"float": [0.0, 0.5]}
_SWITCH = [True, False]
_SOME_ACTIVATIONS = ["relu", "tanh", "elu", "leaky_relu"]
_AMOUNT = {"float": [0.0, 0.2]}


def _rate(meaning: str, *, counted_by: str = "", suggested: object = None) -> Quantity:
    return Quantity("float", meaning, minimum=0, below=1, counted_by=counted_by, neutral=0.0,
                    suggested=suggested or _RATE)  # fmt: skip


def _width(meaning: str, suggested: object, *, counted_by: str = "") -> Quantity:
    return Quantity("int", meaning, minimum=1, maximum=1_000_000, counted_by=counted_by, suggested=suggested)


def _switch(meaning: str, *, counted_by: str = "", otherwise: str = "") -> Quantity:
    return Quantity("bool", meaning, counted_by=counted_by, neutral=False, suggested=_SWITCH, otherwise=otherwise)


def _name(meaning: str, names: tuple[str, ...], neutral: str, suggested: object, *, counted_by: str = "",
          otherwise: str = "") -> Quantity:  # fmt: skip
    return Quantity("name", meaning, names=names, neutral=neutral, suggested=suggested, counted_by=counted_by,
                    otherwise=otherwise)  # fmt: skip


# In the order in which a space without an order of its own asks for them.
LAYER_QUANTITIES: dict[str, Quantity] = {
    "conv_layers": Quantity("int", "number of convolution blocks", minimum=1, maximum=100, suggested={"int": [1, 4]}),
    "filters": _width("filters of a convolution", {"int": [8, 64], "log": True}, counted_by="conv_layers"),
    "kernel_size": Quantity("int", "side of a convolution's window, in pixels or steps", minimum=1, maximum=1000,
                            counted_by="conv_layers", neutral=3, suggested=[3, 5]),
    "pooling": _name("halves each side behind a convolution", POOLINGS, "max", ["max", "average"],
                     counted_by="conv_layers"),
    "conv_activation": _name("activation of the convolutions", ACTIVATIONS, "relu", _SOME_ACTIVATIONS,
                             counted_by="conv_layers", otherwise="that of `activation`"),
    "conv_batch_norm": _switch("batch normalisation before a convolution's activation", counted_by="conv_layers",
                               otherwise="that of `batch_norm`"),
    "conv_layer_norm": _switch("layer normalisation before a convolution's activation", counted_by="conv_layers",
                               otherwise="that of `layer_norm`"),
    "conv_dropout": _rate("a fraction of a convolution block's outputs", counted_by="conv_layers",
                          suggested={"float": [0.0, 0.4]}),
    "head": _name("what leads from the last convolution to the dense layers: all places, or their mean or maximum",
                  HEADS, "flatten", ["flatten", "average"]),
    "recurrent_layers": Quantity("int", "number of recurrent layers", minimum=1, maximum=100,
                                 suggested={"int": [1, 2]}),
    "cell": _name("kind of a recurrent layer", CELLS, "gru", ["gru", "lstm"], counted_by="recurrent_layers"),
    "state_size": _width("numbers in a recurrent layer's state", {"int": [8, 128], "log": True},
                         counted_by="recurrent_layers"),
    "bidirectional": _switch("a second run over the sequence, from its end", counted_by="recurrent_layers"),
    "cell_activation": _name("activation of the recurrent layers", ACTIVATIONS, "tanh", ["tanh", "relu"],
                             counted_by="recurrent_layers"),
    "cell_layer_norm": _switch("layer normalisation behind a recurrent layer", counted_by="recurrent_layers"),
    "cell_dropout": _rate("a fraction of a recurrent layer's inputs, the same at every step",
                          counted_by="recurrent_layers", suggested={"float": [0.0, 0.4]}),
    "recurrent_dropout": _rate("a fraction of what a recurrent layer hands from step to step",
                               counted_by="recurrent_layers", suggested={"float": [0.0, 0.4]}),
    "embedding": Quantity("int", "numbers that stand for a token; 0 is one-hot", minimum=0, maximum=1_000_000,
                          neutral=16, suggested={"int": [8, 128], "log": True}),
    "layers": Quantity("int", "number of hidden layers", minimum=0, maximum=1000, suggested={"int": [1, 5]}),
    "widths": _name("units of each layer by itself, or a funnel from the first to the last", WIDTHS, "free",
                    ["free", "funnel"]),
    "units": _width("neurons of a hidden layer", _UNITS, counted_by="layers"),
    "units_first": _width("neurons of a funnel's first layer", {"int": [32, 256], "log": True}),
    "units_last": _width("neurons of a funnel's last layer; those between lie evenly in logarithms",
                         {"int": [4, 32], "log": True}),
    "activation": _name("activation of the hidden layers", ACTIVATIONS, "relu", _SOME_ACTIVATIONS,
                        counted_by="layers"),
    "leaky_slope": Quantity("float", "slope of leaky_relu below zero", minimum=0, maximum=1, neutral=0.2,
                            suggested={"float": [0.01, 0.4]}),
    "batch_norm": _switch("batch normalisation before the activation", counted_by="layers"),
    "layer_norm": _switch("layer normalisation before the activation", counted_by="layers"),
    "dropout": _rate("a fraction of a hidden layer's outputs", counted_by="layers"),
    "input_dropout": _rate("a fraction of the inputs", suggested={"float": [0.0, 0.3]}),
    "residual": _switch("each layer's input is added to its output, through a projection where widths differ"),
    "l1": Quantity("float", "L1 penalty on the kernels", minimum=0, neutral=0.0,
                   suggested={"float": [1e-6, 1e-2], "log": True}),
    "l2": Quantity("float", "L2 penalty on the kernels", minimum=0, neutral=0.0,
                   suggested={"float": [1e-6, 1e-2], "log": True}),
    "max_norm": Quantity("float", "the largest norm of a neuron's weights; 0 is any", minimum=0, neutral=0.0,
                         suggested=[0.0, 1.0, 2.0, 4.0]),
    "kernel_initializer": _name("initializer of the kernels", INITIALIZERS, "glorot_uniform",
                                ["glorot_uniform", "he_normal", "lecun_normal", "orthogonal"]),
    "flip": _name("images are mirrored at random in training", FLIPS, "none", ["none", "horizontal"]),
    "shift": Quantity("float", "images are shifted at random in training, by up to this fraction of a side", minimum=0,
                      maximum=1, neutral=0.0, suggested=_AMOUNT),
    "rotate": Quantity("float", "images are turned at random in training, by up to this fraction of a full turn",
                       minimum=0, maximum=1, neutral=0.0, suggested={"float": [0.0, 0.1]}),
    "zoom": Quantity("float", "images are enlarged or reduced at random in training, by up to this fraction",
                     minimum=0, below=1, neutral=0.0, suggested=_AMOUNT),
    "precision": _name("what layers compute with; 16 bits pay on GPUs, and weights and outputs stay float32",
                       PRECISIONS, "float32", ["float32", "mixed_bfloat16"]),
}  # fmt: skip
