"""Diagrams of self-attention: one word that asks its sentence, a shuffle, how far each layer hears.

Shapes: source words, d_model numbers of a word's vector, d_k of a query and a key, d_v of a value.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.attention import attend, scaled_dot
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import AttentionLayer

COLUMN = 2.65  # from word to word
ASIDE = 0.8  # a key stands so far left of its word's column, a value so far right
# Columns and rows of a box, by its first letter. Vectors whose numbers have names stand upright,
# because a name beside a number has more room than one above it.
SIZES = {"x": (0.9, 0.52), "p": (1.0, 0.52)} | dict.fromkeys("kq", (0.84, 1.4))
SIZES |= dict.fromkeys("vy", (1.0, 0.95))


def asking_word(words: Sequence[str], asking: int) -> Diagram:
    """One word asks all words of its sentence, itself included; tensors: `trace_asking_word`.

    words: of the sentence, two or more. asking: which of them asks, counted from 0.
    Raises ValueError for a word that is not there.
    """
    if not 0 <= asking < len(words) or len(words) < 2:
        raise ValueError(
            f"word {asking} of {len(words)} is to ask; expected two words or more, and one of them "
            "counted from 0"
        )
    columns = {i: COLUMN * i for i in range(len(words))}
    middle, word = COLUMN * (len(words) - 1) / 2, words[asking]
    fits, share = f"How well it fits what {word} asks.", "Its share of the look."
    boxes = []
    for i, column in columns.items():
        left, right = column - ASIDE, column + ASIDE
        boxes += [
            Box(f"w{i}", words[i], "word", (column, 0), tall=0.36, bound=False),
            _box(f"x{i}", f"x_{{{i}}}", "source", (column, 0.85), "d_model", "The word's vector."),
            _box(
                f"k{i}",
                f"k_{{{i}}}",
                "source",
                (left, 2.25),
                "d_k",
                "Its key: what it is found by.",
            ),
            _box(f"v{i}", f"v_{{{i}}}", "value", (right, 2.25), "d_v", "Its value: what it gives."),
            _box(f"e{i}", f"e_{{{i}}}", "score", (left, 5.05), "", fits),
            _box(f"a{i}", f"a_{{{i}}}", "score", (left, 6.45), "", share),
            _box(
                f"p{i}",
                f"a_{{{i}}} v_{{{i}}}",
                "context",
                (right, 7.25),
                "d_v",
                "Value times weight.",
            ),
        ]
    asks, found = f"What {word} asks for.", f"What {word} found."
    boxes += [
        _box("q", f"q_{{{asking}}}", "decoder", (columns[asking], 3.9), "d_k", asks),
        Box(
            "softmax",
            "softmax over all words",
            "parameter",
            (middle - ASIDE / 2, 5.75),
            wide=COLUMN * (len(words) - 1) + 1.6,
            tall=0.4,
            bound=False,
        ),
        _box("y", f"y_{{{asking}}}", "context", (middle + ASIDE, 8.4), "d_v", found),
    ]
    ways = [Arrow(f"x{asking}", "q")]
    for i in columns:
        ways += arrows(f"w{i} > x{i} > k{i} > e{i} > softmax > a{i} > p{i}", f"x{i} > v{i} > p{i}")
        ways += [Arrow("q", f"e{i}"), Arrow(f"p{i}", "y", weight=f"a{i}")]
    stages = (
        Stage("Each word of the sentence has its vector.", _all("wx", columns)),
        Stage(
            f"The vector of '{word}' times $W_Q$ is its query: what it asks for.",
            (f"w{asking}", f"x{asking}", "q"),
        ),
        Stage(
            "Each vector times $W_K$ is a key, and times $W_V$ a value. The word that asks has a "
            "key and a value as well.",
            _all("xkv", columns),
        ),
        Stage(
            f"The query of '{word}' meets each key. Each product, divided by $\\sqrt{{d_k}}$, is "
            "a score.",
            ("q", *_all("ke", columns)),
        ),
        Stage(
            "The softmax turns the scores into weights whose sum is 1.",
            ("softmax", *_all("ea", columns)),
        ),
        Stage(
            f"Each value counts by its weight, and the sum is the output of '{word}'.",
            ("y", *_all("avp", columns)),
        ),
    )
    alt = (
        f"The words {', '.join(words)} with a vector x each. Each vector gives a key k and a value "
        f"v. The vector of '{word}' also gives a query q. Query and keys give scores e, a softmax "
        f"gives weights a, and the values times their weights add up to the output y of '{word}'."
    )
    title = f"'{word}' asks all words of its own sentence"
    alike = frozenset(_all("a", columns))
    return Diagram(title, tuple(boxes), tuple(ways), stages, alt, unfolds=True, alike=alike)


def _box(name: str, symbol: str, role: str, at: tuple[float, float], shape: str, about: str) -> Box:
    wide, tall = SIZES.get(name[0], (0.74, 0.52))
    return Box(name, f"${symbol}$", role, at, shape, f"${symbol}$", about, wide=wide, tall=tall)


def _all(parts: str, columns: dict[int, float]) -> tuple[str, ...]:
    return tuple(f"{part}{i}" for part in parts for i in columns)


def trace_asking_word(states: Tensor, matrices: Sequence[Tensor], asking: int) -> dict[str, Tensor]:
    """Return every tensor of `asking_word` in one graph.

    states: of the words (source, d_model). matrices: W_Q and W_K (d_model, d_k) and W_V
    (d_model, d_v). asking: the word that asks, counted from 0.
    """
    w_q, w_k, w_v = matrices
    xs = [row.clone() for row in states]
    q = xs[asking] @ w_q
    ks, vs = [x @ w_k for x in xs], [x @ w_v for x in xs]
    es = [q @ k / len(q) ** 0.5 for k in ks]
    weights = torch.softmax(torch.stack(es), dim=0)
    shares = list(weights.unbind())
    parts = [a * v for a, v in zip(shares, vs, strict=True)]
    columns = {"x": xs, "k": ks, "v": vs, "e": es, "a": shares, "p": parts}
    made = {f"{name}{i}": row for name, rows in columns.items() for i, row in enumerate(rows)}
    return made | {"q": q, "y": torch.stack(parts).sum(dim=0)}


@torch.no_grad()
def follow_asking_word(
    states: Tensor,
    matrices: Sequence[Tensor],
    asking: int,
    asked: Sequence[str] = (),
    given: Sequence[str] = (),
) -> Numbers:
    """Return what `asking_word` shows of a sentence and three matrices; see the trace.

    asked: what each number of a query and of a key means. given: what each number of a value and of
    the output means. Without them the numbers have no names.
    """
    parts = trace_asking_word(states, matrices, asking)
    values = {name: tensor.tolist() for name, tensor in parts.items()}
    named = dict.fromkeys("kq", asked) | dict.fromkeys("vy", given)
    rows = {name: named[name[0]] for name in values if named.get(name[0])}
    values |= {name: [[number] for number in values[name]] for name in rows}  # upright
    weights = {f"a{i}": float(parts[f"a{i}"]) for i in range(len(states))}
    return Numbers("", values, {}, weights, rows=rows)


def two_ways() -> Diagram:
    """Look and then shuffle, or shuffle and then look; tensors: `trace_two_ways`."""
    left, right = 0.0, 1.75  # the columns of the two ways
    boxes = (
        _matrix("X", "X", "source", (right / 2, 0), "d_model", "The words in their order.", 2.2),
        _matrix("Y", "f(X)", "context", (left, 1.95), "d_v", "What each word finds."),
        _matrix("PX", "P X", "source", (right, 1.95), "d_model", "The same rows, shuffled."),
        _matrix("PY", "P f(X)", "context", (left, 3.9), "d_v", "The outputs, shuffled."),
        _matrix("of_PX", "f(P X)", "context", (right, 3.9), "d_v", "What each word finds now."),
    )
    ways = (
        Arrow("X", "Y", "look"),
        Arrow("Y", "PY", "shuffle"),
        Arrow("X", "PX", "shuffle"),
        Arrow("PX", "of_PX", "look"),
    )
    stages = (
        Stage("$X$ has a row for each word. The layer $f$ gives each word its output.", ("X", "Y")),
        Stage("The shuffle $P$ puts the words into another order.", ("X", "PX")),
        Stage("The layer looks once more, now at the shuffled words.", ("PX", "of_PX")),
        Stage("Now shuffle the first outputs in the same way as the words.", ("Y", "PY")),
        Stage(
            "Both ways end with the same rows. Each word has found the same, only at another "
            "place: $f(P X) = P f(X)$.",
            ("PY", "of_PX"),
        ),
    )
    alt = (
        "Two ways up from a matrix X with a row for each word. On the left the layer looks first, "
        "and then its outputs are shuffled. On the right the words are shuffled first, and then "
        "the layer looks. Both ways end with the same rows."
    )
    title = "Look first or shuffle first"
    return Diagram(title, boxes, ways, stages, alt, unfolds=True)


def _matrix(
    name: str,
    symbol: str,
    role: str,
    at: tuple[float, float],
    width: str,
    about: str,
    wide: float = 1.6,
) -> Box:
    shape = f"source, {width}"
    return Box(name, f"${symbol}$", role, at, shape, "", about, wide=wide, tall=1.35)


def trace_two_ways(
    states: Tensor, matrices: Sequence[Tensor], order: Sequence[int]
) -> dict[str, Tensor]:
    """Return every tensor of `two_ways` in one graph.

    states: X, of the words (source, d_model). matrices: W_Q and W_K (d_model, d_k) and W_V
    (d_model, d_v). order: which word stands at each place after the shuffle, counted from 0.
    Raises ValueError for an order that is no shuffle of the words.
    """
    if sorted(order) != list(range(len(states))):
        raise ValueError(
            f"order is {list(order)}; expected the places 0 to {len(states) - 1}, each once"
        )

    def look(words: Tensor) -> Tensor:
        queries, keys, values = (words @ matrix for matrix in matrices)
        return attend(queries, keys, values, score=scaled_dot)[0]

    found, shuffled = look(states), states[list(order)]
    parts = {"X": states, "Y": found, "PX": shuffled}
    return parts | {"PY": found[list(order)], "of_PX": look(shuffled)}


@torch.no_grad()
def follow_two_ways(
    states: Tensor,
    matrices: Sequence[Tensor],
    order: Sequence[int],
    words: Sequence[str],
    features: Sequence[str],
) -> Numbers:
    """Return what `two_ways` shows of a sentence; see the trace.

    words: of the sentence. features: what each number of an output means.
    """
    parts = trace_two_ways(states, matrices, order)
    moved = [words[place] for place in order]
    rows = {"X": words, "Y": words, "PX": moved, "PY": moved, "of_PX": moved}
    columns = dict.fromkeys(("Y", "PY", "of_PX"), features)
    if torch.equal(states, torch.eye(len(words)).to(states)):  # a column says which word it is
        columns |= dict.fromkeys(("X", "PX"), words)
    values = {name: tensor.tolist() for name, tensor in parts.items()}
    return Numbers("", values, rows=rows, columns=columns)


REACHES = ("recurrent", "convolution", "self-attention")


def reach(kind: str, words: Sequence[str]) -> Diagram:
    """Which words the last output can hear; tensors: `trace_reach`.

    kind: one of `REACHES`: a recurrent layer, two convolutions that see one word on each side, or
    one layer of self-attention. words: four or more. Raises ValueError for another kind.
    """
    last = len(words)
    boxes = [
        box
        for i, word in enumerate(words, 1)
        for box in (
            Box(f"w{i}", word, "word", (i, 0), tall=0.36, bound=False),
            Box(f"x{i}", f"$x_{{{i}}}$", "source", (i, 0.8), "d_model"),
        )
    ]
    ways = [Arrow(f"w{i}", f"x{i}") for i in range(1, last + 1)]
    if kind == "recurrent":
        title = f"RNN: word 1 is {last - 1} steps away"
        boxes += [_made(f"h{i}", f"h_{{{i}}}", i, 1.8) for i in range(1, last + 1)]
        ways += [Arrow(f"x{i}", f"h{i}") for i in range(1, last + 1)]
        ways += [Arrow(f"h{i}", f"h{i + 1}") for i in range(1, last)]
    elif kind == "convolution":
        title = "Two convolutions of 3: word 1 is not heard"
        boxes += [_made(f"m{i}", f"m_{{{i}}}", i, 1.8) for i in (last - 1, last)]
        boxes.append(_made("y", f"y_{{{last}}}", last, 2.8))
        ways += [Arrow(f"x{last - 2}", f"m{last - 1}"), Arrow(f"x{last - 1}", f"m{last - 1}")]
        ways += [Arrow(f"x{last}", f"m{last - 1}"), Arrow(f"x{last - 1}", f"m{last}")]
        ways += [Arrow(f"x{last}", f"m{last}"), Arrow(f"m{last - 1}", "y"), Arrow(f"m{last}", "y")]
    elif kind == "self-attention":
        title = "Self-attention: each word is one layer away"
        boxes.append(_made("y", f"y_{{{last}}}", last, 2.8))
        ways += [Arrow(f"x{i}", "y") for i in range(1, last + 1)]
    else:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(REACHES)}")
    return Diagram(title, tuple(boxes), tuple(ways), (), title)


def _made(name: str, symbol: str, column: int, row: float) -> Box:
    return Box(name, f"${symbol}$", "context", (column, row), "d_model")


def trace_reach(kind: str, states: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `reach` in one graph, from a fresh layer of its kind.

    states: of the words (source, d_model).
    """
    width, last = states.shape[1], len(states)
    xs = [row.clone() for row in states]
    made = {f"x{i}": x for i, x in enumerate(xs, 1)}
    if kind == "recurrent":
        cell, state = nn.RNNCell(width, width).to(states), states.new_zeros(width)
        for i, x in enumerate(xs, 1):
            made[f"h{i}"] = state = cell(x, state)
    elif kind == "convolution":
        first, second = (nn.Linear(3 * width, width).to(states) for _ in range(2))
        padded = [*xs, states.new_zeros(width)]
        for i in (last - 1, last):
            made[f"m{i}"] = first(torch.cat(padded[i - 2 : i + 1]))
        top = torch.cat([made[f"m{last - 1}"], made[f"m{last}"], states.new_zeros(width)])
        made["y"] = second(top)
    else:
        layer = AttentionLayer(width).to(states)
        made["y"] = layer(torch.stack(xs)[None])[0][0, -1]
    return made
