"""Pictures of a bag that answers questions: a raw vector, a learnt one, or one for each job.

Shapes: items in a bag, width numbers of a vector.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from helpers import palette
from helpers.figures.checks import to_array
from helpers.figures.diagrams.spec import Box, Diagram, arrows
from helpers.tasks import BagReader

# The title of each picture, and what happens to the items, by the reader's projections.
LOOKS = {
    "none": (
        "Raw vector: the item is key and value",
        "They meet the question and give the weights, and the context is their own sum.",
    ),
    "both alike": (
        "One matrix: one new vector is key and value",
        "A matrix makes one vector of each. These vectors meet the question and give the weights, "
        "and the context is their sum.",
    ),
    "keys and values": (
        "Two matrices: a key and a value",
        "A matrix makes keys of them, which meet the question and give the weights, and another "
        "matrix makes values, of which the context is the sum.",
    ),
}


def one_look(projections: str) -> Diagram:
    """A question to a bag whose items are name + content; tensors: `trace_one_look`.

    projections: of the `BagReader` that is drawn. Raises KeyError for one that has no picture.
    """
    title, way = LOOKS[projections]
    boxes = [
        _box("names", "names", "source", (1, 0), "What each item is called."),
        _box("contents", "contents", "value", (3, 0), "What is to be told of each item."),
        _box("h", "$h_i$ = name + content", "source", (2, 1), "The items of the bag.", 2.8),
        _box("q", "question $q$", "decoder", (-0.9, 2.0), "The name that is asked for."),
    ]
    ways = [*arrows("names > h", "contents > h", "q > weights")]
    top = 2.0 if projections == "none" else 3.0
    if projections == "keys and values":
        boxes += [
            _box("keys", "keys $W_K h_i$", "source", (1, 2.0), "By which items are found.", 1.8),
            _box("values", "values $W_V h_i$", "value", (3, 2.0), "What the sum is made of.", 1.8),
        ]
        ways += arrows("h > keys > weights > c", "h > values > c")
    elif projections == "both alike":
        about = "By which items are found, and what the sum is made of."
        boxes.append(_box("both", "key and value $W h_i$", "source", (2, 2.0), about, 2.8))
        ways += arrows("h > both > weights > c", "both > c")
    else:
        ways += arrows("h > weights > c", "h > c")
    boxes += [
        _box("weights", "weights", "score", (1, top), "One for each item."),
        _box("c", "context $c$", "context", (2, top + 1), "The values, by their weights.", 2.8),
        _box(
            "logits", "scores of all contents", "output", (2, top + 2), "A small layer on $c$.", 2.8
        ),
    ]
    ways += arrows("c > logits")
    alt = (
        f"From below: names and contents are added up to the items of a bag. {way} A small layer "
        "turns the context into scores of all contents."
    )
    return Diagram(title, tuple(boxes), tuple(ways), (), alt)


def _box(
    name: str, label: str, role: str, at: tuple[float, float], about: str, wide: float = 1.7
) -> Box:
    shape = {"q": "width", "c": "width", "weights": "items", "logits": "contents"}.get(
        name, "items, width"
    )
    return Box(name, label, role, at, shape, label, about, wide=wide, tall=0.62)


def trace_one_look(
    reader: BagReader, names: Tensor, contents: Tensor, question: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `one_look` in one graph, by a reader with no, one or two matrices.

    names, contents: (items, width). question: (width,).
    """
    items = names + contents
    keys, values = reader.project(items)
    weights = torch.softmax(keys @ (reader.sharpness * question), dim=0)
    parts = {"names": names, "contents": contents, "h": items, "q": question}
    context = weights @ values
    parts |= {"weights": weights, "c": context, "logits": reader.read(context)}
    if keys is items:
        return parts
    return parts | ({"both": keys} if keys is values else {"keys": keys, "values": values})


@torch.no_grad()
def parts_of_scores(
    reader: BagReader, names: Tensor, contents: Tensor, question: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what names and contents add to the score of each item, both (items,).

    Their sum is the score, because keys are linear in the items. Arguments: `trace_one_look`.
    """
    named, filled = reader.project(names)[0], reader.project(contents)[0]
    asked = reader.sharpness * question
    return named @ asked, filled @ asked


def scores_apart(
    panels: Mapping[str, tuple[Any, Any]], items: Sequence[str], asked: int, title: str
) -> Figure:
    """Return a figure, to be shown: a row for each panel with the two parts of every score.

    panels: heading -> what names and contents add, each (items,). asked: place of the item that
    the question names. The score that counts, their sum, is a black mark. Each panel has its own
    axis, because a reader may have learnt another factor.
    Raises ValueError for parts of another size.
    """
    fig = Figure(figsize=(6.8, 1.6 + 2.2 * len(panels)))
    grid = fig.subplots(len(panels), 1, sharex=True, squeeze=False)
    places = np.arange(len(items))
    # A name is what an item is found by, and a content is what it gives.
    name, content = palette.ROLE_COLOURS["key"], palette.ROLE_COLOURS["value"]
    for axes, (heading, parts) in zip(grid[:, 0], panels.items(), strict=True):
        named, filled = (to_array(part, heading) for part in parts)
        if not named.shape == filled.shape == (len(items),):
            raise ValueError(
                f"{heading} has parts {named.shape} and {filled.shape}; expected ({len(items)},)"
            )
        axes.bar(places - 0.2, named, 0.38, color=name, label="from the name")
        axes.bar(places + 0.2, filled, 0.38, color=content, label="from the content")
        axes.plot(places, named + filled, "k_", markersize=30, markeredgewidth=3, label="the score")
        axes.axhline(0, color=palette.GREY, linewidth=1)
        # Behind the bars, so that their colours stay those of the legend.
        behind = {"color": palette.GREY, "alpha": 0.15, "linewidth": 0, "zorder": 0}
        axes.axvspan(asked - 0.5, asked + 0.5, **behind)
        axes.set_title(heading, fontsize=13, fontweight="normal", pad=6)
        axes.set_ylabel("part of the score")
    axes.set_xticks(places, [f"{w}\n(asked)" if i == asked else w for i, w in enumerate(items)])
    shown, labels = grid[0, 0].get_legend_handles_labels()
    fig.legend(shown, labels, loc="outside lower center", ncols=3, markerscale=0.5)
    fig.suptitle(textwrap.fill(title, 50), x=0.01, ha="left", fontweight="bold", fontsize=15)
    return fig
