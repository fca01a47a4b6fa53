"""Diagram of one pass under a causal mask: each position is an exercise of its own.

Shapes: d_model numbers of a word's vector.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from helpers.attention import causal_mask
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Stage
from helpers.models import AttentionLayer


def one_pass(words: Sequence[str]) -> Diagram:
    """A sentence that is read once, and the word that each position is asked for.

    words: with `<start>` first and `<end>` last. Tensors: `trace_one_pass`.
    """
    steps = range(len(words) - 1)
    boxes, ways, stages = [], [], []
    for t in steps:
        boxes += [
            Box(f"w{t}", words[t], "word", (1.25 * t, 0), wide=0.95, bound=False),
            Box(f"x{t}", f"$x_{{{t}}}$", "source", (1.25 * t, 0.85), "d_model"),
            Box(f"y{t}", f"$c_{{{t}}}$", "context", (1.25 * t, 2.35), "d_model"),
            Box(f"z{t}", words[t + 1], "output", (1.25 * t, 3.2), wide=0.95, bound=False),
        ]
        ways.append(Arrow(f"w{t}", f"x{t}"))
        ways += [Arrow(f"x{i}", f"y{t}") for i in range(t + 1)]
        ways.append(Arrow(f"y{t}", f"z{t}", choice=True))
        told = " ".join(words[: t + 1])
        stages.append(
            Stage(
                f"Exercise {t + 1}: after '{told}' comes '{words[t + 1]}'.",
                (*(f"w{i}" for i in range(t + 1)), *(f"x{i}" for i in range(t + 1)))
                + (f"y{t}", f"z{t}"),
            )
        )
    alt = (
        f"The words {' '.join(words[:-1])} stand in a row, each with its vector x. Above "
        "them stand the outputs c. Arrows lead to each output from its own word and from the words "
        "before it, so the arrows fill a triangle. Above each output stands the word that it is "
        "asked for, which is the next word of the sentence."
    )
    title = f"One pass is {len(steps)} exercises"
    return Diagram(title, tuple(boxes), tuple(ways), tuple(stages), alt)


def trace_one_pass(layer: AttentionLayer, vectors: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `one_pass` in one graph.

    vectors: of the words that are read (target, d_model).
    """
    rows = [row.clone() for row in vectors]
    outputs, _ = layer(torch.stack(rows)[None], mask=causal_mask(len(rows)))
    made = {f"x{t}": row for t, row in enumerate(rows)}
    return made | {f"y{t}": row for t, row in enumerate(outputs[0])}
