"""The whole course as one picture, and the letters that it begins with in another."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.patches import Rectangle
from torch import Tensor

from helpers import palette
from helpers.figures.diagrams.attention import ASIDE, follow_additive
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.figures.diagrams.still import picture, show_drawing
from helpers.models import AdditiveTranslator
from helpers.settings import ROOT

# Parts, from above: name, sentence, and the notebooks: number, name, what it adds, whether it is on
# the main line, and column and row. The route runs down one column, as one reads.
_PARTS = (
    (
        "recurrent\nnetworks",
        "Recurrent networks read a sentence word by word, and put all of it into one vector.",
        (
            ("01", "recurrent networks", "+ a state kept from word to word", False, (0, 0)),
            ("02", "sequence to sequence", "+ a second network that writes", True, (0, 1)),
            ("03", "the bottleneck", "measured: what one vector loses", True, (0, 2)),
        ),
    ),
    (
        "attention",
        "Attention looks back at every word, because each target word needs another part of the "
        "sentence.",
        (
            ("04", "additive attention", "+ a new context for each word", True, (0, 3)),
            ("05", "dot-product attention", "+ a product, all steps at once", True, (0, 4)),
            ("06", "what attention buys", "measured: quality, links, limits", False, (1, 4)),
            ("07", "attention over images", "+ cells of a picture, not words", False, (1, 3)),
        ),
    ),
    (
        "the attention\nlayer",
        "The attention layer looks in the same way, with queries, keys and values of its own, and "
        "needs no recurrence.",
        (
            ("08", "query, key, value", "+ keys and values of their own", True, (0, 5)),
            ("09", "self-attention", "+ each word looks at all words", True, (0, 6)),
            ("10", "masked self-attention", "+ no looking ahead", True, (0, 7)),
            ("11", "multi-head attention", "+ several maps side by side", False, (1, 7)),
        ),
    ),
    (
        "the\nTransformer",
        "The Transformer is built from this layer, and is measured on real sentences.",
        (
            ("12", "the Transformer", "+ residual, norm, MLP", True, (0, 8)),
            ("13", "real translation", "+ beam search, cache, real text", False, (1, 8)),
        ),
    ),
)
_WAYS = (
    "01 > 02 > 03 > 04 > 05 > 08 > 09 > 10 > 12 > 13",
    *("04 > 07", "05 > 06", "09 > 11 > 12"),
)
_SOMETIMES = ("01", "11")  # needed by readers to whom their subject is new: half filled
_WIDE, _TALL, _DOWN = 2.35, 0.88, 1.14  # columns and rows of a box, rows to the next one
_SECTION = re.compile(r"^\| \*\*\d+ .+?\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def core_minutes(number: str, folder: Path = ROOT / "notebooks") -> int:
    """Return the minutes of a notebook's core sections with their exercises, to the nearest 5.

    number: such as "04". They stand in the table of sections at its head, and nowhere else. Raises
    FileNotFoundError where there is no such notebook.
    """
    found = sorted(folder.glob(f"{number}_*.ipynb"))
    if not found:
        raise FileNotFoundError(f"there is no notebook {number} in {folder}")
    cells = json.loads(found[0].read_text(encoding="utf-8"))["cells"]
    told = "\n".join("".join(c["source"]) for c in cells[:5] if c["cell_type"] == "markdown")
    core = [minutes for route, minutes in _SECTION.findall(told) if "core" in route]
    return 5 * round(sum(int(part) for m in core for part in re.findall(r"\d+", m)) / 5)


def whole_course() -> Diagram:
    """Every notebook, an arrow to each that builds on it; the main line is filled."""
    boxes, stages = [], []
    for part, sentence, notebooks in _PARTS:
        rows = [row for *_, (_, row) in notebooks]
        at = (-2.15, -_DOWN * (min(rows) + max(rows)) / 2)
        which = f"{notebooks[0][0]} to {notebooks[-1][0]}"
        boxes.append(Box(part, part, "word", at, which, wide=1.75, tall=0.95, bound=False))
        for number, name, adds, core, (column, row) in notebooks:
            x, y = (_WIDE + 0.4) * column, -_DOWN * row
            role = "decoder" if core or number in _SOMETIMES else "parameter"
            boxes.append(Box(number, "", role, (x, y), wide=_WIDE, tall=_TALL, bound=False))
            lines = (
                (f"{number} {name}", 0.22, _WIDE),
                # So narrow that the words are small; nothing is drawn round a word.
                (adds, -0.05, 0.5),
                (f"core: {core_minutes(number)} min", -0.27, 0.5),
            )
            for line, (text, up, wide) in enumerate(lines):
                at, name = (x, y + up), f"{number}, line {line}"
                boxes.append(Box(name, text, "word", at, wide=wide, tall=0.2, bound=False))
        stages.append(Stage(sentence, (part, *(number for number, *_ in notebooks))))
    alt = (
        "The notebooks as boxes, from above, with an arrow from each to those that build on it. "
        + " ".join(sentence for _, sentence, _ in _PARTS)
        + " The boxes of the main line are filled and stand below each other. Those of "
        f"{' and '.join(_SOMETIMES)} are half filled. The others are white and stand beside the "
        "main line. In each box stand the minutes of its core sections."
    )
    title = "What each notebook adds to what came before"
    return Diagram(title, tuple(boxes), arrows(*_WAYS), tuple(stages), alt)


def draw_course() -> None:
    """Show the whole course, with a bracket beside the notebooks of each part."""
    diagram = whole_course()
    fig = picture(diagram)
    axes, left = fig.axes[0], -_WIDE / 2 - 0.12
    for *_, notebooks in _PARTS:
        rows = [row for *_, (_, row) in notebooks]
        top, foot = -_DOWN * min(rows) + _TALL / 2, -_DOWN * max(rows) - _TALL / 2
        bracket = ((left, left - 0.1, left - 0.1, left), (top, top, foot, foot))
        axes.plot(*bracket, color=palette.GREY, linewidth=1.6)
    for number in _SOMETIMES:
        x, y = diagram.box(number).at
        edge = 0.03  # of the box, which stays
        corner, wide = (x, y - _TALL / 2 + edge), _WIDE / 2 - edge
        half = Rectangle(corner, wide, _TALL - 2 * edge, facecolor="white", zorder=3)
        axes.add_patch(half)
    show_drawing(fig, diagram.alt)


def first_letters(words: Sequence[str]) -> Diagram:
    """One step of a decoder with attention, with the letters of notebook 00 and no others.

    words: the source sentence, one column each. Its tensors are some of
    `attention.trace_additive_step`, and p, the softmax of its logits.
    """
    size = range(1, len(words) + 1)
    middle, across = (len(words) + 1) / 2, len(words) + 0.1  # of the bars over all words
    left = -0.5  # of the decoder's column
    boxes = [
        *(
            Box(f"x{i}", f"$x_{i}$: {w}", "word", (i, 0), bound=False)
            for i, w in enumerate(words, 1)
        ),
        Box(
            "reader",
            "the encoder reads the whole sentence",
            "parameter",
            (middle, 0.68),
            wide=across,
            tall=0.4,
            bound=False,
        ),
        *(Box(f"h{i}", f"$h_{{{i}}}$", "source", (i, 1.45), wide=0.88) for i in size),
        Box(
            "S",
            f"$S = {len(words)}$ source words",
            "word",
            (middle, -0.55),
            wide=across,
            tall=0.4,
            bound=False,
        ),
        Box("before", "$s_{t-1}$", "decoder", (left, 2.45)),
        Box(
            "fit",
            "how well does each $h_i$ fit $s_{t-1}$?",
            "parameter",
            (middle, 2.45),
            wide=across,
            tall=0.44,
            bound=False,
        ),
        *(Box(f"e{i}", f"$e_{{t,{i}}}$", "score", (i, 3.3), wide=0.6) for i in size),
        Box(
            "softmax",
            "softmax: positive, and the sum is 1",
            "parameter",
            (middle, 4.1),
            wide=across,
            tall=0.44,
            bound=False,
        ),
        *(Box(f"a{i}", f"$a_{{t,{i}}}$", "score", (i, 4.9), wide=0.6) for i in size),
        Box(
            "c",
            r"$c_t = \sum_i a_{t,i}\, h_i$",
            "context",
            (middle, 5.9),
            wide=across,
            tall=0.72,
        ),
        Box("fed", "$y_{t-1}$", "word", (0.1, 7.65), wide=0.6, tall=0.4, bound=False),
        Box("s", "$s_t$", "decoder", (0.1, 6.8), wide=0.9),
        Box("p", "$p$ of each French word", "output", (2.2, 6.8), wide=2.2),
        Box("word", "$y_t$", "word", (2.2, 7.65), wide=0.6, tall=0.4, bound=False),
        Box(
            "T",
            "step $t$ of $T$, one for each French word and one for <end>",
            "word",
            (1.5, 8.25),
            wide=4.6,
            tall=0.4,
            bound=False,
        ),
    ]
    ways = (
        *arrows(*(f"x{i} > reader > h{i}" for i in size)),
        *arrows("before > fit", *(f"fit > e{i}" for i in size)),
        # A state's arrows run on behind the bars, because a score depends on its own state alone.
        *arrows(*(f"h{i} > e{i}" for i in size)),
        *arrows(*(f"e{i} > softmax > a{i} > c" for i in size)),
        *(Arrow(f"h{i}", "c", shift=ASIDE) for i in size),
        Arrow("c", "s", shift=0.4),
        Arrow("before", "s", shift=0.25),
        *arrows("fed > s > p", "c > p"),
        Arrow("p", "word", choice=True),
    )
    alt = (
        f"One step t of a decoder over {len(words)} source words. From below: the words x, which "
        "an encoder reads in both directions, a state h for each, a score e for each, made from "
        "this state and the decoder's previous state s. A softmax makes the weights a. The context "
        "c is the sum of the states, each times its weight. From c, the previous state and the "
        "previous word y comes the new state s. From s and c comes a probability p of each French "
        "word, and then the next word y. Below stands S, the number of source words, and above T, "
        "the number of steps."
    )
    return Diagram("The first letters, in one step of a decoder", tuple(boxes), ways, (), alt)


def follow_letters(
    model: AdditiveTranslator, source: Tensor, target_words: Sequence[str], step: int
) -> Numbers:
    """Return what `first_letters` shows at one step of a greedy translation.

    source: ids (source,). target_words: the words of the target vocabulary by id. step: from 1.
    """
    moments = follow_additive(model, source, target_words)
    here = moments[step - 1]
    shown = {name: v for name, v in here.values.items() if name[0] in "hcs" or name == "before"}
    shown |= {name: float(text) for name, text in here.words.items() if name[0] == "e"}
    shown |= here.weights
    words = {
        "fed": f"$y_{{t-1}}$ = {here.words['y']}",
        "word": f"$y_t$ = {here.words['word']}",
        "T": f"step $t = {step}$ of $T = {len(moments)}$, the last one for <end>",
    }
    return Numbers(here.name, shown, words)
