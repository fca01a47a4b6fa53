"""Diagrams of what one vector must hold: the funnel, two ways to ask it, and orders of reading.

Shapes: embed numbers of a word's vector, hidden of a state (half in each of two directions), vocab
of words that may be said, fed words that the decoder was given.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.analysis import PositionReader
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import BottleneckTranslator


def funnel(source: Sequence[str], target: Sequence[str]) -> Diagram:
    """All words of a sentence into one vector c, and all words of its translation out of it.

    source, target: their words. Tensors: `trace_funnel`.
    """
    reads, writes = range(1, len(source) + 1), range(1, len(target) + 1)
    middle = (max(len(source), len(target)) + 1) / 2
    left, right = middle - (len(source) + 1) / 2, middle - (len(target) + 1) / 2
    boxes = [_word(f"x{i}", word, (left + i, 0)) for i, word in enumerate(source, 1)]
    boxes += [
        Box(
            f"h{i}",
            f"$h_{{{i}}}$",
            "source",
            (left + i, 0.75),
            "hidden",
            "$h_i = GRU(x_i, h_{i-1})$",
            f"The encoder's state after word {i}, '{word}'.",
        )
        for i, word in enumerate(source, 1)
    ]
    boxes.append(
        Box(
            "c",
            "$c = h_S$",
            "context",
            (middle, 2.0),
            "hidden",
            "$c = h_S$",
            "All that the decoder is told of the sentence, however long the sentence is.",
            wide=1.1,
        )
    )
    boxes += [
        Box(
            f"s{t}",
            f"$s_{{{t}}}$",
            "decoder",
            (right + t, 3.25),
            "hidden",
            "$s_t = GRU([y_{t-1}; c], s_{t-1})$",
            "A state of the decoder. The words that the decoder is fed are not drawn here.",
        )
        for t in writes
    ]
    boxes += [_word(f"y{t}", word, (right + t, 4.0)) for t, word in enumerate(target, 1)]
    ways = (
        *arrows(*(f"x{i} > h{i}" for i in reads), *(f"h{i} > h{i + 1}" for i in reads[:-1])),
        *arrows(f"h{len(source)} > c", *(f"c > s{t}" for t in writes)),
        *arrows(*(f"s{t} > s{t + 1}" for t in writes[:-1])),
        *(Arrow(f"s{t}", f"y{t}", choice=True) for t in writes),
    )
    stages = (
        Stage(
            f"The encoder reads {len(source)} words. Each state is made from one word and the "
            "state before it.",
            tuple(f"{kind}{i}" for i in reads for kind in "xh"),
        ),
        Stage(
            "Only the last state is handed over, as $c$. It has the same size for every sentence.",
            (f"h{len(source)}", "c"),
        ),
        Stage(
            f"{len(target)} words come out. The decoder knows of the sentence only what $c$ holds.",
            ("c", *(f"{kind}{t}" for t in writes for kind in "sy")),
        ),
    )
    alt = (
        f"A funnel. Below, the encoder reads {len(source)} English words from left to right, with "
        "a state for each. Only its last state goes up into one small box, the vector c. From c "
        f"arrows lead to the {len(target)} states of the decoder above, and each state writes one "
        "French word."
    )
    title = "A whole sentence must pass through one vector"
    return Diagram(title, tuple(boxes), ways, stages, alt, unfolds=True)


def _word(name: str, word: str, at: tuple[float, float], about: str = "") -> Box:
    return Box(name, word, "word", at, about=about, wide=0.9, bound=False)


def trace_funnel(model: BottleneckTranslator, source: Tensor, fed: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `funnel` in one graph.

    model: one-way. source: ids (source,). fed: the words fed (target,), `<start>` first.
    """
    parts, state = {}, None
    for i, x in enumerate(model.encoder.embedding(source), 1):
        out, _ = model.encoder.gru(x[None, None], None if state is None else state[None, None])
        parts[f"h{i}"] = state = out[0, 0]
    # A tensor of its own for the box c, so that the gradient by it means this box.
    parts["c"] = state = parts[f"h{len(source)}"].clone()
    for t, word in enumerate(model.embedding(fed), 1):
        given = torch.cat([word, parts["c"]])[None, None]
        out, _ = model.gru(given, state[None, None])
        parts[f"s{t}"] = state = out[0, 0]
    return parts


@torch.no_grad()
def follow_funnel(model: BottleneckTranslator, source: Tensor, fed: Tensor) -> Numbers:
    """Return what `funnel` shows of a model's own numbers; arguments as in `trace_funnel`."""
    return Numbers("", {name: v.tolist() for name, v in trace_funnel(model, source, fed).items()})


def position_reader(words: Sequence[str]) -> Diagram:
    """Each word read back out of the last state, by a linear layer for each position.

    words: of the sequence. Tensors: `trace_position_reader`.
    """
    places = range(1, len(words) + 1)
    last = len(words)
    boxes = [_word(f"x{i}", word, (i, 0)) for i, word in enumerate(words, 1)]
    boxes += [
        Box(f"h{i}", f"$h_{{{i}}}$", "source", (i, 0.95), "hidden", "$h_i = GRU(x_i, h_{i-1})$")
        for i in places
    ]
    boxes.append(
        Box(
            "c",
            f"$h_{{{last}}}$: all that is kept",
            "context",
            ((last + 1) / 2, 1.85),
            "hidden",
            about="The last state, the same for all the layers above.",
            wide=last - 0.1,
        )
    )
    boxes += [
        Box(
            f"r{i}",
            f"$W_{{{i}}} h_{{{last}}}$",
            "output",
            (i, 2.8),
            "vocab",
            f"$W_{{{i}}} h_{{{last}}}$",
            f"A score for each word that may have stood at position {i}.",
            wide=0.86,
        )
        for i in places
    ]
    boxes += [
        _word(f"w{i}", f"word {i}?", (i, 3.55), f"It was '{word}'.")
        for i, word in enumerate(words, 1)
    ]
    ways = (
        *arrows(*(f"x{i} > h{i}" for i in places), *(f"h{i} > h{i + 1}" for i in places[:-1])),
        *arrows(f"h{last} > c", *(f"c > r{i}" for i in places)),
        *(Arrow(f"r{i}", f"w{i}", choice=True) for i in places),
    )
    stages = (
        Stage(
            "A GRU reads the words. Only its last state is kept.",
            tuple(f"{kind}{i}" for i in places for kind in "xh"),
        ),
        Stage(
            "For each position a linear layer of its own reads the word out of the last state.",
            ("c", *(f"{kind}{i}" for i in places for kind in "rw")),
        ),
    )
    alt = (
        f"A reader of positions. Below, a GRU reads {last} words from left to right. From its last "
        f"state alone arrows lead up to {last} linear layers, one for each position, and each "
        "names a word."
    )
    title = "One state must name every word"
    return Diagram(title, tuple(boxes), ways, stages, alt)


def trace_position_reader(reader: PositionReader, words: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `position_reader` in one graph; words: ids (source,), one way."""
    parts: dict[str, Tensor] = {}
    state = torch.zeros(1, 1, reader.gru.hidden_size, dtype=reader.heads.weight.dtype)
    for i, x in enumerate(reader.embedding(words), 1):
        out, _ = reader.gru(x[None, None], state)
        parts[f"h{i}"] = out[0, 0]
        state = parts[f"h{i}"][None, None]
    parts["c"] = parts[f"h{len(words)}"].clone()
    read = reader.heads(parts["c"]).unflatten(0, reader.shape)  # (source, vocab)
    return parts | {f"r{i}": scores for i, scores in enumerate(read, 1)}


def two_contexts(own: str, other: str, before: str, asked: str) -> Diagram:
    """The next word asked twice: with the sentence's own context, and with another sentence's.

    own, other: two English sentences. before: the gold words of the first one's translation so
    far. asked: the gold word that comes next. Tensors: `trace_two_contexts`.
    """
    boxes = (
        Box("x", own, "word", (0, 0), wide=2.4, bound=False),
        Box("x'", other, "word", (4, 0), wide=2.4, bound=False),
        Box("c", "$c$", "context", (0, 0.9), "hidden", about="The sentence's own context."),
        Box("c'", "$c'$", "context", (4, 0.9), "hidden", about="The other sentence's context."),
        Box("gold", before, "word", (2, 0.9), wide=2.0, bound=False),
        Box("fed", "gold words", "output", (2, 1.65), "fed, embed", about="Fed to both.", wide=1.3),
        Box("s", "$s_t$", "decoder", (0, 2.3), "hidden", "$s_t = GRU([y_{t-1}; c], s_{t-1})$"),
        Box("s'", "$s'_t$", "decoder", (4, 2.3), "hidden", "$s_t = GRU([y_{t-1}; c'], s_{t-1})$"),
        Box("logits", "scores", "output", (0, 3.25), "vocab", about="A score for each word."),
        Box("logits'", "scores", "output", (4, 3.25), "vocab", about="A score for each word."),
        Box("y", f"is it '{asked}'?", "word", (0, 4.0), wide=2.2, bound=False),
        Box("y'", f"is it '{asked}'?", "word", (4, 4.0), wide=2.2, bound=False),
    )
    ways = (
        *arrows("x > c > s > logits", "x' > c' > s' > logits'", "gold > fed > s", "fed > s'"),
        *(Arrow(f"logits{mark}", f"y{mark}", choice=True) for mark in ("", "'")),
    )
    stages = (
        Stage(
            "On the left the decoder gets the right context, and the gold words so far.",
            ("x", "c", "gold", "fed", "s", "logits", "y"),
        ),
        Stage(
            "On the right it gets the same gold words, but the context of another sentence.",
            ("x'", "c'", "gold", "fed", "s'", "logits'", "y'"),
        ),
        Stage(
            "What is right on the right was guessed from the gold words. What is right only on the "
            "left is owed to the context.",
            ("logits", "y", "logits'", "y'"),
        ),
    )
    alt = (
        "Two copies of one decoder. Both are fed the same gold words. The left one gets the "
        f"context of its own sentence, '{own}', the right one that of another sentence, "
        f"'{other}'. Both are asked whether the next word is '{asked}'."
    )
    title = "The same gold words, with the right or with another context"
    return Diagram(title, boxes, ways, stages, alt)


def trace_two_contexts(
    model: BottleneckTranslator, own: Tensor, other: Tensor, fed: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `two_contexts` in one graph.

    own, other: ids of the two sentences (source,). fed: ids of the gold words (fed,).
    """
    parts = {"fed": model.embedding(fed)}
    for mark, source in (("", own), ("'", other)):
        lengths = torch.tensor([len(source)])
        parts[f"c{mark}"] = context = model.encode(source[None], lengths)[0]
        given = torch.cat([parts["fed"], context.expand(len(fed), -1)], dim=1)  # (fed, embed + C)
        states, _ = model.gru(given[None], model.start(context)[None, None])
        parts[f"s{mark}"] = states[0, -1]
        parts[f"logits{mark}"] = model.output(parts[f"s{mark}"])
    return parts


def reading_orders(words: Sequence[str]) -> Diagram:
    """One sentence read from the left, from the right, and both ways (Schuster, Paliwal 1997).

    Tensors: `trace_reading_orders`.
    """
    size = len(words)
    places = range(1, size + 1)
    boxes = []
    # The right half has the words once more, so that no arrow crosses another.
    for chain, shape, foot in (
        ("l", "hidden", 3.0), ("r", "hidden", 3.0), ("a", "half", 0.0), ("b", "half", 0.0)
    ):  # fmt: skip
        aside = size + 1 if chain in "rb" else 0
        boxes += [_word(f"{chain}x{i}", w, (aside + i, foot)) for i, w in enumerate(words, 1)]
        boxes += [_state(chain, i, (aside + i, foot + 0.75), shape) for i in places]
        if shape == "hidden":
            here = (size if chain == "l" else size + 2, foot + 1.65)
            boxes.append(Box(f"{chain}c", "$c$", "context", here, shape, about="Handed over."))
    label = "$c$: both last states"
    boxes.append(
        Box("bc", label, "context", (size + 1, 1.65), "half + half", about="Handed over.", wide=2.8)
    )
    for chain, name, at in (
        ("l", "from the left", (1.3, 4.65)),
        ("r", "from the right", (2 * size + 0.7, 4.65)),
        ("b", "both ways", (1.2, 1.65)),
    ):
        boxes.append(Box(f"{chain}name", name, "word", at, wide=1.4, bound=False))
    ways = []
    for chain in "larb":
        steps = places[:-1] if chain in "la" else places[:0:-1]
        way = 1 if chain in "la" else -1
        ways += arrows(*(f"{chain}{i} > {chain}{i + way}" for i in steps))
        ways += arrows(*(f"{chain}x{i} > {chain}{i}" for i in places))
    ways += arrows(f"l{size} > lc", "r1 > rc", f"a{size} > bc", "b1 > bc")
    stages = [
        Stage("From the left, the last word is the newest in $c$.", _panel(boxes, "l")),
        Stage("From the right, the first word is the newest in $c$.", _panel(boxes, "r")),
        Stage(
            "Both ways, two GRUs of half the size each have a newest word of their own.",
            _panel(boxes, "ab"),
        ),
    ]
    alt = (
        f"Three panels. Above on the left a GRU reads {size} words from the left, and its last "
        "state is c. Above on the right a GRU reads the same words from the right, and its state "
        "at the first word is c. Below, both are drawn with states of half the size, and one "
        "vector c is the two last states side by side."
    )
    title = "Which word is the newest depends on the order of reading"
    return Diagram(title, tuple(boxes), tuple(ways), tuple(stages), alt)


def _state(chain: str, i: int, at: tuple[float, float], shape: str) -> Box:
    side, over = ("right", "left") if chain in "rb" else ("left", "right")
    about = f"The state after word {i}, read from the {side}."
    label = rf"$\over{over}arrow{{h}}_{{{i}}}$"
    return Box(f"{chain}{i}", label, "source", at, shape, about=about, tall=0.62)


def _panel(boxes: Sequence[Box], chains: str) -> tuple[str, ...]:
    """The boxes of one panel of `reading_orders`."""
    return tuple(box.name for box in boxes if box.name[0] in chains)


def trace_reading_orders(inputs: Tensor, left: nn.GRU, right: nn.GRU, both: nn.GRU) -> dict:
    """Return every tensor of `reading_orders` in one graph.

    inputs: (source, embed). left, right: one-way layers. both: a bidirectional one.
    """
    parts: dict[str, Tensor] = {}
    for chain, layer, direction in (
        ("l", left, 0), ("r", right, 0), ("a", both, 0), ("b", both, 1),
    ):  # fmt: skip
        state = inputs.new_zeros(1, layer.hidden_size)
        places = range(len(inputs)) if chain in "la" else reversed(range(len(inputs)))
        for i in places:
            state = torch.gru_cell(inputs[i][None], state, *layer.all_weights[direction])
            parts[f"{chain}{i + 1}"] = state[0]
            state = parts[f"{chain}{i + 1}"][None]
    size = len(inputs)
    parts["lc"], parts["rc"] = parts[f"l{size}"].clone(), parts["r1"].clone()
    return parts | {"bc": torch.cat([parts[f"a{size}"], parts["b1"]])}
