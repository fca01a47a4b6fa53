"""Diagrams of one step of a decoder with attention, as an overview and in full.

Shapes: hidden numbers of a state of the decoder, and of each of the encoder's two directions;
attention numbers of a query or key, embed numbers of a word's vector, vocab target words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import AdditiveTranslator, Memory

STATE = "2 × hidden"  # the shape of h_i, the pair of both directions' states
ASIDE = 0.38  # columns from a word's middle to the arrow that brings its state to the sum


def one_look(words: Sequence[str]) -> Diagram:
    """An overview of attention at one step: a weight for each h_i, and the weighted sum.

    words: the source sentence, one column each. The tensors are those of `trace_additive_step`
    that have the names of its boxes.
    """
    size = range(1, len(words) + 1)
    middle, across = (len(words) + 1) / 2, len(words) + 0.1
    boxes = (
        *(Box(f"x{i}", word, "word", (i, 0), bound=False) for i, word in enumerate(words, 1)),
        *(Box(f"h{i}", f"$h_{{{i}}}$", "source", (i, 0.8), STATE, wide=0.88) for i in size),
        Box("before", "$s_{t-1}$", "decoder", (-0.5, 1.7), "hidden", wide=1.0, tall=0.56),
        Box(
            "compare",
            "1. score, 2. softmax",
            "parameter",
            (middle, 1.7),
            wide=across,
            tall=0.4,
            bound=False,
        ),
        *(Box(f"a{i}", f"$a_{{t,{i}}}$", "score", (i, 2.5), wide=0.56) for i in size),
        Box(
            "c",
            "3. weighted sum: $c_t$",
            "context",
            (middle, 3.4),
            STATE,
            wide=across,
            tall=0.56,
        ),
    )
    ways = (
        *arrows(*(f"x{i} > h{i} > compare > a{i} > c" for i in size), "before > compare"),
        *(Arrow(f"h{i}", "c", weight=f"a{i}", shift=ASIDE) for i in size),
    )
    alt = (
        f"One look at {len(words)} words, as an overview. Each word has a state h_i. The state of "
        "the decoder, s_{t-1}, is compared with all of them, which gives a score and, by a "
        "softmax, a weight for each word. The context c_t is the sum of the states, each times "
        "its weight."
    )
    return Diagram("One look at the sentence, an overview", boxes, ways, alt=alt)


def additive_step(words: Sequence[str]) -> Diagram:
    """One step of Bahdanau's decoder: look at every h_i with s_{t-1}, then say one word.

    words: the source sentence, one column each. The tensors are those of `trace_additive_step`.
    """
    size = range(1, len(words) + 1)
    middle, across = (len(words) + 1) / 2, len(words) + 0.1  # of the bars over all words
    left = -0.75  # of the decoder's column
    above = 1.7  # of s_t: all that follows from the sum stands on the left, near the decoder
    last = max(len(words), 4) + 0.5  # where the box of the context ends
    boxes = [
        *(Box(f"x{i}", word, "word", (i, 0), bound=False) for i, word in enumerate(words, 1)),
        Box(
            "encoder",
            "bidirectional encoder",
            "parameter",
            (middle, 0.75),
            about="One GRU reads from the left, one from the right. $h_i$ joins their two states.",
            wide=across,
            tall=0.4,
            bound=False,
        ),
        *(
            Box(
                f"h{i}",
                f"$h_{{{i}}}$",
                "source",
                (i, 1.65),
                STATE,
                r"$h_i$ = [forward; backward]",
                f"The encoder's state at word {i}: what both directions have read there.",
                wide=0.88,
            )
            for i in size
        ),
        *(
            Box(
                f"k{i}",
                f"$k_{{{i}}}$",
                "source",
                (i, 2.6),
                "attention",
                "$k_i = U h_i$",
                f"The key of word {i}: its state, projected, once per sentence.",
                wide=0.64,
            )
            for i in size
        ),
        Box(
            "query",
            "$q_t = W s_{t-1}$",
            "decoder",
            (left, 3.4),
            "attention",
            "$q_t = W s_{t-1}$",
            "The query: the decoder's state, projected. It is the same for all source words.",
            wide=1.5,
            tall=0.56,
        ),
        Box(
            "add",
            r"$v \cdot \tanh(q_t + k_i)$, for each word on its own",
            "parameter",
            (middle, 3.4),
            "",
            r"$e_{t,i} = v \cdot \tanh(q_t + k_i)$",
            "The score: the query is added to each key, and $v$ makes one number of the sum.",
            wide=across,
            tall=0.4,
            bound=False,
        ),
        *(
            Box(
                f"e{i}",
                f"$e_{{t,{i}}}$",
                "score",
                (i, 4.2),
                "",
                r"$e_{t,i} = v \cdot \tanh(q_t + k_i)$",
                f"The score of word {i}: how well its key fits the query. One number.",
                wide=0.64,
            )
            for i in size
        ),
        # In a walk the numbers take the place of the letters, so each row has its name beside it.
        Box(
            "keys", "$k_i = U h_i$", "word", (-0.25, 2.6), about="The keys.", bound=False, wide=1.3
        ),
        Box("scores", "scores", "word", (-0.1, 4.2), about="The scores.", bound=False),
        Box("weights", "weights", "word", (-0.1, 5.7), about="The weights.", bound=False),
        Box(
            "softmax",
            "softmax: positive, and the sum is 1",
            "parameter",
            (middle, 4.95),
            "",
            r"$a_{t,i} = \exp(e_{t,i}) / \sum_j \exp(e_{t,j})$",
            "Each weight depends on all scores, because they share a sum of 1.",
            wide=across,
            tall=0.4,
            bound=False,
        ),
        *(
            Box(
                f"a{i}",
                f"$a_{{t,{i}}}$",
                "score",
                (i, 5.7),
                "",
                "$a_{t,i}$",
                f"The weight of word {i}: its share of the look.",
                wide=0.64,
            )
            for i in size
        ),
        *(
            Box(
                f"part{i}",
                f"$a_{{t,{i}}} h_{{{i}}}$",
                "context",
                (i, 6.65),
                STATE,
                "$a_{t,i} h_i$",
                f"The state of word {i}, times its weight: what it gives to the context.",
                wide=0.88,
            )
            for i in size
        ),
        Box(
            "c",
            "$c_t$",
            "context",
            ((0.5 + last) / 2, 7.65),
            STATE,
            r"$c_t = \sum_i a_{t,i} h_i$",
            "The context: the sum of the states, each times its weight.",
            wide=last - 0.5,
            tall=0.62,
        ),
        Box(
            "before",
            "$s_{t-1}$",
            "decoder",
            (left, 8.85),
            "hidden",
            "$s_{t-1}$",
            "The decoder's state after the previous word.",
            wide=1.1,
            tall=0.62,
        ),
        Box(
            "y",
            "emb($y_{t-1}$)",
            "output",
            (left + 0.3, 7.65),
            "embed",
            "embedding of $y_{t-1}$",
            "The previous word, as a vector.",
            wide=1.1,
            tall=0.62,
        ),
        Box(
            "s",
            "GRU: $s_t$",
            "decoder",
            (above, 8.85),
            "hidden",
            "$s_t = GRU([emb(y_{t-1}); c_t], s_{t-1})$",
            "The new state: from the previous word, the context, and the previous state.",
            wide=1.5,
            tall=0.62,
        ),
        Box(
            "logits",
            "scores of all words",
            "output",
            (above + 1.0, 9.85),
            "vocab",
            "linear layer on $[s_t; c_t]$",
            "One score for each target word. The three highest are shown.",
            wide=3.8,
            tall=0.5,
        ),
        Box("word", "$y_t$", "word", (above + 1.0, 10.6), about="The likeliest word.", bound=False),
    ]
    ways = [
        *arrows(*(f"x{i} > encoder > h{i}" for i in size)),
        *arrows(*(f"h{i} > k{i}" for i in size)),
        # A key's arrow runs on behind the bar, because a score depends on its own key alone.
        Arrow("before", "query", shift=-0.4),
        *arrows("query > add", *(f"add > e{i}" for i in size)),
        *arrows(*(f"k{i} > e{i}" for i in size)),
        *arrows(*(f"e{i} > softmax" for i in size), *(f"softmax > a{i}" for i in size)),
        *arrows(*(f"a{i} > part{i}" for i in size)),
        *(Arrow(f"h{i}", f"part{i}", weight=f"a{i}", shift=ASIDE) for i in size),
        *(Arrow(f"part{i}", "c", weight=f"a{i}") for i in size),
        *arrows("y > s", "before > s", "s > logits"),
        *arrows("c > s"),
        Arrow("c", "logits", shift=1.3),
        Arrow("logits", "word", choice=True),
    ]
    states = tuple(f"h{i}" for i in size)
    scores = tuple(f"e{i}" for i in size)
    weights = tuple(f"a{i}" for i in size)
    keys, parts = tuple(f"k{i}" for i in size), tuple(f"part{i}" for i in size)
    stages = (
        Stage(
            "The encoder has read the sentence both ways. Each word has a state $h_i$, and all of "
            "them stay.",
            (*(f"x{i}" for i in size), "encoder", *states),
        ),
        Stage(
            "The decoder asks with its state $s_{t-1}$, which has read the words before $y_{t-1}$.",
            ("before", "query"),
        ),
        Stage(
            "Each state $h_i$ has a key $k_i = U h_i$. The score says how well it fits the query.",
            ("query", *states, "keys", *keys, "add", "scores", *scores),
        ),
        Stage(
            "Softmax turns the scores into weights, which are positive and sum to 1.",
            ("scores", *scores, "softmax", "weights", *weights),
        ),
        Stage(
            "The context $c_t$ is the sum of the states, each times its weight: a thick line is a "
            "large weight.",
            (*states, *weights, *parts, "c"),
        ),
        Stage(
            "The GRU cell makes $s_t$ from the previous word, the context and $s_{t-1}$.",
            ("y", "c", "before", "s"),
        ),
        Stage(
            "A linear layer on $s_t$ and $c_t$ scores all target words. The likeliest is written.",
            ("s", "c", "logits", "word"),
        ),
    )
    alt = (
        f"One step of a decoder with additive attention over {len(words)} source words. From the "
        "bottom: the words, the encoder that reads all of them, its states, a key made from each "
        "state. The query, made from the decoder's previous state, meets each key, which gives a "
        "score. Then the softmax, the weights, each state times its weight, and their sum, which "
        "is the context. On the left above it: the new decoder state, the scores of all target "
        "words, and the word."
    )
    return Diagram(
        "One step of the decoder, with attention",
        tuple(boxes),
        tuple(ways),
        stages,
        alt,
        alike=frozenset((*states, *parts, "c")),  # so that the strip of a small share is pale
    )


def trace_additive_step(
    model: AdditiveTranslator, memory: Memory, previous: Tensor, state: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `additive_step` as this model computes it, in one graph.

    model: an `AdditiveTranslator`, or the translator of notebook 04, which keeps the same layers in
    its `decoder`. memory: of one sentence. previous: the word before (1,). state: s_{t-1}
    (1, hidden).
    """
    own: Any = getattr(model, "decoder", model)  # what has W, v, the cell and the output layer
    v = own.v if hasattr(own, "v") else own.score.v
    states = [h.clone() for h in memory.values[0].unbind(0)]  # each (context,)
    before = state[0].clone()
    query = own.query(before)
    keys = [model.key(h) for h in states]
    scores = [torch.tanh(query + key) @ v for key in keys]
    weights = list(torch.softmax(torch.stack(scores), dim=0).unbind(0))
    shares = [a * h for a, h in zip(weights, states, strict=True)]
    context = torch.stack(shares).sum(dim=0)
    word = own.embedding(previous)[0]
    after = own.cell(torch.cat([word, context])[None], before[None])[0]
    logits = own.output(torch.cat([after, context]))
    parts = {"query": query, "c": context, "before": before, "y": word, "s": after}
    parts["logits"] = logits
    columns = zip(states, keys, scores, weights, shares, strict=True)
    for i, (h, k, e, a, share) in enumerate(columns, 1):
        parts |= {f"h{i}": h, f"k{i}": k, f"e{i}": e, f"a{i}": a, f"part{i}": share}
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
        before, (best, places) = target_words[int(previous)], parts.pop("logits").topk(3)
        previous = places[:1]
        word = target_words[int(previous)]
        weights = {name: float(parts[name]) for name in parts if name[0] == "a"}
        values = {name: tensor.tolist() for name, tensor in parts.items() if tensor.ndim}
        shown = {name: f"{float(t):.2f}" for name, t in parts.items() if not t.ndim}
        likeliest = [f"{target_words[i]} {e:.1f}" for i, e in zip(places, best, strict=True)]
        words = {"y": before, "word": word, "logits": ", ".join(likeliest), **shown}
        found.append(Numbers(word, values, words, weights))
        state = parts["s"][None]
        if word == "<end>":
            break
    return found
