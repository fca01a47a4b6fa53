"""Diagrams of an encoder and a decoder with one vector between them.

Shapes: embed numbers of a word's vector, hidden units of a state, vocab target words.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.corpus import Vocabulary
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import BottleneckTranslator


def encoder_decoder(source: Sequence[str], target: Sequence[str]) -> Diagram:
    """A sentence read into one vector c, and written from it, word by word (Cho et al. 2014).

    source: its words. target: the words that are written, `<end>` the last. The stages follow
    greedy decoding: each word that was written is fed in the next step. The tensors are those of
    `trace_encoder_decoder`.
    """
    reads, writes = range(1, len(source) + 1), range(1, len(target) + 1)
    width = max(len(source), len(target))
    boxes = [Box(f"x{i}", word, "word", (i, 0), bound=False) for i, word in enumerate(source, 1)]
    boxes += [
        Box(
            f"h{i}",
            f"$h_{{{i}}}$",
            "source",
            (i, 1),
            "hidden",
            "$h_i = GRU(x_i, h_{i-1})$",
            f"The encoder's state after word {i}. The same parameters make every state.",
        )
        for i in reads
    ]
    boxes.append(
        Box(
            "c",
            f"$c = h_{{{len(source)}}}$: all that the decoder gets of the sentence",
            "context",
            (width / 2, 2.0),
            "hidden",
            "$c = h_S$",
            "The context: the encoder's last state, the same at every step of the decoder.",
            wide=width + 1.0,
            tall=0.46,
        )
    )
    boxes.append(
        Box(
            "s0",
            "$s_0 = c$",
            "decoder",
            (0, 3.1),
            "hidden",
            "$s_0 = c$",
            "The decoder starts from the context.",
        )
    )
    for t, word in enumerate(target, 1):
        boxes += [
            Box(
                f"y{t - 1}",
                "<start>" if t == 1 else f"$y_{{{t - 1}}}$",
                "output",
                (t - 0.58, 4.05),
                "embed",
                "embedding of $y_{t-1}$",
                "The previous word, as a vector: when decoding, the word that was just written.",
                wide=0.78,
                tall=0.42,
            ),
            Box(
                f"s{t}",
                f"$s_{{{t}}}$",
                "decoder",
                (t, 3.1),
                "hidden",
                "$s_t$ = GRU([emb($y_{t-1}$); $c$], $s_{t-1}$)",
                "The decoder's state: from the previous word, the context, and the previous state.",
                wide=0.7,
            ),
            Box(
                f"w{t}",
                f"$y_{{{t}}}$",
                "word",
                (t, 4.95),
                about=f"Here: {word}.",
                wide=1.0,
                bound=False,
            ),
        ]
    ways = [
        *arrows(*(f"x{i} > h{i}" for i in reads), *(f"h{i} > h{i + 1}" for i in reads[:-1])),
        Arrow(f"h{len(source)}", "c"),
        Arrow("c", "s0"),
        *(Arrow("c", f"s{t}") for t in writes),
        *arrows(*(f"s{t - 1} > s{t}" for t in writes)),
        # A word is fed from above, between two states: so no arrow crosses another.
        *(Arrow(f"y{t - 1}", f"s{t}", shift=0.28) for t in writes),
        *(Arrow(f"s{t}", f"w{t}", choice=True, shift=-0.08) for t in writes),
        *(Arrow(f"w{t}", f"y{t}", choice=True, shift=-0.26) for t in writes[:-1]),
    ]
    stages = [
        Stage("The first word goes into the encoder, which makes its state $h_1$.", ("x1", "h1"))
    ]
    stages += [
        Stage(
            f"Word {i} and the previous state make $h_{{{i}}}$, with the same parameters.",
            (f"x{i}", f"h{i - 1}", f"h{i}"),
        )
        for i in reads[1:]
    ]
    stages.append(
        Stage("The last state is the context $c$, and $s_0 = c$.", (f"h{len(source)}", "c", "s0"))
    )
    for t, word in enumerate(target, 1):
        fed = "<start>" if t == 1 else f"'{target[t - 2]}'"
        end = " The sentence ends." if word == "<end>" else ""
        stages.append(
            Stage(
                f"Step {t}: from {fed}, $c$ and $s_{{{t - 1}}}$ comes $s_{{{t}}}$; its likeliest "
                f"word is '{word}'.{end}",
                (f"y{t - 1}", "c", f"s{t - 1}", f"s{t}", f"w{t}")
                + ((f"w{t - 1}",) if t > 1 else ()),
            )
        )
    alt = (
        f"An encoder reads {len(source)} words from left to right, each state made from a word and "
        "the previous state. The last state is the context c, one bar above. From it arrows lead "
        f"to the decoder's first state and to each of its {len(target)} steps. Each step also gets "
        "the previous word, which comes down from the step that wrote it."
    )
    return Diagram(
        "Encoder and decoder, one vector between them",
        tuple(boxes),
        tuple(ways),
        tuple(stages),
        alt,
        unfolds=True,
    )


def written(target: Sequence[str]) -> Numbers:
    """Return what `encoder_decoder` shows once these words are written, `<end>` the last."""
    words = {f"w{t}": f"$y_{{{t}}}$ = {word}" for t, word in enumerate(target, 1)}
    fed = {f"y{t}": word for t, word in enumerate(target[:-1], 1)}
    return Numbers(" ".join(target), {}, words | fed)


def trace_encoder_decoder(
    model: BottleneckTranslator, source: Tensor, fed: Tensor
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Return every tensor of `encoder_decoder` in one graph, and the logits of each step.

    model: one-way. source: ids (source,). fed: the words fed (steps,), `<start>` first.
    """
    encoder, parts, logits = model.encoder, {}, []
    state = encoder.embedding.weight.new_zeros(1, 1, encoder.width)
    for i, x in enumerate(encoder.embedding(source), 1):
        out, state = encoder.gru(x[None, None], state)
        parts[f"h{i}"] = out[0, 0]
        state = parts[f"h{i}"][None, None]
    # A tensor of its own for each box, so that the gradient by it means this box.
    parts["c"] = parts[f"h{len(source)}"].clone()
    parts["s0"] = parts["c"].clone()
    for t, word in enumerate(fed, 1):
        parts[f"y{t - 1}"] = model.embedding(word)
        given = torch.cat([parts[f"y{t - 1}"], parts["c"]])[None, None]
        out, _ = model.gru(given, parts[f"s{t - 1}"][None, None])
        parts[f"s{t}"] = out[0, 0]
        logits.append(model.output(parts[f"s{t}"]))
    return parts, logits


def as_drawn(model: nn.Module) -> BottleneckTranslator:
    """Return a translator whose parts have the names that the drawings know.

    A model that keeps the parts of its decoder in `model.decoder`, as that of notebook 02 does, is
    copied with its parameters. A BottleneckTranslator is returned as it is.
    """
    if isinstance(model, BottleneckTranslator):
        return model
    state = {name.removeprefix("decoder."): value for name, value in model.state_dict().items()}
    source, embed = state["encoder.embedding.weight"].shape
    target, hidden = state["output.weight"].shape
    with torch.random.fork_rng(devices=[]):  # what comes later draws the same numbers as before
        copy = BottleneckTranslator(source, target, embed, hidden)
    copy.load_state_dict(state)
    return copy.to(state["output.weight"])


@torch.no_grad()
def follow_encoder_decoder(
    model: nn.Module, source: Tensor, target_words: Sequence[str], longest: int = 30
) -> tuple[list[str], Numbers]:
    """Translate one sentence greedily; return its words and what `encoder_decoder` shows of it.

    model: one that `as_drawn` takes. source: ids (source,). target_words: the words of the target
    vocabulary by id.
    """
    model, fed = as_drawn(model), [Vocabulary.start]
    for _ in range(longest):
        parts, logits = trace_encoder_decoder(model, source, source.new_tensor(fed))
        fed.append(int(logits[-1].argmax()))
        if fed[-1] == Vocabulary.end:
            break
    said = [target_words[i] for i in fed[1:]]
    words = {f"w{t}": word for t, word in enumerate(said, 1)}
    words |= {f"y{t}": target_words[i] for t, i in enumerate(fed[:-1])}
    return said, Numbers(" ".join(said), {n: v.tolist() for n, v in parts.items()}, words)
