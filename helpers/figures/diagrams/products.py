"""Diagrams of attention by a product: the scores, the order of a step, all steps at once.

Shapes: source and target words, hidden units of the decoder, context numbers of a state h_i,
attention units of the additive score, embed numbers of a word's vector, vocab target words.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from helpers.attention import masked_softmax
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import AdditiveTranslator, LuongTranslator

ATTENTIONAL = "The attentional vector: context and state, mixed."


def _word(name: str, word: str, at: tuple[float, float], wide: float = 0.9) -> Box:
    return Box(name, word, "word", at, wide=wide, tall=0.36, bound=False)


def _small(name: str, label: str, role: str, at: tuple[float, float], shape: str, about: str = ""):
    return Box(name, label, role, at, shape, label, about, wide=1.1)


def score_functions() -> tuple[Diagram, Diagram, Diagram]:
    """The dot, general and additive score of one pair of states. Tensors: `trace_scores`."""
    s, h = "The decoder's state, which asks.", "The state of one source word."
    dot = Diagram(
        "dot: nothing is learnt",
        (
            _small("s", "$s$", "decoder", (0.4, 0), "hidden", s),
            _small("h", "$h_i$", "source", (1.9, 0), "hidden", h),
            Box("e", r"$s \cdot h_i$", "score", (1.15, 2.8), "", wide=1.2),
        ),
        arrows("s > e", "h > e"),
    )
    general = Diagram(
        "general: a matrix turns $h_i$",
        (
            _small("s", "$s$", "decoder", (0.4, 0), "hidden", s),
            _small("h", "$h_i$", "source", (1.9, 0), "context", h),
            Box("W_a", "$W_a$", "parameter", (3.3, 0), "hidden, context", wide=1.4),
            Box("key", "$W_a h_i$", "source", (2.2, 1.1), "hidden", wide=1.2),
            Box("e", r"$s \cdot (W_a h_i)$", "score", (1.4, 2.8), "", wide=1.7),
        ),
        arrows("s > e", "h > key", "W_a > key", "key > e"),
    )
    additive = Diagram(
        "additive: a small network",
        (
            Box("W", "$W$", "parameter", (0.3, 0), "attention, hidden", wide=1.5),
            _small("s", "$s$", "decoder", (1.75, 0), "hidden", s),
            _small("h", "$h_i$", "source", (3.05, 0), "context", h),
            Box("U", "$U$", "parameter", (4.5, 0), "attention, context", wide=1.5),
            Box("query", "$W s$", "decoder", (1.35, 1.1), "attention", wide=1.2),
            Box("key", "$U h_i$", "source", (3.45, 1.1), "attention", wide=1.2),
            Box("inner", r"$\tanh(W s + U h_i)$", "score", (2.4, 2.0), "attention", wide=2.2),
            Box("v", "$v$", "parameter", (4.5, 2.0), "attention", wide=1.2),
            Box("e", r"$v \cdot \tanh(\ldots)$", "score", (2.9, 2.8), "", wide=1.9),
        ),
        arrows("W > query", "s > query", "h > key", "U > key", "query > inner", "key > inner")
        + arrows("inner > e", "v > e"),
    )
    return dot, general, additive


def trace_scores(s: Tensor, h: Tensor, **learnt: Tensor) -> dict[str, Tensor]:
    """Return every tensor of one diagram of `score_functions` in one graph.

    s: (hidden,). h: (context,). learnt: nothing for dot, W_a for general, W, U and v for additive.
    """
    if "W_a" in learnt:
        key = learnt["W_a"] @ h
        return {"s": s, "h": h, **learnt, "key": key, "e": s @ key}
    if "v" in learnt:
        query, key = learnt["W"] @ s, learnt["U"] @ h
        inner = torch.tanh(query + key)
        parts = {"query": query, "key": key, "inner": inner, "e": learnt["v"] @ inner}
        return {"s": s, "h": h, **learnt, **parts}
    return {"s": s, "h": h, "e": s @ h}


def attentional_vector() -> Diagram:
    """What stands between the context and the word in Luong's decoder; `trace_attentional`."""
    boxes = (
        _small("c", "$c_t$", "context", (0.5, 0), "hidden", "What was looked at."),
        _small("s", "$s_t$", "decoder", (1.9, 0), "hidden", "What has been written so far."),
        Box("joined", "$[c_t; s_t]$", "context", (1.2, 1.0), "hidden + hidden", wide=2.5),
        Box("W_c", "$W_c$", "parameter", (3.75, 1.0), "hidden, hidden + hidden", wide=2.1),
        Box(
            "vector",
            r"$\tilde{h}_t = \tanh(W_c [c_t; s_t])$",
            "output",
            (1.9, 2.0),
            "hidden",
            wide=2.9,
        ),
        Box("W_o", "$W_o$", "parameter", (4.6, 2.0), "vocab, hidden", wide=1.5),
        Box("logits", r"scores of all words", "output", (2.6, 3.0), "vocab", wide=2.6),
    )
    ways = arrows("c > joined", "s > joined", "joined > vector", "W_c > vector")
    ways += arrows("vector > logits", "W_o > logits")
    stages = (
        Stage(
            "The context and the state are put end to end: twice as many numbers.",
            ("c", "s", "joined"),
        ),
        Stage(
            "One matrix and a tanh mix both into the attentional vector, which is as long as a "
            "state.",
            ("joined", "W_c", "vector"),
        ),
        Stage("The output layer scores all words from it.", ("vector", "W_o", "logits")),
    )
    alt = (
        "From below: the context c_t and the state s_t are joined; a matrix W_c and a tanh turn "
        "the joined vector into the attentional vector; the output layer makes scores of all "
        "words from that."
    )
    return Diagram("From the context to the word", boxes, ways, stages, alt)


def trace_attentional(c: Tensor, s: Tensor, mix: Tensor, output: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `attentional_vector`; mix: W_c (hidden, 2 hidden), output: W_o."""
    joined = torch.cat([c, s])
    vector = torch.tanh(mix @ joined)
    parts = {"joined": joined, "vector": vector, "logits": output @ vector}
    return {"c": c, "s": s, "W_c": mix, "W_o": output, **parts}


def look_then_update(words: str) -> Diagram:
    """Two steps of Bahdanau's decoder; words: the source. Tensors: `trace_look_then_update`."""
    boxes = [
        *_two_steps(words, "context", 4.0),
        Box("c1", "$c_t$", "context", (1, 2.35), "context"),
        Box("c2", "$c_{t+1}$", "context", (3, 2.35), "context"),
        *_said(2, 4),
    ]
    ways = arrows("h > c1", "h > c2", "s0 > c1 > s1 > c2 > s2", "c1 > o1", "c2 > o2")
    ways += arrows("s1 > o1", "s2 > o2")
    alt = (
        "Two steps of the decoder of 04. The context comes from the encoder's states and from the "
        "decoder's state before. Arrows lead from it to the next state and to the word. So "
        "state, context, state, context form one chain."
    )
    title = "04 (Bahdanau): look, then update"
    return Diagram(title, tuple(boxes), (*ways, *_both()), (), alt)


def update_then_look(words: str) -> Diagram:
    """Two steps of Luong's decoder; words: the source. Tensors: `trace_update_then_look`."""
    boxes = [
        *_two_steps(words, "hidden", 5.1),
        Box("c1", "$c_t$", "context", (2, 2.35), "hidden"),
        Box("c2", "$c_{t+1}$", "context", (4, 2.35), "hidden"),
        Box("v1", r"$\tilde{h}_t$", "output", (3.1, 2.35), "hidden", about=ATTENTIONAL),
        Box("v2", r"$\tilde{h}_{t+1}$", "output", (5.1, 2.35), "hidden", about=ATTENTIONAL),
        *_said(3.1, 5.1),
    ]
    ways = arrows("h > c1", "h > c2", "s1 > c1 > v1 > o1", "s2 > c2 > v2 > o2", "s1 > v1")
    ways += arrows("s2 > v2")
    alt = (
        "Two steps of the decoder of this notebook. Each state comes from the state before and "
        "the word before. The context comes from the encoder's states and from the new state. It "
        "is mixed with that state, and the arrows lead on to the word alone. So only the states "
        "form a chain."
    )
    title = "05 (Luong): update, then look"
    return Diagram(title, tuple(boxes), (*ways, *_both()), (), alt)


def _two_steps(words: str, width: str, right: float) -> list[Box]:
    """What both orders share: the source, the words before, and three states in a row.

    The source stands above the looks, because from below its arrows would cross the states' chain.
    """
    label, middle = "$h_1, h_2, h_3$: the encoder's states", right / 2
    shape = f"source, {width}"
    return [
        _word("x", words, (middle, 5.85), wide=2.6),
        Box("h", label, "source", (middle, 5.1), shape, wide=right + 0.8),
        Box("y0", "$y_{t-1}$", "output", (2, 0), "embed", about="The word before."),
        Box("y1", "$y_t$", "output", (4, 0), "embed", about="The word before."),
        Box("s0", "$s_{t-1}$", "decoder", (0, 1), "hidden"),
        Box("s1", "$s_t$", "decoder", (2, 1), "hidden"),
        Box("s2", "$s_{t+1}$", "decoder", (4, 1), "hidden"),
    ]


def _said(first: float, second: float) -> list[Box]:
    """The scores and the words of both steps, in these columns."""
    return [
        Box("o1", "scores", "output", (first, 3.45), "vocab"),
        Box("o2", "scores", "output", (second, 3.45), "vocab"),
        _word("w1", "say $y_t$", (first, 4.35)),
        _word("w2", "say $y_{t+1}$", (second, 4.35)),
    ]


def _both() -> tuple[Arrow, ...]:
    """The arrows that both orders share; the words that are said were chosen."""
    said = (Arrow(f"o{t}", f"w{t}", choice=True) for t in (1, 2))
    return (
        Arrow("x", "h"),
        *arrows("y0 > s1 > s2", "y1 > s2", "s0 > s1"),
        *said,
    )


def trace_look_then_update(
    model: AdditiveTranslator, encoded: Tensor, state: Tensor, fed: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `look_then_update`; arguments as in `trace_update_then_look`."""
    parts = {"h": encoded, "s0": state}
    for t, word in enumerate(model.embedding(fed).unbind()):
        before = parts[f"s{t}"]
        scores = model.score(model.query(before)[None], model.key(encoded))  # (1, source)
        parts[f"c{t + 1}"] = context = torch.softmax(scores[0], dim=0) @ encoded
        parts[f"y{t}"] = own = word.clone()
        parts[f"s{t + 1}"] = new = model.cell(torch.cat([own, context])[None], before[None])[0]
        parts[f"o{t + 1}"] = model.output(torch.cat([new, context]))
    return parts


def trace_update_then_look(
    model: LuongTranslator, encoded: Tensor, state: Tensor, fed: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `update_then_look` in one graph.

    encoded: h_i (source, context). state: s_{t-1} (hidden,). fed: ids of two words (2,).
    """
    parts = {"h": encoded, "s0": state}
    for t, word in enumerate(model.embedding(fed).unbind()):
        parts[f"y{t}"] = own = word.clone()
        out, _ = model.gru(own[None, None], parts[f"s{t}"][None, None])
        parts[f"s{t + 1}"] = new = out[0, 0]
        weights = torch.softmax(model.score(new[None], model.key(encoded))[0], dim=0)
        parts[f"c{t + 1}"] = context = weights @ encoded
        parts[f"v{t + 1}"] = vector = model.attentional(torch.cat([context, new]))
        parts[f"o{t + 1}"] = model.output(vector)
    return parts


def all_steps(source: Sequence[str], fed: Sequence[str], grids: bool = False) -> Diagram:
    """Luong's decoder in training: every step of a sentence in a few products.

    source: its words. fed: the words fed, `<start>` first. grids: whether the boxes are high enough
    for the matrices of a model, a row for each step. Tensors: `trace_all_steps`.
    """
    last = len(fed)
    steps = range(1, last + 1)
    middle, right, wide = (last + 1) / 2, last + 2.1, float(last)
    # Scores and weights show their numbers. The states, contexts and attentional vectors show their
    # words and shades only, because so many numbers are not read.
    written, shaded = (0.6 + 0.18 * last, 0.4 + 0.13 * last) if grids else (0.52, 0.52)
    tall = {"Q": shaded, "E": written, "A": written, "C": shaded, "V": shaded, "O": written}
    level, foot = {}, 1.49
    for name, height in tall.items():
        level[name] = foot + height / 2
        foot += height + 0.36
    low, high = level["E"] - tall["E"] / 2, level["C"] + tall["C"] / 2
    # Narrower, so that the way of the states past the looks is seen on the left.
    inner, narrow = middle + 0.4, wide - 0.8
    boxes = [
        *(_word(f"y{t}", word, (t, 0)) for t, word in enumerate(fed, 1)),
        Box("s0", "$s_0$", "decoder", (0, 0.85), "hidden", about="The state before all words."),
        *(
            Box(
                f"s{t}",
                f"$s_{{{t}}}$",
                "decoder",
                (t, 0.85),
                "hidden",
                rf"$s_{{{t}}} = GRU(y_{{{t - 1}}}, s_{{{t - 1}}})$",
                "The state after this word. It needs no context.",
            )
            for t in steps
        ),
        Box(
            "Q",
            "all states: the queries",
            "decoder",
            (middle, level["Q"]),
            "target, hidden",
            about="The states in rows: one query for each step.",
            wide=wide,
            tall=tall["Q"],
        ),
        _word("x", " ".join(source), (right, 0.85), wide=2.2),
        Box(
            "H",
            "all $h_i$",
            "source",
            (right, (low + high) / 2),
            "source, hidden",
            about="The encoder's states in rows: the keys, and the values too.",
            wide=1.9,
            tall=high - low,
        ),
        Box(
            "E",
            "scores of source words",
            "score",
            (inner, level["E"]),
            "target, source",
            r"queries times keys, / $\sqrt{d}$",
            "One row for each step, one column for each source word.",
            narrow,
            tall["E"],
        ),
        Box(
            "A",
            "weights of source words",
            "score",
            (inner, level["A"]),
            "target, source",
            "softmax of each row",
            "Each row sums to 1.",
            narrow,
            tall["A"],
        ),
        Box(
            "C",
            "all contexts",
            "context",
            (inner, level["C"]),
            "target, hidden",
            "weights times values",
            "One context for each step.",
            narrow,
            tall["C"],
        ),
        Box(
            "V",
            "all attentional vectors",
            "output",
            (middle, level["V"]),
            "target, hidden",
            r"$\tanh(W_c [c_t; s_t])$",
            "Context and state of each step, mixed.",
            wide,
            tall["V"],
        ),
        Box(
            "O",
            "scores of all words",
            "output",
            (middle, level["O"]),
            "target, vocab",
            "linear layer",
            "One row for each step. Only the words that win a row are shown, a column for each.",
            wide,
            tall["O"],
        ),
    ]
    ways = (
        *arrows(*(f"s{t - 1} > s{t} > Q" for t in steps)),
        *(Arrow(f"y{t}", f"s{t}") for t in steps),
        *arrows("x > H > E > A > C > V > O", "Q > E", "H > C"),
        Arrow("Q", "V", shift=0.4 - wide / 2),
    )
    states = tuple(f"s{t}" for t in steps)
    stages = (
        Stage(
            "One call of the GRU makes all states, because no state needs a context. Here alone a "
            "step still waits for the step before.",
            (*(f"y{t}" for t in steps), "s0", *states),
        ),
        Stage(
            "All states in rows are the queries. One product with all $h_i$ gives the scores "
            "of all source words.",
            (*states, "Q", "x", "H", "E"),
        ),
        Stage("A softmax in each row turns the scores into weights.", ("E", "A")),
        Stage("A second product, weights times all $h_i$, gives all contexts.", ("A", "H", "C")),
        Stage(
            "Each context is mixed with the state of its own step into the attentional vector.",
            ("Q", "C", "V"),
        ),
        Stage("The output layer scores all words of the vocabulary, for all steps.", ("V", "O")),
    )
    alt = (
        f"All {last} steps of Luong's decoder at once. Below, the words fed and a chain of states. "
        "The states together are the queries; with the encoder's states they give a table of "
        "scores of the source words, then a table of weights, all contexts, all attentional "
        "vectors, and the scores of all words of the vocabulary. Only the states form a chain."
    )
    title = "All steps at once: only the states wait for each other"
    return Diagram(title, tuple(boxes), ways, stages, alt, unfolds=True)


def trace_all_steps(
    model: LuongTranslator, encoded: Tensor, state: Tensor, fed: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `all_steps` in one graph.

    encoded: h_i (source, hidden). state: s_0 (hidden,). fed: ids of the words fed (target,).
    """
    parts = {"H": encoded, "s0": state}
    for t, word in enumerate(model.embedding(fed), 1):
        out, _ = model.gru(word[None, None], parts[f"s{t - 1}"][None, None])
        parts[f"s{t}"] = out[0, 0]
    parts["Q"] = torch.stack([parts[f"s{t}"] for t in range(1, len(fed) + 1)])
    parts["E"] = model.score(parts["Q"], model.key(encoded))
    parts["A"] = masked_softmax(parts["E"])
    parts["C"] = parts["A"] @ encoded
    parts["V"] = model.attentional(torch.cat([parts["C"], parts["Q"]], dim=-1))
    return parts | {"O": model.output(parts["V"])}


@torch.no_grad()
def follow_all_steps(
    model: LuongTranslator,
    source: Tensor,
    fed: Tensor,
    read: Sequence[str],
    said: Sequence[str],
    known: Sequence[str],
) -> Numbers:
    """Return what `all_steps` shows of a model's own numbers.

    source: ids (source,). fed: ids of the words fed (target,), `<start>` first. read: the words of
    the source, which name the columns of the scores. said: the words fed, which name the rows.
    known: the target vocabulary, in the order of its ids. Of the scores of all words it shows the
    words that have the highest score of some row, in the order of the rows.
    """
    memory = model.encode(source[None], torch.tensor([len(source)], device=source.device))
    parts = trace_all_steps(model, memory.values[0], memory.start[0], fed)
    best = list(dict.fromkeys(parts["O"].argmax(dim=-1).tolist()))
    parts["O"] = parts["O"][:, best]
    values = {name: tensor.tolist() for name, tensor in parts.items()}
    rows = dict.fromkeys(("Q", "E", "A", "C", "V", "O"), said) | {"H": read}
    columns = dict.fromkeys(("E", "A"), read) | {"O": [known[i] for i in best]}
    return Numbers("", values, rows=rows, columns=columns)
