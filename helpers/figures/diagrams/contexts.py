"""Diagrams of where a decoder's context comes from, and of how a gradient gets back to a word.

Shapes: embed numbers of a word's vector, hidden of a state, vocab target words.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from helpers.attention import attend
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import LuongTranslator

# What c_t is in each twin: the title of its picture, and the formula.
TWINS = {
    "attention": ("Attention: other weights at each step", r"$c_t = \sum_i a_{t,i} h_i$"),
    "mean": ("Mean: equal weights at each step", "$c_t$ = the mean of all $h_i$"),
    "last state": ("Last state: the same at each step", "$c_t$ = the summary"),
}


def twin_step(words: Sequence[str], context: str) -> Diagram:
    """One step of a decoder whose context is "attention", "mean" or "last state".

    words: of the source, one column each. Tensors: `trace_twin_step`.
    Raises KeyError for another context.
    """
    title, formula = TWINS[context]
    size, right = range(1, len(words) + 1), len(words) + 1.5
    middle, wide = (1 + len(words)) / 2, len(words) + 0.4
    state = "The decoder's state. The first one, $s_0$, is made from the encoder's summary."
    reads = "encoder: reads the whole sentence"
    boxes = [
        *(Box(f"x{i}", word, "word", (i, -0.55), bound=False) for i, word in enumerate(words, 1)),
        # So each h_i has read all words, which an arrow from its own word alone would hide.
        Box("encoder", reads, "parameter", (middle, 0.1), wide=wide - 0.4, tall=0.42, bound=False),
        # So wide, and so far to the left, that its two arrows go straight up.
        Box("s", "$s_t$", "decoder", (right, 0.9), "hidden", about=state, wide=1.3),
        Box("before", "$s_{t-1}$", "decoder", (right - 0.33, 0.1), "hidden", wide=0.62),
        Box("y", "$y_{t-1}$", "word", (right + 0.38, 0.2), wide=0.6, bound=False),
        Box("first", "$s_0$: from its summary", "word", (right, -0.55), wide=1.7, bound=False),
        Box("c", formula, "context", (middle + 0.4, 2.2), "hidden", wide=wide, tall=0.85),
        Box(
            "joined",
            r"$\tilde h_t$",
            "output",
            (right + 0.45, 2.2),
            "hidden",
            r"$\tanh(W_c [c_t; s_t])$",
        ),
        Box("logits", "scores of all words", "output", (right + 0.45, 3.1), "vocab", wide=1.75),
    ]
    ways = [*arrows("before > s", "y > s", "c > joined > logits", "s > joined")]
    ways += arrows(*(f"x{i} > encoder" for i in size), "encoder > before")
    if context == "last state":
        label, across = "summary: one vector for all", len(words) - 0.22
        boxes.append(Box("summary", label, "source", (middle, 0.9), "hidden", wide=across))
        ways += arrows("encoder > summary > c")
    else:
        boxes += [Box(f"h{i}", f"$h_{{{i}}}$", "source", (i, 0.9), "hidden") for i in size]
        ways += arrows(*(f"encoder > h{i} > c" for i in size))
    if context == "attention":
        ways += arrows("s > c", shift=-0.5)
    looked_at = {
        "attention": "Arrows lead from every encoder state and from the decoder's state to c.",
        "mean": "Arrows lead from every encoder state to c, and none from the decoder's state.",
        "last state": "The encoder gives one vector, and one arrow leads from it to c.",
    }
    alt = (
        f"One decoder step over {len(words)} source words, which an encoder reads together. "
        f"{looked_at[context]} From c and the "
        "decoder's state the scores of all words are computed. The state comes from the state "
        "before and the previous word."
    )
    return Diagram(title, tuple(boxes), tuple(ways), (), alt)


def trace_twin_step(model: LuongTranslator, source: Tensor, previous: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `twin_step` in one graph; what the encoder gives is taken as given.

    source: ids (source,). previous: the word before (1,).
    """
    with torch.no_grad():
        found, summary = model.encoder(source[None], torch.tensor([len(source)]))
        word, start = model.embedding(previous)[None], model.bridge(summary)  # s_0 (1, hidden)
    names = [f"h{i}" for i in range(1, len(source) + 1)]
    given = found[0]
    if model.context == "last state":
        names, given = ["summary"], summary
    states, before = [_given(h) for h in given], _given(start[0])  # each (hidden,)
    asks = model.gru(word, before[None, None])[1][0, 0]
    values = torch.stack(states)  # (states, hidden)
    keys = values if model.context == "attention" else torch.zeros_like(values)
    context = attend(asks[None], keys, values, score=model.score)[0][0]  # (hidden,)
    joined = model.attentional(torch.cat([context, asks]))
    parts = dict(zip(names, states, strict=True))
    parts |= {"before": before, "s": asks, "c": context, "joined": joined}
    return parts | {"logits": model.output(joined)}


def two_ways(words: Sequence[str]) -> Diagram:
    """One step of a decoder with attention behind a one-way encoder: two ways back to a word.

    words: of the source, one column each. Tensors: `trace_two_ways`.
    """
    size, end = range(1, len(words) + 1), len(words)
    boxes = [
        *(Box(f"x{i}", word, "word", (i, 0.35), bound=False) for i, word in enumerate(words, 1)),
        *(
            Box(
                f"h{i}",
                f"$h_{{{i}}}$",
                "source",
                (i, 1.0),
                "hidden",
                r"$h_i = GRU(x_i, h_{i-1})$",
                f"The state after word {i}. It is made from the state before.",
            )
            for i in size
        ),
        Box(
            "s",
            "$s_t$",
            "decoder",
            (end + 1.3, 1.0),
            "hidden",
            about="The decoder's state. The first one is made from the last encoder state.",
        ),
        Box(
            "c",
            "$c_t$",
            "context",
            ((end + 1) / 2, 2.45),
            "hidden",
            r"$c_t = \sum_i a_{t,i} h_i$",
            "The context: every state enters it directly.",
            wide=end - 0.2,
        ),
        Box(
            "logits",
            "scores",
            "output",
            (end + 1.3, 2.45),
            "vocab",
            about="The scores of all words. From here the gradient goes back.",
            wide=0.95,
        ),
    ]
    rows = {"chain": ("chain:", -0.35), "sum": ("sum:", -0.85)}
    for name, (label, row) in rows.items():
        boxes.append(Box(name, label, "word", (0.05, row), bound=False))
        boxes += [Box(f"{name}{i}", "", "word", (i, row), bound=False) for i in size]
    ways = (
        *arrows(*(f"x{i} > h{i}" for i in size)),
        *(Arrow(f"h{i}", f"h{i + 1}", weight=f"chain {i}") for i in size[:-1]),
        Arrow(f"h{end}", "s", weight=f"chain {end}"),
        *(Arrow(f"h{i}", "c", weight=f"sum {i}") for i in size),
        *arrows("s > c", "s > logits", "c > logits"),
    )
    states = tuple(f"h{i}" for i in size)
    stages = (
        Stage(
            "The scores of a word depend on every source word. How much would they change if a "
            "state $h_i$ changed a little? That is the gradient, and it comes back on two ways.",
            ("logits", *states),
        ),
        Stage(
            "The way through the chain: from the scores to $s_t$, to the last state, and from "
            "state to state. At each step the gradient gets smaller.",
            ("logits", "s", *states, "chain", *(f"chain{i}" for i in size)),
        ),
        Stage(
            "The way through the sum: from the scores to $c_t$, and from there to each state "
            "directly. The first state is as near as the last.",
            ("logits", "c", *states, "sum", *(f"sum{i}" for i in size)),
        ),
    )
    alt = (
        f"A one-way encoder of {end} states in a chain, and a decoder step. One way leads from the "
        "scores back through the decoder's state and along the chain to the first state; the other "
        "through the context, in which every state enters directly. Two rows of numbers give the "
        "size of the gradient on both ways."
    )
    return Diagram("Two ways back to the first word", tuple(boxes), ways, stages, alt)


def trace_two_ways(model: LuongTranslator, source: Tensor, previous: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `two_ways` in one graph.

    model: with attention and a one-way encoder. source: ids (source,). previous: the word before
    (1,), such as `<start>`.
    """
    state = torch.zeros(1, model.encoder.width, device=source.device, dtype=model.output.bias.dtype)
    states = []
    for vector in model.encoder.embedding(source):
        _, last = model.encoder.gru(vector[None, None], state[None])
        states.append(last[0, 0].clone())  # its own tensor, so that its gradient is this state's
        state = states[-1][None]
    _, after = model.gru(model.embedding(previous)[None], model.bridge(states[-1])[None, None])
    asks = after[0, 0]
    together = torch.stack(states)
    context = attend(asks[None], together, together, score=model.score)[0][0]
    logits = model.output(model.attentional(torch.cat([context, asks])))
    return {f"h{i}": h for i, h in enumerate(states, 1)} | {
        "s": asks,
        "c": context,
        "logits": logits,
    }


def follow_two_ways(model: LuongTranslator, source: Tensor, previous: Tensor) -> Numbers:
    """Return what `two_ways` shows of a model: the size of the gradient at each state, by way.

    The scores are asked in one random direction (torch's generator). Chain: with the context held
    still. Sum: with the decoder's state and the weights held still. Arguments: `trace_two_ways`.
    """
    parts = trace_two_ways(model, source, previous)
    states = [parts[f"h{i}"] for i in range(1, len(source) + 1)]
    context, asks = _given(parts["c"]), _given(parts["s"])
    scores = model.output(model.attentional(torch.cat([context, asks])))
    by_context, by_state = torch.autograd.grad(scores @ torch.randn_like(scores), (context, asks))
    chain = torch.autograd.grad(parts["s"], states, by_state)
    values = torch.stack([h.detach() for h in states])
    _, weights = attend(asks.detach()[None], values, values, score=model.score)
    through = [weight * by_context for weight in weights[0]]  # c_t is the sum of a_{t,i} h_i
    sizes = {"chain": [float(g.norm()) for g in chain], "sum": [float(g.norm()) for g in through]}
    most = max(map(max, sizes.values()))
    return Numbers(
        words={f"{way}{i}": f"{g:.2g}" for way, gs in sizes.items() for i, g in enumerate(gs, 1)},
        weights={f"{way} {i}": g / most for way, gs in sizes.items() for i, g in enumerate(gs, 1)},
    )


def _given(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_()
