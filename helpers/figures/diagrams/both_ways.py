"""A diagram of the bidirectional encoder (Schuster, Paliwal 1997), whose states attention reads.

Shape: hidden numbers of a state of one direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from helpers.figures.diagrams.attention import STATE
from helpers.figures.diagrams.spec import Box, Diagram, arrows
from helpers.models import RecurrentEncoder


def both_ways(words: Sequence[str]) -> Diagram:
    """One GRU from the left, one from the right, and h_i as the pair of their states at word i.

    words: of the sentence. They stand below and above, so that no arrow crosses another. Tensors:
    `trace_both_ways`.
    """
    last = len(words)
    places, pairs = range(1, last + 1), range(1, last)
    boxes = [Box(f"h{i}", f"$h_{{{i}}}$", "source", (i, 1.85), STATE, wide=0.86) for i in places]
    for name, over, foot, row in (("f", "right", 0.0, 0.85), ("b", "left", 3.7, 2.85)):
        for i, word in enumerate(words, 1):
            label = rf"$\over{over}arrow{{h}}_{{{i}}}$"
            boxes += [
                Box(f"{name}x{i}", word, "word", (i, foot), wide=0.9, bound=False),
                Box(f"{name}{i}", label, "source", (i, row), "hidden", tall=0.62),
            ]
    ways = (
        *arrows(*(f"{name}x{i} > {name}{i} > h{i}" for i in places for name in "fb")),
        *arrows(*(f"f{i} > f{i + 1}" for i in pairs), *(f"b{i + 1} > b{i}" for i in pairs)),
    )
    alt = (
        f"A bidirectional encoder over {last} words, which stand below and above. In the lower row "
        "a GRU reads from the first word to the last, in the upper row another one from the last "
        "word to the first. From both rows arrows lead to the row between them: the state h_i of "
        "each word joins the two states at this word."
    )
    return Diagram("Each state has read the whole sentence", tuple(boxes), ways, alt=alt)


def trace_both_ways(encoder: RecurrentEncoder, source: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `both_ways` in one graph.

    encoder: with two directions. source: ids of one sentence (source,).
    """
    places, words = range(1, len(source) + 1), encoder.embedding(source)
    parts: dict[str, Tensor] = {}
    orders = ("f", places), ("b", places[::-1])
    for (name, order), weights in zip(orders, encoder.gru.all_weights, strict=True):
        state = words.new_zeros(encoder.gru.hidden_size)
        for i in order:
            state = torch.gru_cell(words[i - 1 : i], state[None], *weights)[0]
            parts[f"{name}{i}"] = state
    return parts | {f"h{i}": torch.cat([parts[f"f{i}"], parts[f"b{i}"]]) for i in places}
