"""Diagrams of a language model: one pass under a causal mask, writing, one draw, a cached step.

Shapes: d_model numbers of a word's vector, d_k of a key, d_v of a value, seen words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from helpers.attention import causal_mask, scaled_dot
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
    # Far apart and slim, so that the way of a word that is fed touches no other box.
    boxes = [
        replace(box, at=(1.44 * box.at[0], box.at[1]), wide=0.56 if box.bound else box.wide)
        for box in whole.boxes
    ]
    ways, stages = list(whole.arrows), []
    for t, stage in enumerate(whole.stages):
        label = f"{t + 1} positions\n{t} of them again" if t else "1 position\nall new"
        boxes.append(Box(f"n{t}", label, "word", (1.8 * t, 3.85), wide=1.5, bound=False))
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
    written = f"{passes - 1} words and <end>" if words[-1] == "<end>" else f"{passes} words"
    title = f"{written}: {passes} passes, {total} positions computed"
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
        Box("softmax", "softmax", "parameter", (middle, 2.95), wide=wide, tall=0.42, bound=False)
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


def cached_step(words: Sequence[str]) -> Diagram:
    """One step of a look with a cache; tensors: `trace_cached_step`.

    words: those that have been written, the newest last. Raises ValueError for fewer than two.
    """
    if len(words) < 2:
        raise ValueError(f"words are {list(words)}; give a word that is kept, and the newest one")
    newest, size = len(words), range(1, len(words) + 1)
    right = 1.3 * newest + 1.6  # where the values begin
    boxes: list[Box] = []
    ways: list[Arrow] = []
    for i in size:
        kept, left = i < newest, 1.3 * (i - 1)
        of_key = "Kept since its word was written." if kept else "Made now, and kept for the next."
        for kind, role, across, shape in (
            ("k", "source", left, "d_k"),
            ("v", "value", right + left, "d_v"),
        ):
            label = f"${kind}_{i}$, kept" if kept else f"${kind}_{i}$, new"
            at = (across, 1.0)
            boxes += [
                Box(f"w{kind}{i}", words[i - 1], "word", (across, 0.1), wide=1.1, bound=False),
                Box(f"{kind}{i}", label, role, at, shape, about=of_key, wide=1.15, tall=0.6),
            ]
            if not kept:
                ways.append(Arrow(f"w{kind}{i}", f"{kind}{i}"))
        boxes.append(Box(f"e{i}", "score", "score", (left, 2.6), wide=0.9, tall=0.5))
        ways += arrows(f"k{i} > e{i} > a", f"q > e{i}")
        ways.append(Arrow(f"v{i}", "c", weight=f"a{i}"))
    middle = 1.3 * (newest - 1) / 2
    asks = 1.3 * newest + 0.05
    boxes += [
        Box("wq", words[-1], "word", (asks, 0.1), wide=1.1, bound=False),
        # A little higher than the keys, so that its arrows pass over them and not through them.
        Box("q", "$q$, new", "decoder", (asks, 1.15), "d_k", "", "It asks once.", 1.15, 0.6),
        Box("a", "weights", "score", (middle, 3.6), "seen", wide=1.3 * newest - 0.2, tall=0.6),
        Box("c", "$c$", "context", (right, 4.5), "d_v", "", "What the word found.", 1.3, 0.6),
    ]
    ways += [Arrow("wq", "q"), Arrow("a", "c")]
    old = tuple(f"{kind}{i}" for kind in ("wk", "wv", "k", "v") for i in size if i < newest)
    new = tuple(f"{kind}{newest}" for kind in ("wk", "wv", "k", "v"))
    keys, values, scores = (tuple(f"{kind}{i}" for i in size) for kind in "kve")
    stages = (
        Stage("Of the words before, the keys and the values are kept, and nothing else.", old),
        Stage(
            f"Only '{words[-1]}' is computed. Its key and its value join those that are kept.",
            (*new, "wq", "q"),
        ),
        Stage("Its query asks all keys, its own key too.", (*keys, "q", *scores, "a")),
        Stage("The weights blend all values.", ("a", *values, "c")),
    )
    alt = (
        f"On the left the keys of the words {', '.join(words)}, on the right their values. All but "
        f"those of '{words[-1]}' are kept from before. The query of '{words[-1]}' stands between "
        "them. Arrows lead from each key and from the query to a score, from the scores to the "
        "weights, and from the weights and all values to the output c."
    )
    title = "One step with a cache computes one position"
    return Diagram(title, tuple(boxes), tuple(ways), stages, alt, unfolds=True)


def trace_cached_step(query: Tensor, keys: Tensor, values: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `cached_step` in one graph.

    query (d_k,): of the newest word. keys (seen, d_k), values (seen, d_v): its own are the last.
    """
    each_key, each_value = list(keys.unbind()), list(values.unbind())
    q = query.clone()
    scores = [scaled_dot(q[None], key[None])[0, 0] for key in each_key]
    weights = torch.stack(scores).softmax(dim=0)  # (seen,)
    parts = {"q": q, "a": weights, "c": weights @ torch.stack(each_value)}
    for i, made in enumerate(zip(each_key, each_value, scores, strict=True), 1):
        parts |= dict(zip((f"k{i}", f"v{i}", f"e{i}"), made, strict=True))
    return parts


def follow_cached_step(query: Tensor, keys: Tensor, values: Tensor) -> Numbers:
    """Return the numbers that `cached_step` shows; arguments as in `trace_cached_step`."""
    parts = trace_cached_step(query, keys, values)
    shares = {f"a{i}": share for i, share in enumerate(parts["a"].tolist(), 1)}
    return Numbers("", {name: part.tolist() for name, part in parts.items()}, {}, shares)
