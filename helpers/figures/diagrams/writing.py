"""Diagrams of a decoder at work: what it is fed, and how it chooses one word.

Shapes: embed numbers of a word's vector, hidden of a state, vocab target words.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.corpus import Vocabulary
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.figures.diagrams.translation import as_drawn
from helpers.models import BottleneckTranslator

CANDIDATES = 4  # words that `greedy_step` shows, the likeliest first


def feeding(gold: Sequence[str], said: Sequence[str], own: bool) -> Diagram:
    """The decoder fed with gold words (teacher forcing), or with its own (free running).

    gold: the words of the translation, `<end>` the last. said: the decoder's likeliest words, at
    most one a step. own: whether its own words are fed. Tensors: `trace_feeding`.
    """
    steps = range(1, len(said) + 1)
    given = ["<start>", *(said if own else gold)]
    boxes = [Box("s0", "$s_0$", "decoder", (0, 0), "hidden", wide=0.7)]
    for t, word in enumerate(said, 1):
        right = t <= len(gold) and word == gold[t - 1]
        boxes += [
            Box(
                f"y{t - 1}", given[t - 1], "output", (t - 0.58, 0.95), "embed", wide=0.78, tall=0.46
            ),
            Box(f"s{t}", f"$s_{{{t}}}$", "decoder", (t, 0), "hidden", wide=0.7),
            Box(f"w{t}", word if right else f"{word} ✗", "word", (t, 1.85), wide=1.0, bound=False),
        ]
    ways = [
        *arrows(*(f"s{t - 1} > s{t}" for t in steps)),
        # A word is fed from above, between two states: so no arrow crosses another.
        *(Arrow(f"y{t - 1}", f"s{t}", shift=0.28) for t in steps),
        *(Arrow(f"s{t}", f"w{t}", choice=True, shift=-0.08) for t in steps),
    ]
    if own:
        ways += [Arrow(f"w{t}", f"y{t}", choice=True, shift=-0.26) for t in steps[:-1]]
    wrong = sum(box.label.endswith("✗") for box in boxes)
    what = "its own previous word" if own else "the previous gold word"
    alt = (
        f"A decoder of {len(said)} steps. At each step it gets {what} and its previous state. It "
        f"says: {' '.join(said)}. {wrong} of these words are not the gold ones and bear a cross."
    )
    title = "Free running: its own words are fed" if own else "Teacher forcing: gold words are fed"
    return Diagram(title, tuple(boxes), tuple(ways), (), alt)


def trace_feeding(model: BottleneckTranslator, context: Tensor, fed: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `feeding` in one graph.

    model: one-way. context: c (hidden,). fed: ids of the words fed (target,), `<start>` first.
    """
    parts = {"s0": context.clone()}
    for t, word in enumerate(fed, 1):
        parts[f"y{t - 1}"] = model.embedding(word)
        given = torch.cat([parts[f"y{t - 1}"], context])[None, None]
        out, _ = model.gru(given, parts[f"s{t - 1}"][None, None])
        parts[f"s{t}"] = out[0, 0]
    return parts


def greedy_step(vocab: int) -> Diagram:
    """One step of greedy decoding: the likeliest word is said, and is fed at the next step.

    vocab: how many target words there are. Tensors: `trace_greedy_step`.
    """
    boxes = [
        Box(
            "x",
            "the source sentence",
            "word",
            (2.6, -0.7),
            about="The encoder has read it, and $c$ is its last state.",
            wide=5.6,
            tall=0.4,
            bound=False,
        ),
        Box("y", "$y_{t-1}$", "word", (2.0, 0), about="The previous word.", bound=False),
        Box(
            "e", "emb($y_{t-1}$)", "output", (2.0, 0.75), "embed", about="Its embedding.", wide=1.1
        ),
        Box("before", "$s_{t-1}$", "decoder", (1.0, 1.75), "hidden", about="The previous state."),
        Box("c", "$c$", "context", (3.2, 0.75), "hidden", about="The same at every step."),
        Box(
            "s",
            "$s_t$",
            "decoder",
            (2.6, 1.75),
            "hidden",
            "$s_t$ = GRU([emb($y_{t-1}$); $c$], $s_{t-1}$)",
            "The new state, which goes on to the next step too.",
        ),
        Box(
            "softmax",
            "softmax over the scores of all words",
            "parameter",
            (2.6, 3.8),
            about="Each probability depends on all scores, because they share a total of 1.",
            wide=6.1,
            tall=0.4,
            bound=False,
        ),
    ]
    shown = [*((str(k), f"word {k}") for k in range(1, CANDIDATES + 1)), ("rest", "the others")]
    for place, (name, word) in enumerate(shown):
        across = 0.2 + 1.2 * place
        one = name != "rest"
        boxes += [
            Box(
                f"z{name}",
                word,
                "output",
                (across, 2.9),
                "" if one else str(vocab - CANDIDATES),
                "$W_o s_t$",
                "The score of this word." if one else "The scores of all other words.",
                wide=1.08,
            ),
            Box(
                f"p{name}",
                f"p({word})",
                "output",
                (across, 4.7),
                "",
                "$p = softmax(W_o s_t)$",
                "Its probability." if one else "The probability of all other words together.",
                wide=1.08,
            ),
        ]
    boxes.append(
        Box("said", "$y_t$", "word", (0.2, 5.55), about="Said, and fed next.", bound=False)
    )
    names = [name for name, _ in shown]
    ways = (
        *arrows("x > c > s", "y > e > s", "before > s"),
        *arrows(*(f"s > z{name} > softmax" for name in names)),
        *(Arrow("softmax", f"p{name}", weight=f"p{name}") for name in names),
        Arrow("p1", "said", choice=True),
    )
    stages = (
        Stage("The previous word is fed: first <start>, then the word just said.", ("y", "e")),
        Stage(
            "From this word, the context and the previous state the GRU makes the new state.",
            ("x", "e", "c", "before", "s"),
        ),
        Stage(
            f"The output layer gives each French word a score. The {CANDIDATES} best are shown.",
            ("s", *(f"z{name}" for name in names)),
        ),
        Stage(
            "Softmax turns the scores of all words into probabilities that sum to 1.",
            ("softmax", *(f"{kind}{name}" for name in names for kind in "zp")),
        ),
        Stage(
            "Greedy decoding takes the likeliest word. It is fed at the next step, and <end> "
            "stops the loop.",
            ("p1", "said"),
        ),
    )
    alt = (
        "One step of a decoder. The previous word, the context of the source sentence and the "
        f"previous state make the new state. From it come the scores of all {vocab} words, of "
        f"which the {CANDIDATES} best have boxes of their own. A softmax over all scores makes "
        "probabilities. The likeliest word is said."
    )
    title = "One step of greedy decoding"
    return Diagram(title, tuple(boxes), ways, stages, alt, unfolds=True)


def trace_greedy_step(
    model: BottleneckTranslator, context: Tensor, word: Tensor, state: Tensor
) -> tuple[dict[str, Tensor], list[int]]:
    """Return every tensor of `greedy_step` in one graph, and the ids of the likeliest words.

    model: one-way. context: c (hidden,). word: the id fed, a scalar. state: (hidden,).
    """
    parts = {"e": model.embedding(word), "c": context, "before": state}
    out, _ = model.gru(torch.cat([parts["e"], context])[None, None], state[None, None])
    parts["s"] = out[0, 0]
    scores = model.output(parts["s"])
    order = scores.argsort(descending=True)
    best, rest = order[:CANDIDATES], order[CANDIDATES:]
    # A tensor of its own for each box, so that the gradient by it means this box.
    z = {f"z{k}": scores[i] for k, i in enumerate(best, 1)} | {"zrest": scores[rest]}
    chances = torch.cat([part.reshape(-1) for part in z.values()]).softmax(dim=0)
    p = {f"p{k}": chances[k - 1] for k in range(1, len(best) + 1)}
    return parts | z | p | {"prest": chances[CANDIDATES:].sum()}, best.tolist()


@torch.no_grad()
def follow_greedy(
    model: nn.Module,
    source: Tensor,
    target_words: Sequence[str],
    source_words: Sequence[str] = (),
    longest: int = 30,
) -> list[Numbers]:
    """Translate one sentence greedily; return what `greedy_step` shows at each of its steps.

    model: one that `as_drawn` takes. source: ids (source,). target_words, source_words: the words
    of both vocabularies by id; without those of the source its sentence is not shown.
    """
    model = as_drawn(model)
    read = {"x": " ".join(source_words[i] for i in source.tolist())} if source_words else {}
    context = model.encode(source[None], source.new_tensor([len(source)]))[0]
    state, said, moments = model.start(context[None])[0], Vocabulary.start, []
    while said != Vocabulary.end and len(moments) < longest:
        fed = source.new_tensor(said)
        parts, best = trace_greedy_step(model, context, fed, state)
        names = read | {"y": target_words[said], "said": target_words[best[0]]}
        shown = {str(k): target_words[i] for k, i in enumerate(best, 1)} | {"rest": "the others"}
        names |= {f"z{place}": word for place, word in shown.items()}
        names |= {f"p{place}": f"p({word})" for place, word in shown.items()}
        chances = {name: float(part) for name, part in parts.items() if name.startswith("p")}
        values = {name: part.tolist() for name, part in parts.items() if name != "zrest"}
        moments.append(Numbers(names["said"], values, names, chances))
        state, said = parts["s"], best[0]
    return moments
