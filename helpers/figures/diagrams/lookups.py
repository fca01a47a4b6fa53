"""Diagrams of the attention layer: queries, keys and values, each made by a matrix of its own.

Shapes: target vectors ask, source vectors are looked at; d_q and d_m are the widths of the two,
d_k is the width of a query and of a key, and d_v that of a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import cos, radians, sin

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from helpers import palette
from helpers.attention import masked_softmax
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows


def attention_layer(asking: str, memory: str, grids: bool = False) -> Diagram:
    """From two sets of vectors to the outputs of a layer; tensors: `trace_attention_layer`.

    asking, memory: the words that ask, and those that are looked at. grids: whether the boxes are
    high enough for the grids of one query and three entries, with the words beside them.
    """
    heights = (1.25, 1.0, 0.8, 0.8, 0.66) if grids else (0.58,) * 5  # of the boxes, from below
    levels = [0.66 + heights[0] / 2]
    for below, above in pairwise(heights):
        levels.append(levels[-1] + (below + above) / 2 + 0.6)
    vectors, projected, scores, weights, outputs = levels
    boxes = (
        Box("asking", asking, "word", (1.3, 0), wide=2.4, tall=0.36, bound=False),
        Box("memory", memory, "word", (5.4, 0), wide=3.2, tall=0.36, bound=False),
        _box("X_q", "$X_q$", "decoder", (1.3, vectors), "target, d_q", "What asks.", 2.25),
        _box("X_k", "$X_k$", "source", (5.4, vectors), "source, d_m", "What answers.", 2.25),
        _box("W_Q", "$W_Q$", "parameter", (-0.6, vectors), "d_q, d_k", "What to ask for.", 1.3),
        _box("W_K", "$W_K$", "parameter", (3.5, vectors), "d_m, d_k", "What to be found by.", 1.3),
        _box("W_V", "$W_V$", "parameter", (7.3, vectors), "d_m, d_v", "What to give.", 1.3),
        _box("Q", "$Q = X_q W_Q$", "decoder", (1.3, projected), "target, d_k", "Queries in rows."),
        _box("K", "$K = X_k W_K$", "source", (4.4, projected), "source, d_k", "Keys in rows."),
        _box("V", "$V = X_k W_V$", "value", (6.4, projected), "source, d_v", "Values in rows."),
        _box(
            "E",
            r"$E = QK^\top / \sqrt{d_k}$",
            "score",
            (2.8, scores),
            "target, source",
            "One score for each pair of a query and a key.",
            wide=2.5,
        ),
        _box(
            "mask", "mask", "parameter", (0.2, weights), "", "Hides scores.", wide=1.2, bound=False
        ),
        _box(
            "A",
            "$A$ = softmax$(E)$",
            "score",
            (2.8, weights),
            "target, source",
            "Softmax of each row: one row of weights for each query, whose sum is 1.",
            wide=2.5,
        ),
        _box(
            "Y",
            "$Y = AV$",
            "context",
            (4.4, outputs),
            "target, d_v",
            "One output for each query: the values, blended by its weights.",
            wide=2.2,
        ),
    )
    ways = (
        *arrows("asking > X_q > Q > E > A > Y", "memory > X_k > K > E", "X_k > V > Y"),
        *arrows("W_Q > Q", "W_K > K", "W_V > V"),
        Arrow("mask", "A"),
    )
    stages = (
        Stage(
            "Two sets of vectors come in. One side asks, and the other side is the memory in which "
            "it looks. They may be the same vectors.",
            ("asking", "X_q", "memory", "X_k"),
        ),
        Stage("The vectors that ask become queries.", ("X_q", "W_Q", "Q")),
        Stage(
            "Each vector of the memory becomes a key, by which it is found, and a value, which it "
            "gives.",
            ("X_k", "W_K", "W_V", "K", "V"),
        ),
        Stage("Each query meets each key, and their product is a score.", ("Q", "K", "E")),
        Stage(
            "Scores that the mask hides are left out. The softmax of each row gives the weights.",
            ("E", "mask", "A"),
        ),
        Stage("The weights blend the values. There is one output for each query.", ("A", "V", "Y")),
    )
    alt = (
        "From below: the vectors that ask become queries through W_Q; the vectors of the memory "
        "become keys through W_K and values through W_V. Queries and keys give the scores E, "
        "the mask and a softmax of each row give the weights A, and weights and values give the "
        "outputs Y."
    )
    high = dict(zip(levels, heights, strict=True))
    boxes = tuple(replace(box, tall=high[box.at[1]]) if box.bound else box for box in boxes)
    return Diagram("The attention layer", boxes, ways, stages, alt, unfolds=True)


def _box(
    name: str,
    label: str,
    role: str,
    at: tuple[float, float],
    shape: str,
    about: str,
    wide: float = 1.7,
    bound: bool = True,
) -> Box:
    return Box(name, label, role, at, shape, label, about, wide=wide, tall=0.58, bound=bound)


def trace_attention_layer(
    layer: nn.Module, asking: Tensor, memory: Tensor, mask: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `attention_layer` in one graph.

    layer: has the linear layers query, key and value, without bias. asking: (target, d_q).
    memory: (source, d_m). mask: bool (target or 1, source), True = may be attended.
    """
    parts = {"X_q": asking, "X_k": memory}
    for name, linear in (("W_Q", layer.query), ("W_K", layer.key), ("W_V", layer.value)):
        parts[name] = linear.weight.T
    parts["Q"] = asking @ parts["W_Q"]
    parts["K"], parts["V"] = memory @ parts["W_K"], memory @ parts["W_V"]
    parts["E"] = parts["Q"] @ parts["K"].T / parts["K"].shape[-1] ** 0.5
    parts["A"] = masked_softmax(parts["E"], mask)
    return parts | {"Y": parts["A"] @ parts["V"]}


@torch.no_grad()
def follow_attention_layer(
    layer: nn.Module,
    asking: Tensor,
    memory: Tensor,
    mask: Tensor,
    asks: Sequence[str],
    answers: Sequence[str],
    features: Sequence[str],
) -> Numbers:
    """Return what `attention_layer` shows of a layer's own numbers; see the trace.

    asks: a word for each query. answers: a word for each entry of the memory. features: what each
    number of a vector means, on both sides.
    """
    parts = trace_attention_layer(layer, asking, memory, mask)
    rows = dict.fromkeys(("X_q", "Q", "E", "A", "Y"), asks)
    rows |= dict.fromkeys(("X_k", "K", "V"), answers)
    rows |= dict.fromkeys(("W_Q", "W_K", "W_V"), features)
    columns = dict.fromkeys(("X_q", "X_k"), features) | dict.fromkeys(("E", "A"), answers)
    values = {name: tensor.tolist() for name, tensor in parts.items()}
    return Numbers("", values, rows=rows, columns=columns)


def softmax_in_pieces() -> Diagram:
    """Attention of one query in two pieces, without all weights; tensors: `trace_in_pieces`."""
    boxes = []
    for n, left in ((1, 0.0), (2, 4.9)):
        old = "" if n == 1 else "the old one, shrunk, and "
        right, row_of_values = left + 2.4, 2.4 if n == 1 else 3.3
        about = f"What {old}the entries of piece {n} add."
        boxes += [
            _box(f"E{n}", f"scores of piece {n}", "score", (left, 0.6), "piece", "", wide=1.9),
            _box(f"V{n}", f"values of piece {n}", "value", (left, row_of_values), "piece, d_v", ""),
            _box(
                f"top{n}",
                "largest so far",
                "score",
                (right, 0),
                "",
                "The largest score of all pieces so far.",
                bound=False,
            ),
            _box(f"total{n}", "sum so far", "score", (right, 1.2), "", about, wide=1.2),
            _box(f"mixed{n}", "blend so far", "context", (right, 2.4), "d_v", about),
        ]
    boxes.append(_box("Y", "blend / sum", "context", (10.0, 1.8), "d_v", "The output."))
    ways = (
        *arrows("E1 > top1 > total1 > total2 > Y", "E1 > total1", "E1 > mixed1 > mixed2 > Y"),
        *arrows("V1 > mixed1", "V2 > mixed2", "E2 > top2 > total2", "E2 > total2", "E2 > mixed2"),
        *arrows("top1 > top2"),
        *(Arrow(f"top{n}", f"mixed{n}", bend=2.6) for n in (1, 2)),
    )
    alt = (
        "Two pieces from left to right. Scores and values of the first piece give the largest "
        "score, the sum and the blend of values so far. These three go on to the second "
        "piece, which renews them with its own scores and values. At the end the blend is divided "
        "by the sum."
    )
    title = "A softmax in pieces: three things are remembered, and no table"
    return Diagram(title, tuple(boxes), ways, (), alt)


def trace_in_pieces(scores: Tensor, values: Tensor, size: int) -> dict[str, Tensor]:
    """Return every tensor of `softmax_in_pieces` in one graph.

    scores: (source,). values: (source, d_v). size: of the first piece; the rest is the second.
    """
    e1, e2 = scores[:size].clone(), scores[size:].clone()
    v1, v2 = values[:size].clone(), values[size:].clone()
    top1 = e1.detach().max()
    top2 = torch.maximum(top1, e2.detach().max())  # no gradient: the result does not depend on it
    total1, mixed1 = (e1 - top1).exp().sum(), (e1 - top1).exp() @ v1
    shrink = (top1 - top2).exp()
    total2 = total1 * shrink + (e2 - top2).exp().sum()
    mixed2 = mixed1 * shrink + (e2 - top2).exp() @ v2
    sums = {"total1": total1, "mixed1": mixed1, "total2": total2, "mixed2": mixed2}
    return {"E1": e1, "V1": v1, "E2": e2, "V2": v2, **sums, "Y": mixed2 / total2}


def in_the_plane(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    words: Sequence[str],
    temperatures: Sequence[float],
) -> Figure:
    """Return a figure of a soft dictionary, a panel for each temperature, to be shown.

    query: (2,) for all panels, or one for each, (panels, 2). keys: (source, 2), drawn as arrows
    whose width is the key's weight at that temperature. values: (source, d_v), written beside their
    keys; their blend stands below. Raises ValueError where the sizes do not fit.
    """
    panels = len(temperatures)
    fits = query.shape in ((2,), (panels, 2))
    if not fits or keys.shape != (len(words), 2) or len(values) != len(words):
        raise ValueError(
            f"query {tuple(query.shape)}, keys {tuple(keys.shape)} and values "
            f"{tuple(values.shape)} for {len(words)} words; expected (2,) or ({panels}, 2), one "
            "row of two numbers and one row of values for each word."
        )
    fig = Figure(figsize=(3.1 * panels, 2.9))
    shown = zip(fig.subplots(1, panels), query.expand(panels, 2), temperatures, strict=True)
    for axes, asking, temperature in shown:
        shares = torch.softmax(keys @ asking / temperature, dim=0)
        entries = zip(words, keys.tolist(), values.tolist(), shares.tolist(), strict=True)
        for word, key, value, weight in entries:
            look = {"arrowstyle": "-|>", "color": palette.ROLE_COLOURS["key"], "lw": 1 + 7 * weight}
            axes.annotate("", key, (0, 0), arrowprops={**look, "shrinkA": 0, "shrinkB": 0})
            place = 1.28 * key[0], 1.28 * key[1] - (0.42 if key[1] == 0 else 0)
            text = f"{word} {weight:.2f}\n({', '.join(f'{v:g}' for v in value)})"
            axes.text(*place, text, ha="center", va="center", fontsize=12)
        look = {
            "arrowstyle": "->",
            "color": palette.ROLE_COLOURS["query"],
            "lw": 2.5,
            "linestyle": "--",
        }
        axes.annotate("", asking.tolist(), (0, 0), arrowprops={**look, "shrinkA": 0, "shrinkB": 0})
        axes.text(*(1.18 * asking).tolist(), "query", ha="left", va="center", fontsize=12)
        blend = ", ".join(f"{v:.1f}" for v in (shares @ values).tolist())
        axes.text(0, -1.05, f"answer ({blend})", ha="center", fontsize=13, weight="bold")
        axes.set(xlim=(-1.9, 1.9), ylim=(-1.15, 1.5), aspect="equal")
        axes.set_axis_off()
        axes.set_title(f"temperature {temperature:g}", loc="center", fontsize=14)
    return fig


def turned_question(
    keys: Tensor, values: Tensor, words: Sequence[str], wanted: int, degrees: float
) -> Figure:
    """Return a figure of a memory, and of a question that is one of its keys, turned; to be shown.

    keys: (source, 2), given as numbers and as arrows. values: (source, d_v). words: one for each
    entry. wanted: the entry that is asked for, from 0. degrees: by which its key is turned, to the
    left. Raises ValueError for an entry that is not there.
    """
    if not 0 <= wanted < len(words) or keys.shape != (len(words), 2) or len(values) != len(words):
        raise ValueError(
            f"entry {wanted} of {len(words)} words is wanted, with keys {tuple(keys.shape)} and "
            f"values {tuple(values.shape)}; expected one row of two numbers and one row of values "
            f"for each word, and an entry from 0 to {len(words) - 1}."
        )
    way = radians(degrees)
    turn = torch.tensor([[cos(way), sin(way)], [-sin(way), cos(way)]])
    question = keys[wanted] @ turn
    fig = Figure(figsize=(8.4, 3.1))
    table, plane = fig.subplots(1, 2, width_ratios=(1.35, 1))
    colours = palette.ROLE_COLOURS
    entries = zip(words, keys.tolist(), values.tolist(), strict=True)
    rows = [(word, key, value, "key") for word, key, value in entries]
    rows.append(("question", question.tolist(), [0.0] * values.shape[1], "query"))
    for line, (name, found_by, gives, role) in enumerate(rows):
        low = -line - (0.5 if role == "query" else 0)  # apart from the memory
        table.text(-0.25, low, name, ha="right", va="center", fontsize=13)
        for place, number in enumerate((*found_by, *gives)):
            part = role if place < 2 else "value" if role == "key" else None
            left = place + (0.4 if place > 1 else 0)
            face = (colours[part], 0.35) if part else "none"
            thick = line == wanted and place > 1  # the value that is asked for
            cell = Rectangle((left, low - 0.36), 0.92, 0.72, facecolor=face)
            cell.set(edgecolor=palette.GREY, linewidth=2.6 if thick else 0.6)
            table.add_patch(cell)
            text = f"{number:.2f}".rstrip("0").rstrip(".")
            table.text(left + 0.46, low, text, ha="center", va="center", fontsize=12)
    for left, text in ((1, "found by"), (2.4 + values.shape[1] / 2, "gives")):
        table.text(left - 0.04, 0.7, text, ha="center", va="center", fontsize=13)
    table.set(xlim=(-1.9, 2.5 + values.shape[1]), ylim=(-len(words) - 1.0, 1.1))
    for word, key in zip(words, keys, strict=True):
        _vector(plane, key, word, colours["key"], width=4.0 if word == words[wanted] else 1.6)
    _vector(plane, question, "question", colours["query"], width=2.5, dashed=True)
    looks = {"arrowstyle": "->", "color": palette.GREY, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    looks["connectionstyle"] = f"arc3,rad={0.4 * degrees / 90:g}"
    plane.annotate("", (0.55 * question).tolist(), (0.55 * keys[wanted]).tolist(), arrowprops=looks)
    plane.set(xlim=(-1.9, 1.6), ylim=(-0.7, 1.5), aspect="equal", anchor="N")
    for axes, title in ((table, "A memory, and a question"), (plane, "The question is turned")):
        axes.set_axis_off()
        axes.set_title(title, loc="center", fontsize=14)
    return fig


def _vector(
    axes: Axes, tip: Tensor, name: str, colour: str, width: float, dashed: bool = False
) -> None:
    """Draw an arrow from the centre, with its name at its tip."""
    look = {"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0}
    axes.annotate(
        "", tip.tolist(), (0, 0), arrowprops=look | {"linestyle": "--" if dashed else "-"}
    )
    x, y = (1.22 * tip).tolist()
    axes.text(x, y + (0.22 if dashed else 0), name, ha="center", va="center", fontsize=12)
