"""Diagram of a layer with two heads: project, cut, attend in each head, merge, mix.

Shapes: words of one sentence, d_model numbers of a word's vector, d_k of them for each head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn

from helpers.attention import attend, scaled_dot
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows

HEADS = (1, 2)
LANE = 4.3  # columns from a part of head 1 to the same part of head 2
MADE = {"Q": "query", "K": "key", "V": "value"}
ROLE = {"Q": "decoder", "K": "source", "V": "value"}  # what asks, is asked and is given, as in 08
# What happens at a height of the picture, written at its left edge, as the text calls it.
HAPPENS = {"project": "Q", "cut": "cut", "attend": "attend", "merge": "Y", "mix: $W_O$": "O"}


class Layer(Protocol):
    """A layer with the four matrices of Vaswani et al. (2017), section 3.2.2, without biases."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    output: nn.Linear


def two_heads(words: Sequence[str], grids: bool = False) -> Diagram:
    """A sentence that looks at itself with two heads; tensors: `trace_two_heads`.

    grids: whether the boxes are high enough for the matrices of a sentence of three or four words.
    """
    level, tall = _levels(len(words), grids)
    boxes = [
        Box("words", " ".join(words), "word", (4.0, 0), wide=3.0, tall=0.36, bound=False),
        # So wide that its arrows go straight up, past the matrices.
        # Grey as the words, because the colour of what is asked belongs to the keys.
        Box("X", "$X$", "reference", (4.0, level["X"]), "words, d_model", "", "All vectors.", 5.0),
    ]
    level["attend"] = (level["A"] + level["Y1"]) / 2  # which takes two rows
    boxes += [
        Box(label.partition(":")[0], label, "word", (-0.62, level[row]), wide=0.95, bound=False)
        for label, row in HAPPENS.items()
    ]
    ways = [Arrow("words", "X"), *arrows("Y1 > Y > O", "Y2 > Y", "W_O > O")]
    for place, (letter, name) in enumerate(MADE.items()):
        of_head = f"Each head has its own columns of it: it makes the {name} of a word."
        across = 1.3 + 2.7 * place
        beside, shift = ((0.7, 0.6), (4.6, -0.6), (7.3, -0.6))[place]
        boxes += [
            _matrix(f"W_{letter}", (beside, level["W"]), of_head),
            _box(
                letter,
                f"${letter} = X W_{letter}$",
                ROLE[letter],
                (across, level["Q"]),
                "words, d_model",
                f"The {name} of each word, for both heads together.",
            ),
        ]
        ways += [Arrow(f"W_{letter}", letter), Arrow("X", letter, shift=shift)]
        for head in HEADS:
            part = f"{letter}{head}"
            at = (0.6 + 1.25 * place + LANE * (head - 1), level["cut"])
            about = f"The columns of {letter} that belong to head {head}."
            shown = f"${letter}_{head}$"
            boxes.append(Box(part, shown, f"head {head}", at, "words, d_k", shown, about, 1.15))
            ways += [Arrow(letter, part), Arrow(part, f"{'Y' if letter == 'V' else 'A'}{head}")]
    for head in HEADS:
        left = LANE * (head - 1)
        role = f"head {head}"
        boxes += [
            Box(
                f"A{head}",
                f"$A_{head}$",
                role,
                (left + 1.1, level["A"]),
                "words, words",
                rf"$A_{head}$ = softmax$(Q_{head} K_{head}^\top / \sqrt{{d_k}})$",
                f"The weights of head {head}: a map of its own.",
                2.1,
            ),
            Box(
                f"Y{head}",
                f"$Y_{head} = A_{head} V_{head}$",
                role,
                (left + 2.5, level["Y1"]),
                "words, d_k",
                f"$Y_{head} = A_{head} V_{head}$",
                f"What head {head} brings home for each word.",
                1.5,
            ),
        ]
        ways.append(Arrow(f"A{head}", f"Y{head}"))
    boxes += [
        _box("Y", "$[Y_1; Y_2]$", "context", (4.65, level["Y"]), "words, d_model", "Merged."),
        replace(
            _matrix("W_O", (7.0, level["O"]), "Its first rows read head 1, and the others head 2."),
            wide=1.7,  # room for the number of the head beside each row
        ),
        _box(
            "O",
            "$[Y_1; Y_2] W_O$",
            "context",
            (4.65, level["O"]),
            "words, d_model",
            "The layer's output for each word, made from what both heads found.",
        ),
    ]
    boxes = [replace(box, tall=tall[box.at[1]]) if box.bound else box for box in boxes]
    alt = (
        f"From below: the vectors X of {' '.join(words)} become Q, K and V by three matrices. Each "
        "of the three is cut into two parts of half the width. The first parts go to head 1 on the "
        "left, the second parts to head 2 on the right. Each head makes a map of its own from its "
        "queries and keys, and blends its values. The results of both heads are put side by "
        "side, and the matrix W_O makes the outputs from them. At the left edge stands what "
        "happens at each height: project, cut, attend, merge, mix."
    )
    title = "Project, cut, attend in each head, merge, mix"
    return Diagram(title, tuple(boxes), tuple(ways), _stages(), alt, unfolds=True)


def _levels(words: int, grids: bool) -> tuple[dict[str, float], dict[float, float]]:
    """Return the row of each kind of box, and the height of the boxes in a row."""
    rows = ("X", "W", "Q", "cut", "A", "Y1", "Y", "O")
    high = 0.44 + 0.19 * words if grids else 0.56
    heights = dict.fromkeys(rows, high) | {"A": high + (0.17 if grids else 0.0)}
    level, foot = {}, 0.45
    for below, row in pairwise(("", *rows)):
        foot += {"": 0.0, "X": 0.2, "W": 0.25}.get(below, 0.48)
        level[row] = foot + heights[row] / 2
        foot += heights[row]
    return level, {level[row]: heights[row] for row in rows}


def _box(name: str, label: str, role: str, at: tuple[float, float], shape: str, about: str) -> Box:
    return Box(name, label, role, at, shape, label, about, wide=2.2)


def _matrix(name: str, at: tuple[float, float], about: str) -> Box:
    return Box(name, f"${name}$", "parameter", at, "d_model, d_model", "", about, wide=1.4)


def _stages() -> tuple[Stage, ...]:
    whole = tuple(MADE)
    parts = {head: tuple(f"{letter}{head}" for letter in MADE) for head in HEADS}
    return (
        Stage("The layer gets one vector for each word, in rows.", ("words", "X")),
        Stage(
            "Project: three matrices make queries, keys and values of the whole vectors.",
            ("project", "X", *(f"W_{letter}" for letter in MADE), *whole),
        ),
        Stage(
            "Cut: the first $d_k$ columns of each belong to head 1, and the next $d_k$ to head 2. "
            "No word changes its row.",
            ("cut", *whole, *parts[1], *parts[2]),
        ),
        Stage(
            "Attend: head 1 makes a map from its own queries and keys, and blends its own values.",
            ("attend", *parts[1], "A1", "Y1"),
        ),
        Stage(
            "Head 2 does the same with its own parts. Its map is another one.",
            ("attend", *parts[2], "A2", "Y2"),
        ),
        Stage(
            "Merge: the two results of each word are put side by side.",
            ("merge", "Y1", "Y2", "Y"),
        ),
        Stage("Mix: $W_O$ makes each output from what both heads found.", ("mix", "Y", "W_O", "O")),
    )


def trace_two_heads(layer: Layer, vectors: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `two_heads` in one graph.

    layer: of two heads. vectors: X, (words, d_model).
    """
    linears = {"Q": layer.query, "K": layer.key, "V": layer.value, "O": layer.output}
    parts = {"X": vectors} | {f"W_{name}": linear.weight.T for name, linear in linears.items()}
    for letter in MADE:
        parts[letter] = vectors @ parts[f"W_{letter}"]
        halves = parts[letter].chunk(len(HEADS), dim=-1)
        parts |= {f"{letter}{head}": half for head, half in zip(HEADS, halves, strict=True)}
    for head in HEADS:
        asked = (parts[f"{letter}{head}"] for letter in MADE)
        parts[f"Y{head}"], parts[f"A{head}"] = attend(*asked, score=scaled_dot)
    parts["Y"] = torch.cat([parts[f"Y{head}"] for head in HEADS], dim=-1)
    return parts | {"O": parts["Y"] @ parts["W_O"]}


@torch.no_grad()
def follow_two_heads(layer: Layer, vectors: Tensor, words: Sequence[str]) -> Numbers:
    """Return what `two_heads` shows of a layer's own numbers; see the trace.

    Above the columns of what is not cut yet, and beside the rows of W_O, stands the number of the
    head that they belong to.
    """
    parts = trace_two_heads(layer, vectors)
    owners = [str(head) for head in HEADS for _ in range(vectors.shape[-1] // len(HEADS))]
    rows = {name: words for name in parts if not name.startswith("W_")} | {"W_O": owners}
    columns = dict.fromkeys((*MADE, "Y"), owners) | dict.fromkeys(("A1", "A2"), words)
    values = {name: tensor.tolist() for name, tensor in parts.items()}
    return Numbers("", values, rows=rows, columns=columns)
