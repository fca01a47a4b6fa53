"""The whole course as one picture: what each notebook adds to those that it builds on."""

from __future__ import annotations

from helpers.figures.diagrams.spec import Box, Diagram, Stage, arrows

# Parts, from below: number, name, what it adds, whether it is on the core route, column and row.
_PARTS = (
    (
        "Recurrent networks read a sentence word by word, and put all of it into one vector.",
        (
            ("01", "recurrent networks", "+ a state kept from word to word", False, (0, 0)),
            ("02", "sequence to sequence", "+ a second network that writes", True, (1, 0)),
            ("03", "the bottleneck", "measured: what one vector loses", True, (2, 0)),
        ),
    ),
    (
        "Attention looks back at every word, because each target word needs another part of the "
        "sentence.",
        (
            ("04", "additive attention", "+ a new context for each word", True, (1, 1)),
            ("05", "dot-product attention", "+ a product, all steps at once", True, (2, 1)),
            ("06", "what attention buys", "measured: quality, links, limits", False, (3, 1)),
            ("07", "attention over images", "+ cells of a picture, not words", False, (0, 1)),
        ),
    ),
    (
        "The attention layer is the same look, with queries, keys and values of its own, and needs "
        "no recurrence.",
        (
            ("08", "query, key, value", "+ keys and values of their own", True, (2, 2)),
            ("09", "self-attention", "+ the sentence asks itself", True, (3, 2)),
            ("10", "masked self-attention", "+ no looking ahead", True, (3, 3)),
            ("11", "multi-head attention", "+ several looks side by side", False, (2, 3)),
        ),
    ),
    (
        "The Transformer is built from this layer, and is measured on real sentences.",
        (
            ("12", "the Transformer", "+ residual, norm, MLP", True, (2, 4)),
            ("13", "real translation", "+ beam search, cache, real text", False, (3, 4)),
        ),
    ),
)
_WAYS = (
    *("01 > 02 > 03", "02 > 04 > 05 > 06", "04 > 07", "05 > 08 > 09"),
    *("09 > 10 > 12", "09 > 11 > 12", "12 > 13"),
)
_WIDE = 2.3


def whole_course() -> Diagram:
    """Every notebook, an arrow to each that builds on it; the core route is filled."""
    boxes, stages = [], []
    for sentence, notebooks in _PARTS:
        for number, name, adds, core, (column, row) in notebooks:
            boxes.append(
                Box(
                    number,
                    f"{number} {name}",
                    "decoder" if core else "parameter",
                    ((_WIDE + 0.4) * column, 1.2 * row),
                    adds,
                    "",
                    "Part of the core route." if core else "Beside the core route.",
                    wide=_WIDE,
                    tall=0.72,
                    bound=False,
                )
            )
        stages.append(Stage(sentence, tuple(number for number, *_ in notebooks)))
    alt = (
        "The notebooks as boxes, from below, with an arrow from each to those that build on it. "
        + " ".join(sentence for sentence, _ in _PARTS)
        + " The boxes of the core route are filled."
    )
    title = "What each notebook adds to what came before"
    return Diagram(title, tuple(boxes), arrows(*_WAYS), tuple(stages), alt)
