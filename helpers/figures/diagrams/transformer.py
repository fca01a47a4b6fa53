"""Diagrams of the Transformer: the residual stream, its block, and encoder and decoder whole.

Shapes: source words, target words so far, d_model numbers of a vector in the stream, vocab target
words. Only the stream has its own colour, so that it stands out: a norm or an MLP beside it is an
outline, as an operation is elsewhere, and a look has the colour of a context.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.corpus import Vocabulary
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows
from helpers.models import EncoderBlock, TransformerTranslator

_STEP = 0.74  # rows between a stream and the norm beside it, and from there to the layer
_WIDE, _TALL = 1.66, 0.5
_ABOUT = {
    "norm": "A copy of the stream, each vector brought to mean 0 and variance 1.",
    "look": "Each word looks at all words of its sentence, and gets a blend of their values.",
    "mlp": "The same small network at every position. No position sees another.",
    "sum": "The stream after the layer: what was there, plus what the layer writes.",
}


def stream(layers: int, adds: bool) -> Diagram:
    """A few layers that replace the states, or that add to them.

    The tensors are those of `trace_stream`.
    """
    boxes = [Box("x0", "$x_0$", "source", (1, 0), "source, d_model", wide=_WIDE)]
    ways: list[Arrow] = []
    for n in range(1, layers + 1):
        at = (2.96, 1.5 * n - 0.75) if adds else (1.0, 1.5 * n - 0.75)
        boxes += [
            Box(f"f{n}", f"layer {n}: $f_{n}$", "context", at, "source, d_model", wide=_WIDE),
            Box(
                f"x{n}",
                f"$x_{n} = x_{n - 1} + f_{n}$" if adds else f"$x_{n} = f_{n}$",
                "source",
                (1, 1.5 * n),
                "source, d_model",
                wide=_WIDE,
            ),
        ]
        ways += arrows(f"x{n - 1} > f{n} > x{n}")
        if adds:
            ways.append(Arrow(f"x{n - 1}", f"x{n}"))
    return Diagram(
        "Add" if adds else "Replace",
        tuple(boxes),
        tuple(ways),
    )


def trace_stream(layers: Sequence[nn.Module], states: Tensor, adds: bool) -> dict[str, Tensor]:
    """Return every tensor of `stream` in one graph. states: (source, d_model)."""
    parts = {"x0": states.clone().requires_grad_()}
    for n, layer in enumerate(layers, 1):
        before = parts[f"x{n - 1}"]
        parts[f"f{n}"] = layer(before)
        parts[f"x{n}"] = before + parts[f"f{n}"] if adds else parts[f"f{n}"].clone()
    return parts


def encoder_block(norm: str) -> Diagram:
    """An encoder block with its norms before the layers ("pre") or behind the sums ("post").

    The tensors are those of `trace_encoder_block`. Raises ValueError for another norm.
    """
    if norm not in ("pre", "post"):
        raise ValueError(f"norm is {norm!r}; expected 'pre' or 'post'")
    shape = "source, d_model"
    pre = norm == "pre"

    def box(name: str, label: str, role: str, x: float, y: float, about: str = "") -> Box:
        return Box(name, label, role, (x, y), shape, about=about, wide=_WIDE)

    heights = (0.8, 1.6, 2.4, 3.2, 4.0, 4.8) if pre else (0.95, 1.7, 2.4, 3.35, 4.1, 4.8)
    side = 2.96
    of_norm = "parameter" if pre else "source"  # a norm behind the sum stands in the stream
    boxes = [
        box("s0", "stream", "source", 1, 0, "What the block is given."),
        box("n1", "layer norm", of_norm, side if pre else 1, heights[0 if pre else 2]),
        box("look", "self-attention", "context", side, heights[1 if pre else 0], _ABOUT["look"]),
        box("s1", "+ attention", "source", 1, heights[2 if pre else 1], _ABOUT["sum"]),
        box("n2", "layer norm", of_norm, side if pre else 1, heights[3 if pre else 5]),
        box("mlp", "MLP", "parameter", side, heights[4 if pre else 3], _ABOUT["mlp"]),
        box("s2", "+ MLP", "source", 1, heights[5 if pre else 4], _ABOUT["sum"]),
    ]
    if pre:
        ways = arrows("s0 > n1 > look > s1", "s0 > s1 > n2 > mlp > s2", "s1 > s2")
        stages = (
            Stage("The attention reads a normed copy of the stream.", ("s0", "n1", "look")),
            Stage("Its result is added to the stream.", ("s0", "look", "s1")),
            Stage("The MLP reads a normed copy, too.", ("s1", "n2", "mlp")),
            Stage("Its result is added. No norm stands in the stream itself.", ("s1", "mlp", "s2")),
        )
    else:
        ways = arrows("s0 > look > s1 > n1 > mlp > s2 > n2", "s0 > s1", "n1 > s2")
        stages = (
            Stage("The attention reads the stream as it is.", ("s0", "look", "s1")),
            Stage("The sum is normed: the norm stands in the stream.", ("s1", "n1")),
            Stage("The MLP and a second norm follow.", ("n1", "mlp", "s2", "n2")),
        )
    title = "Pre-norm" if pre else "Post-norm"
    alt = (
        f"One encoder block, {norm}-norm, from the bottom up. The stream runs upwards on the left, "
        "and self-attention and MLP stand beside it. Arrows lead from the stream "
        + (
            "through a layer norm to each layer and from the layer back into a sum in the stream."
            if pre
            else "to each layer and back into a sum, and a layer norm follows each sum in the "
            "stream."
        )
    )
    return Diagram(title, tuple(boxes), tuple(ways), stages, alt)


def trace_encoder_block(block: EncoderBlock, states: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `encoder_block` in one graph, for the block's own kind of norm.

    states: (source, d_model).
    """
    norm_1, norm_2 = block.attention_sublayer.norm, block.mlp_sublayer.norm
    parts = {"s0": states.clone().requires_grad_()}
    if block.mlp_sublayer.where == "pre":
        parts["n1"] = norm_1(parts["s0"])
        parts["look"] = block.attention(parts["n1"][None])[0][0]
        parts["s1"] = parts["s0"] + parts["look"]
        parts["n2"] = norm_2(parts["s1"])
        parts["mlp"] = block.mlp(parts["n2"])
        parts["s2"] = parts["s1"] + parts["mlp"]
    else:
        parts["look"] = block.attention(parts["s0"][None])[0][0]
        parts["s1"] = parts["s0"] + parts["look"]
        parts["n1"] = norm_1(parts["s1"])
        parts["mlp"] = block.mlp(parts["n1"])
        parts["s2"] = parts["n1"] + parts["mlp"]
        parts["n2"] = norm_2(parts["s2"])
    return parts


def transformer(words: Sequence[str]) -> Diagram:
    """Encoder and decoder whole, one pre-norm block a side, from the words to the next word.

    words: the source sentence. The stages go from far to near. The tensors are those of
    `trace_transformer`.
    """
    size = range(1, len(words) + 1)
    left, inner_left, right, inner_right = 1.0, 2.96, 7.46, 5.5
    foot = 2.3  # of the decoder's stream

    def box(name: str, label: str, role: str, x: float, y: float, about: str) -> Box:
        shape = "target, d_model" if name.startswith("d") else "source, d_model"
        return Box(name, label, role, (x, y), shape, about=about, wide=_WIDE, tall=_TALL)

    def layer(side: str, n: int, name: str, label: str, y: float, about: str) -> list[Box]:
        """The norm, the layer and the sum that follow a stream at height y."""
        enc = side == "e"
        role, x, beside = ("source", left, inner_left) if enc else ("decoder", right, inner_right)
        of_layer = "parameter" if name == "mlp" else "context"
        at = y + 2 * _STEP  # the sum stands beside its layer, which keeps the picture low
        return [
            box(f"{side}n{n}", "layer norm", "parameter", beside, y + _STEP, _ABOUT["norm"]),
            box(f"{side}{name}", label, of_layer, beside, at, about),
            box(f"{side}s{n}", f"+ {label}", role, x, at, _ABOUT["sum"]),
        ]

    across = "Each place asks the memory; an arrow is as thick as its weight (mean over the heads)."
    back = "Each place looks at itself and the places before it, because later words are not known."
    top = 0.8 + 5.7 * _STEP  # so high that the arrows to the memory touch no other word
    asks = foot + 4 * _STEP  # where the cross-attention stands
    rows = [asks + 0.62 * (i - (len(words) + 1) / 2) for i in size]
    boxes = [
        Box("words", " ".join(words), "word", (left, 0), bound=False, wide=2.0),
        box("es0", "words + places", "source", left, 0.8, "Each word's vector plus its place's."),
        *layer("e", 1, "look", "self-attention", 0.8, _ABOUT["look"]),
        *layer("e", 2, "mlp", "MLP", 0.8 + 2 * _STEP, _ABOUT["mlp"]),
        box("memory", "final norm", "source", left, top, "What the decoder may ask: the memory."),
        *(
            Box(
                f"m{i}",
                words[i - 1],
                "source",
                (inner_left + 0.3, rows[-i]),
                "d_model",
                about=f"The memory's vector of word {i}. It has looked at the whole sentence.",
                wide=1.15,
                tall=0.48,  # less than the layer that asks, so that its arrows stand apart
            )
            for i in size
        ),
        Box(
            "called",
            "memory",
            "word",
            (inner_left + 0.3, rows[-1] + 0.46),
            wide=1.15,
            tall=0.36,
            bound=False,
        ),
        Box("said", "<start>", "word", (right, foot - 0.8), bound=False, wide=_WIDE),
        box("ds0", "words + places", "decoder", right, foot, "The words so far, with places."),
        *layer("d", 1, "back", "masked attention", foot, back),
        *layer("d", 2, "across", "cross-attention", foot + 2 * _STEP, across),
        *layer("d", 3, "mlp", "MLP", foot + 4 * _STEP, _ABOUT["mlp"]),
        box("dlast", "final norm", "decoder", right, foot + 7 * _STEP, _ABOUT["norm"]),
        Box(
            "logits",
            "scores",
            "output",
            (right, foot + 8 * _STEP),
            "target, vocab",
            about="A score for each word. The strip shows the eight largest probabilities.",
            wide=_WIDE,
            tall=_TALL,
        ),
        Box("word", "next word", "word", (right, foot + 9 * _STEP), bound=False, wide=_WIDE),
    ]
    ways = [
        *arrows("words > es0 > en1", "elook > es1 > en2 > emlp > es2 > memory"),
        *arrows("en1 > elook", "dn1 > dback", label="$Q$, $K$, $V$"),
        *arrows("dn2 > dacross", label="$Q$"),
        *arrows("es0 > es1 > es2", *(f"memory > m{i}" for i in size)),
        *arrows("said > ds0 > dn1", "dback > ds1 > dn2", "dacross > ds2 > dn3 > dmlp > ds3"),
        *arrows("ds0 > ds1 > ds2 > ds3 > dlast > logits"),
        *(Arrow(f"m{i}", "dacross", "$K$, $V$" if i == 1 else "", weight=f"a{i}") for i in size),
        Arrow("logits", "word", choice=True),
    ]
    memory = ("called", *(f"m{i}" for i in size))
    encoder = tuple(b.name for b in boxes if b.name.startswith("e"))
    decoder = tuple(b.name for b in boxes if b.name.startswith("d"))
    stages = (
        Stage(
            "From far: the encoder reads the source. It gives the memory, a vector for each word.",
            ("words", *encoder, "memory", *memory),
        ),
        Stage(
            "From far: the decoder reads the words so far, asks the memory, and scores all words.",
            (*memory, "said", *decoder, "logits", "word"),
        ),
        Stage(
            "Near: the encoder's stream begins as the words' vectors plus those of their places.",
            ("words", "es0"),
        ),
        Stage(
            "Self-attention reads a normed copy of the stream, and its result is added.",
            ("es0", "en1", "elook", "es1"),
        ),
        Stage(
            "The MLP reads a normed copy and adds, too. It works on each word by itself.",
            ("es1", "en2", "emlp", "es2"),
        ),
        Stage(
            "A final norm brings the stream to one size. This gives the memory, with a vector for "
            "each word.",
            ("es2", "memory", *memory),
        ),
        Stage("The decoder's stream begins with the words that are written.", ("said", "ds0")),
        Stage(
            "Masked self-attention looks back: what has been said so far?",
            ("ds0", "dn1", "dback", "ds1"),
        ),
        Stage(
            "Cross-attention asks the memory: a thick arrow is a large weight.",
            ("ds1", "dn2", *memory, "dacross", "ds2"),
        ),
        Stage("The MLP works on what both looks have brought.", ("ds2", "dn3", "dmlp", "ds3")),
        Stage(
            "After the final norm a linear layer scores all words. The likeliest one is written.",
            ("ds3", "dlast", "logits", "word"),
        ),
    )
    alt = (
        "The whole Transformer with one block a side. On the left the encoder's stream runs "
        "upwards from the source words; self-attention and MLP each read it through a layer norm "
        "and add to it; a final norm gives the memory, one vector for each source word. On the "
        "right the decoder's stream runs upwards from the words written so far; masked "
        "self-attention, cross-attention to the memory, and MLP add to it in the same way; a final "
        "norm and the output layer score the next word. In self-attention queries, keys and values "
        "come from one stream, and in cross-attention keys and values come from the memory."
    )
    title = "The Transformer, whole, with one block a side"
    # What the decoder adds up has one scale of colour, so that a sum can be seen to be one. The
    # encoder's numbers are smaller, and would be pale on it.
    alike = frozenset(("ds0", "dback", "ds1", "dacross", "ds2", "dmlp", "ds3"))
    return Diagram(title, tuple(boxes), tuple(ways), stages, alt, alike=alike)


def trace_transformer(
    model: TransformerTranslator, source: Tensor, fed: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """Return every tensor of `transformer` in one graph, and the weights across (target, source).

    model: with one pre-norm block a side. source: ids (source,). fed: ids (target,), `<start>`
    first. The weights are the mean over the heads. Raises ValueError for another number of blocks.
    """
    if len(model.encoder.blocks) != 1:
        raise ValueError(
            f"the diagram shows one block a side; the model has {len(model.encoder.blocks)}"
        )
    block, other = model.encoder.blocks[0], model.decoder.blocks[0]
    parts = {"es0": model.source_embedding(source[None])[0]}
    parts["en1"] = block.attention_sublayer.norm(parts["es0"])
    parts["elook"] = block.attention(parts["en1"][None])[0][0]
    parts["es1"] = parts["es0"] + parts["elook"]
    parts["en2"] = block.mlp_sublayer.norm(parts["es1"])
    parts["emlp"] = block.mlp(parts["en2"])
    parts["es2"] = parts["es1"] + parts["emlp"]
    parts["memory"] = model.encoder.final(parts["es2"])
    vectors = [vector.clone() for vector in parts["memory"]]
    parts |= {f"m{i}": vector for i, vector in enumerate(vectors, 1)}
    memory = torch.stack(vectors)[None]
    parts["ds0"] = model.target_embedding(fed[None])[0]
    parts["dn1"] = other.attention_sublayer.norm(parts["ds0"])
    parts["dback"] = other.attention(parts["dn1"][None], causal=True)[0][0]
    parts["ds1"] = parts["ds0"] + parts["dback"]
    parts["dn2"] = other.cross_sublayer.norm(parts["ds1"])
    looked, weights = other.cross(parts["dn2"][None], memory, need_weights=True)
    parts["dacross"] = looked[0]
    parts["ds2"] = parts["ds1"] + parts["dacross"]
    parts["dn3"] = other.mlp_sublayer.norm(parts["ds2"])
    parts["dmlp"] = other.mlp(parts["dn3"])
    parts["ds3"] = parts["ds2"] + parts["dmlp"]
    parts["dlast"] = model.decoder.final(parts["ds3"])
    parts["logits"] = model.output(parts["dlast"])
    return parts, weights[0].mean(dim=0)


@torch.no_grad()
def follow_transformer(
    model: TransformerTranslator, source: Tensor, target_words: Sequence[str], longest: int = 30
) -> list[Numbers]:
    """Return what `transformer` shows at each word of a greedy translation of one sentence.

    The encoder's boxes show the vector of the first word, the decoder's that of the place whose
    next word is written, and the scores the eight largest probabilities. source: ids (source,).
    target_words: the words of the target vocabulary by id.
    """
    fed, found = [Vocabulary.start], []
    for _ in range(longest):
        parts, weights = trace_transformer(model, source, source.new_tensor(fed))
        chances = torch.softmax(parts["logits"][-1], dim=-1)
        before, word = target_words[fed[-1]], target_words[int(chances.argmax())]
        rows = {n: t if t.ndim == 1 else t[-1 if n[0] == "d" else 0] for n, t in parts.items()}
        values = {name: row.tolist() for name, row in rows.items()}
        values["logits"] = chances.topk(8).values.tolist()
        shares = {f"a{i}": float(a) for i, a in enumerate(weights[-1], 1)}
        found.append(Numbers(word, values, {"said": before, "word": word}, shares))
        fed.append(target_words.index(word))
        if fed[-1] == Vocabulary.end:
            break
    return found
