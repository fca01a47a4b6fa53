"""Diagrams of one step of a decoder with attention.

Shapes: source words of the sentence, hidden units of the decoder, context numbers of a state h_i,
attention units of the score, embed numbers of a word's vector, vocab target words.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import AdditiveTranslator, Memory


def additive_step(words: Sequence[str]) -> Diagram:
    """One step of Bahdanau's decoder: look at every h_i with s_{t-1}, then say one word.

    words: the source sentence, one column each. The tensors are those of `trace_additive_step`.
    """
    size = range(1, len(words) + 1)
    middle, right = (len(words) + 1) / 2, float(len(words))
    across = len(words) + 1.7  # of the bars, from the state's column to the last word
    centre = right - across / 2 + 0.45
    boxes = [
        *(Box(f"x{i}", word, "word", (i, 0), bound=False) for i, word in enumerate(words, 1)),
        *(
            Box(
                f"h{i}",
                f"$h_{{{i}}}$",
                "source",
                (i, 1.0),
                "context",
                r"$h_i$ = [forward; backward]",
                f"The encoder's state at word {i}: what both directions have read there.",
            )
            for i in size
        ),
        Box(
            "query",
            "$W s_{t-1}$: what the decoder asks for",
            "decoder",
            (centre, 1.95),
            "attention",
            "$W s_{t-1}$",
            "The query: the decoder's state, projected. It is the same for all source words.",
            wide=across,
            tall=0.42,
        ),
        *(
            Box(
                f"e{i}",
                f"$e_{{t,{i}}}$",
                "score",
                (i, 2.85),
                "",
                r"$e_{t,i} = v \cdot \tanh(W s_{t-1} + U h_i)$",
                f"The score of word {i}: how well its state fits the query. One number.",
            )
            for i in size
        ),
        Box(
            "softmax",
            "softmax: positive, and the sum is 1",
            "parameter",
            (middle, 3.62),
            "",
            r"$a_{t,i} = \exp(e_{t,i}) / \sum_j \exp(e_{t,j})$",
            "Each weight depends on all scores, because they share a sum of 1.",
            wide=len(words) - 0.1,
            tall=0.36,
            bound=False,
        ),
        *(
            Box(
                f"a{i}",
                f"$a_{{t,{i}}}$",
                "score",
                (i, 4.4),
                "",
                "$a_{t,i}$",
                f"The weight of word {i}: its share of the look.",
            )
            for i in size
        ),
        Box(
            "c",
            "$c_t$",
            "context",
            (middle, 5.75),
            "context",
            r"$c_t = \sum_i a_{t,i} h_i$",
            "The context: a mean of the states, each as strong as its weight.",
            wide=1.9,
            tall=0.62,
        ),
        Box(
            "before",
            "$s_{t-1}$",
            "decoder",
            (-0.55, 6.95),
            "hidden",
            "$s_{t-1}$",
            "The decoder's state after the word before.",
            wide=0.95,
            tall=0.62,
        ),
        Box(
            "y",
            "$y_{t-1}$",
            "output",
            (0.75, 5.75),
            "embed",
            "embedding of $y_{t-1}$",
            "The word before, as a vector.",
            wide=1.0,
            tall=0.62,
        ),
        Box(
            "s",
            "$s_t$",
            "decoder",
            (middle, 6.95),
            "hidden",
            "$s_t = GRU([y_{t-1}; c_t], s_{t-1})$",
            "The new state: from the word before, the context, and the state before.",
            wide=1.9,
            tall=0.62,
        ),
        Box(
            "logits",
            "scores of all words",
            "output",
            (middle, 8.05),
            "vocab",
            "linear layer on $[s_t; c_t]$",
            "One score for each target word.",
            wide=2.3,
            tall=0.5,
        ),
        Box("word", "$y_t$", "word", (middle, 8.85), about="The likeliest word.", bound=False),
    ]
    ways = [
        *arrows(*(f"x{i} > h{i}" for i in size)),
        *arrows("before > query", *(f"query > e{i}" for i in size)),
        *arrows(*(f"h{i} > e{i}" for i in size)),
        *arrows(*(f"e{i} > softmax" for i in size), *(f"softmax > a{i}" for i in size)),
        *arrows(*(f"a{i} > c" for i in size)),
        *(Arrow(f"h{i}", "c", weight=f"a{i}") for i in size),
        *arrows("c > s", "y > s", "before > s", "s > logits"),
        Arrow("c", "logits", bend=1.0),
        Arrow("logits", "word", choice=True),
    ]
    states = tuple(f"h{i}" for i in size)
    scores = tuple(f"e{i}" for i in size)
    weights = tuple(f"a{i}" for i in size)
    stages = (
        Stage(
            "The encoder has read the sentence. Each word has a state $h_i$, and all of them stay.",
            (*(f"x{i}" for i in size), *states),
        ),
        Stage(
            "The decoder asks with its state $s_{t-1}$, because that says what was written so far.",
            ("before", "query"),
        ),
        Stage(
            "Each state $h_i$ gets a score: how well it fits the question.",
            ("query", *states, *scores),
        ),
        Stage(
            "Softmax turns the scores into weights, which are positive and sum to 1.",
            (*scores, "softmax", *weights),
        ),
        Stage(
            "The context $c_t$ is the sum of the states, each times its weight: a thick line is a "
            "large weight.",
            (*states, *weights, "c"),
        ),
        Stage(
            "The cell makes the new state $s_t$ from the word before, the context and $s_{t-1}$.",
            ("y", "c", "before", "s"),
        ),
        Stage(
            "A linear layer on $s_t$ and $c_t$ scores all target words. The likeliest is written.",
            ("s", "c", "logits", "word"),
        ),
    )
    alt = (
        f"One step of a decoder with additive attention over {len(words)} source words. From the "
        "bottom: the words, their encoder states, the query made from the decoder's state before, "
        "a score for each state, the softmax, the weights, the context as the weighted sum of the "
        "states, the new decoder state, the scores of all target words, and the word."
    )
    return Diagram("One step of attention", tuple(boxes), tuple(ways), stages, alt)


def trace_additive_step(
    model: AdditiveTranslator, memory: Memory, previous: Tensor, state: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `additive_step` as this model computes it, in one graph.

    model: an `AdditiveTranslator`, or a model with the same parts. memory: of one sentence.
    previous: the word before (1,). state: s_{t-1} (1, hidden).
    """
    states = [h.clone() for h in memory.values[0].unbind(0)]  # each (context,)
    before = state[0].clone()
    query = model.query(before)
    keys = [model.key(h) for h in states]
    scores = [model.score(query[None], key[None])[0, 0] for key in keys]
    weights = list(torch.softmax(torch.stack(scores), dim=0).unbind(0))
    context = torch.stack([a * h for a, h in zip(weights, states, strict=True)]).sum(dim=0)
    word = model.embedding(previous)[0]
    after = model.cell(torch.cat([word, context])[None], before[None])[0]
    logits = model.output(torch.cat([after, context]))
    parts = {"query": query, "c": context, "before": before, "y": word, "s": after}
    parts["logits"] = logits
    for i, (h, e, a) in enumerate(zip(states, scores, weights, strict=True), 1):
        parts |= {f"h{i}": h, f"e{i}": e, f"a{i}": a}
    return parts


@torch.no_grad()
def follow_additive(
    model: AdditiveTranslator,
    source: Tensor,
    target_words: Sequence[str],
    longest: int = 30,
) -> list[Numbers]:
    """Return what `additive_step` shows at each step of a greedy translation of one sentence.

    source: ids (source,). target_words: the words of the target vocabulary by id.
    """
    lengths = torch.tensor([len(source)], device=source.device)
    memory = model.encode(source[None], lengths)
    state = model.start(memory)
    previous = lengths.new_tensor([target_words.index("<start>")])
    found = []
    for _ in range(longest):
        parts = trace_additive_step(model, memory, previous, state)
        before, chances = target_words[int(previous)], torch.softmax(parts["logits"], dim=-1)
        previous = parts["logits"].argmax()[None]
        word = target_words[int(previous)]
        weights = {name: float(parts[name]) for name in parts if name[0] == "a"}
        values = {name: tensor.tolist() for name, tensor in parts.items() if tensor.ndim}
        shown = {name: f"{float(t):.2f}" for name, t in parts.items() if not t.ndim}
        values["logits"] = chances.topk(8).values.tolist()
        words = {"y": before, "word": word, **shown}
        found.append(Numbers(word, values, words, weights))
        state = parts["s"][None]
        if word == "<end>":
            break
    return found
