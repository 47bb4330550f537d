"""What can be searched, and how is it written, as one page for people?

``python -m search.spaces_page > docs/spaces.md`` writes the page; a test holds the two together.
"""

from __future__ import annotations

from search.markdown import flow, table
from search.space_listings import listings
from spaces.catalog import DEFAULT_SPACES

_HEAD = """# Spaces: what can be searched

Made from the code by `python -m search.spaces_page > docs/spaces.md`; edit the catalog in `spaces`, not this page.
`kerasweep spaces` shows the same, `kerasweep spaces cnn` what one family has.

## How to write a space

The section `space` of an [experiment file](experiment-file.md) maps dimensions to what they may be:

```yaml
space:
  layers: {int: [1, 5]}                                # a whole number from 1 to 5, both included
  units: {int: [16, 256], log: true, shared: true}     # even in logarithms; one value for all layers
  dropout: {float: [0, 0.5], step: 0.1}                # 0, 0.1, ... 0.5
  activation: {choice: [relu, elu], shared: false}     # each layer has its own
  optimizer: [adam, sgd]                               # short for {choice: [adam, sgd]}
  batch_norm: true                                     # fixed
  l2: auto                                             # the range that the tables below suggest
  momentum: {float: [0, 0.99], when: {optimizer: sgd}} # exists only where the optimizer is sgd
```

`when` names earlier dimensions and the values that they must have: one value, or a list of them. All must hold; a
condition on a dimension that is itself absent does not. A setting of an optimizer, a schedule or a loss exists only
where that is chosen, whether the file says so or not; so do `units` and the ends of a funnel (`widths`), `leaky_slope`
and what begins with `second_`. What the section leaves out takes the family's default space; where there is none, the
value in the column "left out".

What would change no model is not drawn either. A trial of a CNN or an RNN with `layers: 0` has no `dropout` and none of
the other dimensions of hidden layers, except for those that its convolutions take over (`activation`, `batch_norm` and
`layer_norm`, where they have none of their own); `units_last` takes two layers, and `residual` an RNN with a hidden
layer or two recurrent ones. A config of `start_with` may name them all the same.
"""


def spaces_page() -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for listing in listings():
        parts += [f"## {listing.title}\n", f"{listing.text}\n", table(listing.heads, listing.rows), ""]
        if listing.title == "Families":
            parts += [_default_spaces(), ""]
    return "\n".join(parts).rstrip() + "\n"


def _default_spaces() -> str:
    parts = []
    for family, space in DEFAULT_SPACES.items():
        if space:
            lines = [f"  {name}: {flow(text)}" for name, text in space.items()]
            parts.append("\n".join([f"The default space of `{family}`:\n", "```yaml", "space:", *lines, "```"]))
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(spaces_page(), end="")
