"""Diagrams of a language model: one pass under a causal mask, writing word by word, one draw.

Shapes: d_model numbers of a word's vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from helpers.attention import causal_mask
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
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


def one_by_one(words: Sequence[str], chances: Sequence[float] = ()) -> Diagram:
    """A sentence that is written: a pass for each word, which computes all that was before anew.

    words: with `<start>` first; `<end>` is the last if the sentence is finished. chances: the
    probability of each word after `<start>` when it was drawn. Tensors: `trace_one_pass`, because
    the last pass holds all others.
    """
    whole = one_pass(words)
    boxes = [replace(box, at=(1.28 * box.at[0], box.at[1])) for box in whole.boxes]
    ways, stages = list(whole.arrows), []
    for t, stage in enumerate(whole.stages):
        label = f"{t + 1} positions\n{t} of them again" if t else "1 position\nall new"
        boxes.append(Box(f"n{t}", label, "word", (1.6 * t, 3.85), wide=1.5, bound=False))
        if t:
            ways.append(Arrow(f"z{t - 1}", f"w{t}", choice=True))
        drawn = f" Its probability was {chances[t]:.2f}." if chances else ""
        end = " So the sentence is finished." if words[t + 1] == "<end>" else ""
        older = (
            f"The first {t} of its {t + 1} positions" if t > 1 else "The first of its 2 positions"
        )
        repeated = f" {older} came out before, and the same comes out again." if t else ""
        outputs = tuple(f"y{i}" for i in range(t))
        stages.append(
            Stage(
                f"Pass {t + 1} reads '{' '.join(words[: t + 1])}'.{repeated} From $c_{{{t}}}$ "
                f"the word '{words[t + 1]}' is drawn.{drawn}{end}",
                (*stage.lit, *outputs, f"n{t}"),
            )
        )
    passes = len(whole.stages)
    total = passes * (passes + 1) // 2
    alt = (
        f"The words {' '.join(words[:-1])} stand in a row, each with its vector x and above it "
        "the output c, to which arrows lead from its own word and from the words before. From each "
        "output a word is drawn, and a dashed arrow puts it behind the words so far. Above stands "
        "how many positions a pass computes, and how many of them were computed before."
    )
    title = f"Writing {passes} words takes {passes} passes, which compute {total} positions"
    return Diagram(title, tuple(boxes), tuple(ways), tuple(stages), alt, unfolds=True)


def choosing(words: Sequence[str], logits: Sequence[float], k: int, temperature: float) -> Diagram:
    """How the next word is drawn: top-k, temperature, softmax; tensors: `trace_choosing`.

    words: the candidates. logits: their scores, all different. Raises ValueError where these do not
    fit, or k is not from 1 to the number of words.
    """
    if not 1 <= k <= len(words) == len(set(logits)):
        raise ValueError(
            f"{len(words)} words, logits {list(logits)} and k = {k}; expected one logit for each "
            "word, all different, and k from 1 to the number of words."
        )
    best = sorted(range(len(words)), key=lambda i: -logits[i])[:k]
    places = range(len(words))
    boxes, ways, cut = [], [], set()
    middle = 1.5 * (len(words) - 1) / 2
    for i, word in enumerate(words):
        across = 1.5 * i
        boxes += [
            Box(f"w{i}", word, "word", (across, 0), wide=1.2, bound=False),
            Box(f"z{i}", "logit", "output", (across, 0.8), wide=1.2, tall=0.6),
            Box(
                f"d{i}", rf"logit / ${temperature:g}$", "output", (across, 1.9), wide=1.2, tall=0.6
            ),
            Box(f"p{i}", "probability", "output", (across, 4.0), wide=1.2, tall=0.6),
        ]
        ways.append(Arrow(f"w{i}", f"z{i}"))
        if i in best:
            ways += arrows(f"z{i} > d{i} > softmax")
            ways.append(Arrow("softmax", f"p{i}", weight=f"p{i}"))
        else:
            cut |= {f"d{i}", f"p{i}"}
    wide = 1.5 * len(words) - 0.2
    boxes.append(
        Box("softmax", "softmax", "score", (middle, 2.95), wide=wide, tall=0.42, bound=False)
    )
    names = {kind: tuple(f"{kind}{i}" for i in places) for kind in "wzdp"}
    kept = tuple(f"d{i}" for i in best)
    stages = (
        Stage("The model gives each word a logit.", (*names["w"], *names["z"])),
        Stage(
            f"Top-k with k = {k} keeps the {k} largest. The others are hidden before the softmax, "
            "as by a mask.",
            (*names["z"], *names["d"]),
        ),
        Stage(f"What is left is divided by the temperature, here {temperature:g}.", kept),
        Stage(
            "The softmax makes probabilities of it, with which one word is drawn.",
            (*kept, "softmax", *names["p"]),
        ),
    )
    alt = (
        f"{len(words)} columns, one for each of the words {', '.join(words)}. From below: the "
        f"logit, the logit divided by {temperature:g}, a softmax over all of them, and the "
        f"probability. Outside the {k} largest logits the boxes above the logit are hatched, and "
        "no arrow leads to them."
    )
    title = f"One draw with k = {k} and temperature {temperature:g}"
    return Diagram(title, tuple(boxes), tuple(ways), stages, alt, frozenset(cut), unfolds=True)


def trace_choosing(logits: Sequence[Tensor], k: int, temperature: float) -> dict[str, Tensor]:
    """Return every tensor of `choosing` in one graph; logits: of each word, scalars."""
    best = torch.stack(list(logits)).topk(k).indices.tolist()
    low = logits[0].new_tensor(-torch.inf)
    divided = [z / temperature if i in best else low.clone() for i, z in enumerate(logits)]
    chances = torch.stack(divided).softmax(dim=0)
    parts = {f"z{i}": z for i, z in enumerate(logits)}
    parts |= {f"d{i}": d for i, d in enumerate(divided)}
    return parts | {f"p{i}": p for i, p in enumerate(chances)}


def follow_choosing(logits: Sequence[float], k: int, temperature: float) -> Numbers:
    """Return the numbers that `choosing` shows; see there. What is hidden shows minus infinity."""
    parts = trace_choosing([torch.tensor(float(z)) for z in logits], k, temperature)
    values = {name: part.item() for name, part in parts.items() if part.isfinite()}
    hidden = {name: "−∞" for name in parts if name not in values}
    chances = {name: chance for name, chance in values.items() if name[0] == "p" and chance}
    return Numbers("", values, hidden, chances)
