"""Pictures of attention over the cells of a picture: cut, numbered, attended, and shuffled.

Shapes: cells of a picture, side pixels of a cell, content and position numbers of the two parts of
a cell's vector, features of a vector by hand, attention units of the score, hidden numbers of the
decoder's state, embed numbers of a word's vector, vocab words of a caption.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

from helpers import palette
from helpers.corpus import SCENE_VOCABULARY, Vocabulary
from helpers.corpus.scenes import cut_cells
from helpers.figures.charts import AS_IT_IS
from helpers.figures.checks import picture_array, to_array
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import AttentionCaptioner, MeanPooledCaptioner

SHOWN = (6, 3)  # numbers of a cell's content and of its position that the set of vectors shows
ROOM = 0.34  # a gap between cells, as a share of a cell, in which a cell's number has room


def by_hand(contents: Sequence[str]) -> Diagram:
    """One look at a few cells with dot products; the tensors are those of `trace_by_hand`.

    contents: what is in each cell, in reading order.
    """
    size = range(1, len(contents) + 1)
    middle, across = (len(contents) + 1) / 2, len(contents) + 0.1
    aside = 0.36  # of the vectors that go up beside the columns
    boxes = [
        Box("q", "$q$", "decoder", (-0.35, 1.8), "features", "$q$", "What the decoder asks for."),
        _bar("dot", r"$q \cdot h_i$, for each cell on its own", (middle, 1.8), across),
        _bar("softmax", "softmax over all cells", (middle, 3.35), across),
    ]
    for i, content in enumerate(contents, 1):
        boxes += [
            Box(f"x{i}", content, "word", (i, 0.15), wide=1.0, bound=False),
            _of_cell("h", i, "source", 0.95, "features", f"$h_{i}$", f"What cell {i} tells."),
            _of_cell("e", i, "score", 2.6, "", f"$e_{i} = q \\cdot h_{i}$", "How it fits.", 0.5),
            _of_cell("a", i, "score", 4.1, "", f"$a_{i}$", f"The share of cell {i}.", 0.5),
            Box(
                f"part{i}",
                f"$a_{i} h_{i}$",
                "context",
                (i, 5.05),
                "features",
                f"$a_{i} h_{i}$",
                f"What cell {i} gives to the context.",
                wide=0.88,
            ),
        ]
    boxes.append(
        Box(
            "c",
            "$c$",
            "context",
            (middle, 6.1),
            "features",
            r"$c = \sum_i a_i h_i$",
            "The context: the vectors of all cells, each as strong as its weight.",
            wide=1.9,
            tall=0.62,
        )
    )
    ways = (
        # A vector's arrow runs on behind the bar, because a score depends on its own cell alone.
        *arrows(*(f"x{i} > h{i} > e{i} > softmax > a{i} > part{i}" for i in size)),
        *arrows("q > dot", *(f"dot > e{i}" for i in size)),
        *(Arrow(f"h{i}", f"part{i}", weight=f"a{i}", shift=aside) for i in size),
        *(Arrow(f"part{i}", "c", weight=f"a{i}") for i in size),
    )

    def row(*kinds: str) -> tuple[str, ...]:
        return tuple(f"{kind}{i}" for kind in kinds for i in size)

    stages = (
        Stage("The cells are put in a row, in reading order. Each one is a vector.", row("x", "h")),
        Stage(
            "The query meets each cell. The dot product is its score.", ("q", "dot", *row("h", "e"))
        ),
        Stage(
            "One softmax over all cells turns the scores into weights.", ("softmax", *row("e", "a"))
        ),
        Stage(
            "The context is the sum of the vectors, each times its weight.",
            (*row("h", "a", "part"), "c"),
        ),
    )
    alt = (
        f"A look at {len(contents)} cells. From the bottom: what is in each cell, its vector, its "
        "score from the vector and the query, one softmax over all cells, the weights, each vector "
        "times its weight, and their sum, the context."
    )
    return Diagram("One look at four cells", tuple(boxes), ways, stages, alt)


def _of_cell(
    kind: str,
    i: int,
    role: str,
    row: float,
    shape: str,
    formula: str,
    about: str,
    wide: float = 0.78,
) -> Box:
    return Box(f"{kind}{i}", f"${kind}_{i}$", role, (i, row), shape, formula, about, wide=wide)


def _bar(name: str, label: str, at: tuple[float, float], wide: float) -> Box:
    return Box(name, label, "parameter", at, wide=wide, tall=0.4, bound=False)


def trace_by_hand(query: Tensor, cells: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `by_hand` in one graph; query (features,), cells (cells, features)."""
    states = [h.clone() for h in cells]
    scores = [query @ h for h in states]
    weights = torch.softmax(torch.stack(scores), dim=0).unbind()
    shares = [a * h for a, h in zip(weights, states, strict=True)]
    parts = {"q": query, "c": torch.stack(shares).sum(dim=0)}
    for i, found in enumerate(zip(states, scores, weights, shares, strict=True), 1):
        parts |= {
            f"{kind}{i}": one for kind, one in zip(("h", "e", "a", "part"), found, strict=True)
        }
    return parts


@torch.no_grad()
def follow_by_hand(query: Tensor, cells: Tensor) -> Numbers:
    """Return what `by_hand` shows of these numbers; arguments as in `trace_by_hand`."""
    return _numbers("", trace_by_hand(query, cells), {})


def _numbers(name: str, parts: Mapping[str, Tensor], words: Mapping[str, str]) -> Numbers:
    """Vectors as strips of cells, single numbers in the place of their labels."""
    vectors = {n: t.tolist() for n, t in parts.items() if t.ndim == 1 and not n.startswith("part")}
    single = {n: f"{float(t):.3g}" if n[0] == "e" else f"{float(t):.3f}"
              for n, t in parts.items() if not t.ndim}  # fmt: skip
    weights = {n: float(t) for n, t in parts.items() if n[0] == "a" and not t.ndim}
    return Numbers(name, vectors, {**single, **words}, weights)


def captioner_step(attends: bool = True) -> Diagram:
    """One word of a caption, from the pixels of a picture to the word.

    attends: with attention, or as the twin does it, with the mean over all cells. Tensors:
    `trace_captioner_step`.
    """
    both = "content + position"
    boxes = [
        Box("picture", "the picture", "word", (1, 0), wide=1.6, bound=False),
        _wide("cells", "pixels of each cell", "source", (1, 0.85), "cells, 3, side, side", ""),
        _wide("see", "content", "source", (1, 1.85), "cells, content", "What is in each cell."),
        _wide(
            "where",
            "position",
            "parameter",
            (3.1, 1.85),
            "cells, position",
            "Where each cell is: a learnt table, the same for all pictures.",
        ),
        _wide(
            "h",
            "$h_i$ = [content; position]",
            "source",
            (2.05, 2.85),
            f"cells, {both}",
            "A vector for each cell: the set that is attended.",
            3.1,
        ),
        _wide("before", "$s_{t-1}$", "decoder", (-0.85, 5.85), "hidden", "The state before.", 1.2),
        _wide("c", "$c_t$", "context", (2.05, 5.85), both, "What the look has found.")
        if attends
        else _wide(
            "c",
            "$c$, the mean over all cells",
            "context",
            (2.05, 5.85),
            both,
            "The same at each word.",
            3.1,
        ),
        _wide("y", "$y_{t-1}$", "output", (-0.85, 6.85), "embed", "The word before.", 1.2),
        _wide(
            "s",
            "$s_t$",
            "decoder",
            (1.0, 6.85),
            "hidden",
            "The new state: from the word before, the context and the state before.",
            1.4,
        ),
        _wide(
            "logits",
            "scores of all words",
            "output",
            (2.05, 7.85),
            "vocab",
            "A linear layer on the new state and the context. The three highest are shown.",
            4.4,
        ),
        Box("word", "$y_t$", "word", (2.05, 8.6), about="The likeliest word.", bound=False),
    ]
    ways = [
        *arrows("picture > cells > see > h", "where > h", "y > s", "before > s > logits"),
        *arrows("c > s"),
        Arrow("c", "logits", shift=0.5),
        Arrow("logits", "word", choice=True),
    ]
    if attends:
        boxes += [
            _wide("keys", "keys $U h_i$", "source", (1.4, 3.85), "cells, attention", "", 1.6),
            _wide("query", "query $W s_{t-1} + b$", "decoder", (-0.85, 4.35), "attention", "", 1.9),
            _wide("weights", "weights", "score", (1.4, 4.85), "cells", "One for each cell.", 2.2),
        ]
        ways += [
            *arrows("h > keys > weights > c", "before > query > weights"),
            Arrow("h", "c", shift=0.75),
        ]
        look = Stage(
            "The state $s_{t-1}$ asks. Each cell gets a weight, and the context is the sum of the "
            "vectors, each times its weight.",
            ("h", "before", "query", "keys", "weights", "c"),
        )
    else:
        boxes.append(
            _wide(
                "mixed",
                "a layer on each $h_i$",
                "source",
                (2.05, 4.35),
                f"cells, {both}",
                "Content and position of each cell, mixed by a learnt layer.",
                3.1,
            )
        )
        ways += arrows("h > mixed > c")
        look = Stage("The context is the mean over all cells. Nobody asks.", ("h", "mixed", "c"))
    stages = (
        Stage("The picture is cut into cells.", ("picture", "cells")),
        Stage(
            "Each cell becomes a vector: its content, made from its pixels, and its position.",
            ("cells", "see", "where", "h"),
        ),
        look,
        Stage(
            "The decoder renews its state, and the likeliest word is said.",
            ("before", "y", "c", "s", "logits", "word"),
        ),
    )
    return Diagram(
        "A word of a caption, with attention" if attends else "The twin: the same mean every time",
        tuple(boxes),
        tuple(ways),
        stages,
        _told(attends),
    )


def _told(attends: bool) -> str:
    look = (
        "The decoder's state before makes a query. Query and keys give a weight for each cell, and "
        "weights and vectors the context."
        if attends
        else "A layer works on each vector, and the mean over all cells is the context. No arrow "
        "leads from the decoder's state to it."
    )
    return (
        "From the bottom: the picture, its cells, a content for each cell and a table of "
        f"positions, which together are the vectors h. {look} Context, word before and state "
        "before give the new state, and this and the context the scores of all words."
    )


def _wide(
    name: str,
    label: str,
    role: str,
    at: tuple[float, float],
    shape: str,
    about: str,
    wide: float = 1.9,
) -> Box:
    return Box(name, label, role, at, shape, label, about, wide=wide, tall=0.62)


def trace_captioner_step(
    model: AttentionCaptioner | MeanPooledCaptioner, image: Tensor, previous: Tensor, state: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `captioner_step` as this model computes it, in one graph.

    image: (3, height, width) uint8. previous: id of the word before (1,). state: s_{t-1} (hidden,).
    """
    kind = model.encoder.positions.dtype
    cells = cut_cells(1 - image[None].to(kind) / 255)[0].requires_grad_()  # white paper is 0
    contents, places = model.encoder.see(cells), model.encoder.positions
    states = torch.cat([contents, places], dim=-1)
    parts = {"cells": cells, "see": contents, "where": places, "h": states}
    parts["before"], parts["y"] = state.clone(), model.embedding(previous)[0]
    if isinstance(model, AttentionCaptioner):
        query, keys = model.query(parts["before"]), model.key(states)
        weights = torch.softmax(model.score(query[None], keys)[0], dim=0)
        parts |= {"query": query, "keys": keys, "weights": weights, "c": weights @ states}
    else:
        parts["mixed"] = torch.relu(model.value(states))
        parts["c"] = parts["mixed"].mean(dim=0)
    given = torch.cat([parts["y"], parts["c"]])[None]
    parts["s"] = model.cell(given, parts["before"][None])[0]
    return parts | {"logits": model.output(torch.cat([parts["s"], parts["c"]]))}


@torch.no_grad()
def follow_captioner(model: AttentionCaptioner, image: Tensor, longest: int = 30) -> list[Numbers]:
    """Return what `captioner_step` shows at each word of a greedy caption; image: as in the trace.

    longest: in words, for a model that does not end its caption.
    """
    state = model.output.weight.new_zeros(model.hidden)
    previous = torch.tensor([Vocabulary.start], device=image.device)
    known, found = SCENE_VOCABULARY.words, []
    for _ in range(longest):
        parts = trace_captioner_step(model, image, previous, state)
        before, (best, places) = known[int(previous)], parts["logits"].topk(3)
        previous, state = places[:1], parts["s"]
        word, weights = known[int(previous)], parts["weights"]
        most = int(weights.argmax())
        strips = {name: parts[name] for name in ("query", "before", "y", "c", "s")}
        words = {
            "weights": f"weights: cell {most + 1}, {float(weights[most]):.2f}",
            "y": before,
            "logits": ", ".join(f"{known[i]} {e:.1f}" for i, e in zip(places, best, strict=True)),
            "word": word,
        }
        found.append(Numbers(word, {n: t.tolist() for n, t in strips.items()}, words))
        if int(previous) == Vocabulary.end:
            break
    return found


def picture_to_set(picture: Any, vectors: Any, weights: Any, content: int, title: str) -> Figure:
    """Return a figure, to be shown: a picture, its cells, a vector for each, and a look at them.

    picture: (H, W, 3) uint8. vectors: (cells, content + position), of which the first numbers are
    shown. weights: (cells,). content: how many numbers of a vector tell the content.
    Raises ValueError where the sizes do not fit.
    """
    image, table = picture_array(picture), to_array(vectors, "vectors")
    look = to_array(weights, "weights")
    side = _side(len(table))
    if look.shape != (side * side,) or table.ndim != 2 or not 0 < content < table.shape[1]:
        raise ValueError(
            f"vectors {table.shape}, weights {look.shape} and {content} numbers of content; "
            "expected a row and a weight for each cell, and some numbers of the row for each part"
        )
    fig = Figure(figsize=(6.4, 7.4))
    rows = fig.add_gridspec(4, 1, height_ratios=(1.1, 1.7, 0.9, 3.1))
    _weight_bars(fig.add_subplot(rows[0]), look)
    with_sum = np.vstack([table, look @ table])  # the context is one column more
    content_rows = with_sum[:, : SHOWN[0]].T
    place_rows = with_sum[:, content : content + SHOWN[1]].T
    _strips(fig.add_subplot(rows[1]), content_rows, "content", content)
    _strips(fig.add_subplot(rows[2]), place_rows, "position", table.shape[1] - content)
    pictures = rows[3].subgridspec(1, 2)
    whole, cut = fig.add_subplot(pictures[0]), fig.add_subplot(pictures[1])
    _cells(whole, image, range(side * side), [""] * side**2, gap=0.0)
    _cells(cut, image, range(side * side), _numbered(side), gap=ROOM)
    whole.set_title("1. a picture", fontsize=13, fontweight="normal", pad=6)
    cut.set_title(f"2. cut into {side * side} cells", fontsize=13, fontweight="normal", pad=6)
    fig.suptitle(textwrap.fill(title, 48), x=0.01, ha="left", fontweight="bold", fontsize=15)
    return fig


def _side(cells: int) -> int:
    """The cells of a side of a square grid. Raises ValueError where there is none."""
    side = round(cells**0.5)
    if side < 1 or side * side != cells:
        raise ValueError(f"{cells} cells; expected a square number, such as 16 for a grid of 4 x 4")
    return side


def _numbered(side: int) -> list[str]:
    return [str(k) for k in range(1, side * side + 1)]


def _weight_bars(axes: Axes, weights: np.ndarray) -> None:
    places = np.arange(1, len(weights) + 1)
    axes.bar(places, weights, width=0.8, color=palette.ROLE_COLOURS["score"])
    axes.set(xlim=(0.4, len(weights) + 2.2), ylim=(0, 1), yticks=(0, 0.5, 1))
    axes.set_xticks([])
    axes.set_ylabel("weight")
    axes.set_title("4. attend: a weight for each cell", fontsize=13, fontweight="normal", pad=6)


def _strips(axes: Axes, rows: np.ndarray, label: str, of: int) -> None:
    """One column for each cell, and behind them the context: blue below 0 and orange above.

    of: how many numbers the part has, of which the rows are the first.
    """
    most, cells = float(np.abs(rows).max()) or 1.0, rows.shape[1] - 1
    shades = ListedColormap([palette.shade(n / 64, palette.SIGNED_RAMP) for n in range(65)])
    apart = {"vmin": -most, "vmax": most, "cmap": shades, "edgecolors": "white", "linewidth": 1.2}
    edges, heights = np.arange(cells + 1) + 0.5, np.arange(len(rows) + 1)
    axes.pcolormesh(edges, heights, rows[:, :cells], **apart)
    axes.pcolormesh([cells + 1.1, cells + 2.1], heights, rows[:, cells:], **apart)
    axes.set(xlim=(0.4, cells + 2.2), ylim=(len(rows), 0), yticks=[])
    axes.spines[:].set_visible(False)
    axes.grid(False)
    axes.set_ylabel(f"{label}\n({len(rows)} of {of})")
    axes.tick_params(length=0)
    if label == "content":
        axes.set_xticks([])
        axes.set_title("3. a vector for each cell", fontsize=13, fontweight="normal", pad=6)
        axes.text(cells + 2.2, -0.25, "5. sum", ha="right", va="bottom", fontsize=13)
    else:
        axes.set_xticks([*range(1, cells + 1), cells + 1.6], [*range(1, cells + 1), "sum"])
        axes.set_xlabel("number of the cell; sum: all cells, each times its weight")


def _cells(
    axes: Axes, image: np.ndarray, order: Sequence[int], tags: Sequence[str], gap: float
) -> None:
    """Draw the cells of a picture: place k shows what cell order[k] showed, and has a tag.

    gap: between two cells, as a share of a cell; from `ROOM` on the tags stand in it, above their
    cells, where no thing can be below them. One picture for all of them, because an artist
    for each cell would take a second to draw.
    """
    side = _side(len(order))
    high, wide = image.shape[0] // side, image.shape[1] // side
    down, right = high + round(gap * high), wide + round(gap * wide)
    size = ((side - 1) * down + high, (side - 1) * right + wide)
    together = np.zeros((*size, 4), dtype=np.uint8)  # clear between the cells
    for k, cell in enumerate(order):
        (row, column), (top, left) = divmod(k, side), divmod(cell, side)
        place = together[row * down : row * down + high, column * right : column * right + wide]
        place[..., :3] = image[top * high : (top + 1) * high, left * wide : (left + 1) * wide]
        place[..., 3] = 255
        above = gap >= ROOM
        # On a cell with a white rim, because a thing may reach into its corner. Above the cells
        # there is only paper, so the number takes the colour of ink on light and dark paper.
        rim = [withStroke(linewidth=2, foreground="white")]
        ink = {} if above else {"color": "#444444", "gid": AS_IT_IS, "path_effects": rim}
        axes.text(
            column * right + (0 if above else 0.07 * wide),
            row * down + (-0.03 if above else 0.07) * high,
            tags[k],
            **{"ha": "left", "va": "bottom" if above else "top", "fontsize": 9},
            **ink,
        )
    axes.imshow(together, extent=(0, size[1], size[0], 0), interpolation="antialiased")
    starts = [start for n in range(side) for start in (n, n)]
    frame = {"color": "#9A9A9A", "linewidth": 0.8}
    lows = [n * down + (high if k % 2 else 0) for k, n in enumerate(starts)]
    across = [n * right + (wide if k % 2 else 0) for k, n in enumerate(starts)]
    for n in range(side):
        axes.hlines(lows, n * right, n * right + wide, **frame)
        axes.vlines(across, n * down, n * down + high, **frame)
    edge = 0.02 * size[0]  # room for the frames
    high_up = ROOM * high if gap >= ROOM else edge
    axes.set(xlim=(-edge, size[1] + edge), ylim=(size[0] + edge, -high_up), aspect="equal")
    axes.set_axis_off()


def shuffled(picture: Any, order: Sequence[int], said: Mapping[str, str], title: str) -> Figure:
    """Return a figure, to be shown: a picture, its cells in another order, its contents moved.

    picture: (H, W, 3) uint8. order: place k gets cell order[k]. said: the heading of each of the
    three panels -> the caption that a model gives it. In the second panel each cell has kept the
    number of its position, in the third the numbers have stayed where they were.
    Raises ValueError where there are not three panels, or an order that is no order.
    """
    image, cells = picture_array(picture), len(order)
    if len(said) != 3 or sorted(order) != list(range(cells)):
        raise ValueError(
            f"{len(said)} panels and the order {list(order)}; expected three, and each number from "
            f"0 to {cells - 1} once"
        )
    own = _numbered(_side(cells))
    moved = [own[k] for k in order]
    panels = ((range(cells), own), (order, moved), (order, own))
    texts = [textwrap.fill(caption, 24) for caption in said.values()]
    lines = max(text.count("\n") + 1 for text in texts)
    fig = Figure(figsize=(6.8, 3.7 + 0.22 * lines))
    grid = fig.subplots(1, 3)
    for axes, (places, tags), heading, text in zip(grid, panels, said, texts, strict=True):
        _cells(axes, image, places, tags, gap=0.06)
        axes.set_title(textwrap.fill(heading, 19), fontsize=13, fontweight="normal", pad=8)
        axes.text(0.0, -0.04, text, transform=axes.transAxes, va="top", fontsize=12)
    fig.suptitle(textwrap.fill(title, 50), x=0.01, ha="left", fontweight="bold", fontsize=15)
    return fig
