"""Pictures of what is done to an attention map: its links counted, its weights changed.

Shapes: a weight is one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from helpers import palette
from helpers.figures.charts import AS_IT_IS, SHOWN_FROM
from helpers.figures.diagrams.spec import Box, Diagram, Numbers, Stage, arrows

Link = tuple[int, int]


def link_sets(
    rows: Sequence[str],
    columns: Sequence[str],
    found: Iterable[Link],
    sure: Iterable[Link],
    possible: Iterable[Link],
) -> Diagram:
    """The found links A, the sure ones S and the possible ones P of a sentence, and their AER.

    rows: the target words, from the top. columns: the source words. A link is (source position,
    target position), counted from 0. Raises ValueError if a sure link is not possible too.
    """
    found, sure, possible = set(found), set(sure), set(possible)
    if not sure <= possible:
        raise ValueError(f"the sure links {sorted(sure - possible)} are not possible; expected all")
    height = len(rows)

    def name(link: Link) -> str:
        return f"{link[0]} {link[1]}"

    boxes = [
        *(Box(f"x{i}", w, "word", (i, height), bound=False) for i, w in enumerate(columns)),
        *(Box(f"y{t}", w, "word", (-1, height - 1 - t), bound=False) for t, w in enumerate(rows)),
    ]
    for t in range(height):
        for i in range(len(columns)):
            link = (i, t)
            gold = "S" if link in sure else "P" if link in possible else ""
            marks = [mark for mark in ("A" if link in found else "", gold) if mark]
            role = "parameter"
            if link in found:
                role = "right" if gold else "wrong"
            at = (i, height - 1 - t)
            about = f"'{rows[t]}' and '{columns[i]}'"
            boxes.append(
                Box(name(link), ", ".join(marks), role, at, about=about, tall=0.72, bound=False)
            )
    width = (len(columns) + 1) / 3
    legend = (
        ("A with S or P: right", "right"),
        ("A: found, but wrong", "wrong"),
        ("S or P: not found", "parameter"),
    )
    boxes += [
        Box(role, text, role, (width * (k + 0.5) - 1.5, -1), wide=width - 0.1, bound=False)
        for k, (text, role) in enumerate(legend)
    ]
    both, allowed = len(found & sure), len(found & possible)
    total = len(found) + len(sure)
    stages = (
        Stage(
            f"A: the largest weight of each row. The model found {len(found)} links.",
            tuple(map(name, sorted(found))),
        ),
        Stage(
            f"S: the links that a careful person would set. There are {len(sure)}.",
            tuple(map(name, sorted(sure))),
        ),
        Stage(
            f"Found and sure: {both}. Green cells with S.",
            tuple(map(name, sorted(found & sure))),
        ),
        Stage(
            f"Found and possible: {allowed}. All green cells count, because every sure link is "
            "possible too.",
            tuple(map(name, sorted(found & possible))),
        ),
        Stage(
            f"The alignment error rate is 1 - ({both} + {allowed}) / ({len(found)} + {len(sure)}) "
            f"= {1 - (both + allowed) / total:.2f}.",
            tuple(map(name, sorted(found | sure))),
        ),
    )
    alt = (
        f"A table of {height} target words as rows and {len(columns)} source words as columns. "
        f"{len(found)} cells are found (A), {len(sure)} sure (S) and {len(possible - sure)} only "
        f"possible (P). {both} are found and sure, {allowed} found and possible."
    )
    title = "Found (A), sure (S) and possible (P) links"
    return Diagram(title, tuple(boxes), (), stages, alt)


def largest_masked(words: Sequence[str], largest: int) -> Diagram:
    """One row of a map: its largest weight is taken away, and the others are divided by their sum.

    words: of the source, one column each. largest: the place of the largest weight, from 0.
    Tensors: `trace_largest_masked`. Raises ValueError for a place that is not there.
    """
    if not 0 <= largest < len(words):
        raise ValueError(f"largest={largest}; expected a place from 0 to {len(words) - 1}")
    size, gone = range(1, len(words) + 1), largest + 1
    kept = [i for i in size if i != gone]
    middle = (1 + len(words)) / 2
    boxes = [
        *(Box(f"x{i}", word, "word", (i, 0), bound=False) for i, word in enumerate(words, 1)),
        *(
            Box(f"a{i}", f"$a_{{t,{i}}}$", "score", (i, 0.7), about="A weight of the map.")
            for i in size
        ),
        Box(
            "rest",
            "÷ the sum of the others",
            "score",
            (middle, 1.75),
            formula=r"$1 - a_{t,max}$",
            about="What the weights that are left sum to.",
            wide=len(words) - 0.2,
        ),
        *(
            Box(
                f"b{i}",
                "0" if i == gone else f"$a'_{{t,{i}}}$",
                "score",
                (i, 2.8),
                about="The weight as if the largest had been masked before the softmax.",
                bound=i != gone,
            )
            for i in size
        ),
    ]
    ways = [*arrows(*(f"x{i} > a{i}" for i in size))]
    ways += arrows(*(f"a{i} > rest" for i in kept), *(f"rest > b{i}" for i in kept))
    stages = (
        Stage("The weights of one row sum to 1.", tuple(f"a{i}" for i in size)),
        Stage(
            "The largest weight is taken away (hatched). The others are added up.",
            ("rest", *(f"a{i}" for i in kept)),
        ),
        Stage(
            "Each of the others is divided by that sum. They sum to 1 again, and their ratios are "
            "as before, as if the largest had been masked before the softmax.",
            tuple(f"b{i}" for i in size),
        ),
    )
    alt = (
        f"A row of {len(words)} weights, one a source word. Below they are as the model has them, "
        f"above the weight of '{words[largest]}' is 0 and hatched, and the others are divided by "
        "the sum of the others, so that they sum to 1 again."
    )
    title = "Take the largest weight away"
    masked = frozenset([f"b{gone}"])
    return Diagram(title, tuple(boxes), tuple(ways), stages, alt, masked, unfolds=True)


def trace_largest_masked(weights: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `largest_masked`. weights: one row (source,) of sum 1."""
    gone = int(weights.argmax())
    given = [a.clone().requires_grad_() for a in weights.detach().unbind()]
    rest = torch.stack([a for i, a in enumerate(given) if i != gone]).sum()
    parts = {f"a{i}": a for i, a in enumerate(given, 1)} | {"rest": rest}
    return parts | {f"b{i + 1}": a / rest for i, a in enumerate(given) if i != gone}


def follow_largest_masked(weights: Tensor, name: str = "") -> Numbers:
    """Return what `largest_masked` shows of one row (source,); name: the word that it writes."""
    parts = {box: tensor.detach() for box, tensor in trace_largest_masked(weights).items()}
    # Three decimals, so that a reader can divide the numbers and finds what is shown.
    words = {box: f"{float(number):.3f}" for box, number in parts.items()}
    return Numbers(
        name, words=words | {"rest": f"÷ {float(parts['rest']):.3f}, the sum of the others"}
    )


def six_changes(weights: Tensor) -> dict[str, Tensor]:
    """Return one row of weights as it is and in six changed forms, by what was done.

    weights: (source,), of sum 1. Raises ValueError for a row of fewer than two weights above 0,
    because a row without its largest weight would be empty.
    """
    if int((weights > 0).sum()) < 2:
        raise ValueError(f"weights={weights.tolist()}; expected two above 0 at least")
    places = weights.argsort(descending=True, stable=True)[:2].tolist()

    def without(place: int) -> Tensor:
        rest = weights.clone()
        rest[place] = 0
        return rest / rest.sum()

    def alone(place: int) -> Tensor:
        row = torch.zeros_like(weights)
        row[place] = 1
        return row

    named = tuple(zip(("largest", "second largest"), places, strict=True))
    return {
        "the weights of the model": weights,
        **{f"the {name} taken away": without(place) for name, place in named},
        **{f"only the {name} left": alone(place) for name, place in named},
        "zeros in place of the context": torch.zeros_like(weights),
        "all weights equal": torch.full_like(weights, 1 / len(weights)),
    }


def changed_weights(rows: dict[str, Tensor], words: Sequence[str]) -> Figure:
    """Return a figure of rows of weights, each under its name; to be shown.

    rows: each (source,), the first as the model has it. words: of the source, one for each column.
    A weight that is 0, but is not 0 in the first row, is hatched, because it was masked. Small
    weights are coloured and not written. Raises ValueError for a row of another length.
    """
    if wrong := [name for name, row in rows.items() if len(row) != len(words)]:
        raise ValueError(f"rows {wrong} do not have {len(words)} weights, one for each word")
    given = next(iter(rows.values())).tolist()
    fig = Figure(figsize=(0.8 * len(words) + 0.1, 0.72 * len(rows) + 0.4))
    axes = fig.add_subplot()
    for line, (name, row) in enumerate(rows.items()):
        axes.text(0, line - 0.06, name, va="bottom", fontsize=13)
        for place, weight in enumerate(row.tolist()):
            masked = weight == 0 and given[place] != 0
            shade = palette.shade(weight)
            look = {"facecolor": "none", "hatch": "//"} if masked else {"facecolor": shade}
            gid = None if masked else AS_IT_IS
            axes.add_patch(
                Rectangle((place, line), 0.95, 0.5, edgecolor=palette.GREY, **look, gid=gid)
            )
            ink = palette.BLACK if masked else palette.ink_on(shade)
            text = "0" if masked else f"{weight:.2f}" if weight >= SHOWN_FROM else ""
            at = place + 0.475, line + 0.25
            axes.text(*at, text, color=ink, ha="center", va="center", fontsize=13, gid=gid)
    for place, word in enumerate(words):
        axes.text(place + 0.475, len(rows) - 0.3, word, ha="center", va="center", fontsize=13)
    axes.set(xlim=(-0.05, len(words)), ylim=(len(rows) - 0.1, -0.4))
    axes.set_axis_off()
    return fig
