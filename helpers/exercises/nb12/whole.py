"""Exercise of notebook 12 in which a whole is built: the Transformer in one class."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from helpers.exercises import building
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb12 import answers

BLOCKS = 2  # in every case, so that all cases have the same parameters
_SHAPES = {"inner.weight": "M D", "inner.bias": "M", "outer.weight": "D M"}


def _parameters() -> dict[str, str]:
    """The parameters of the course's class with their shapes in symbols."""
    whole = {"source_words.table.weight": "W D", "target_words.table.weight": "V D"}
    whole["output.weight"] = "V D"
    shapes = {}
    for name, parameter in answers.Transformer(3, 4, 2, 1, BLOCKS, 5).named_parameters():
        part = ".".join(name.split(".")[-2:])  # as in decoder.1.4.inner.bias
        square = "D D" if parameter.ndim == 2 else "D"
        shapes[name] = whole.get(name) or _SHAPES.get(part, square)
    return shapes


def _arranged(
    source: Tensor,
    lengths: Tensor,
    target_in: Tensor,
    source_vocab: int,
    target_vocab: int,
    d_model: int,
    heads: int,
    inner: int,
) -> tuple[tuple, tuple]:
    sizes = source_vocab, target_vocab, d_model, heads, BLOCKS, inner
    return sizes, (source, lengths, target_in)


_whole = building.whole(answers.Transformer, _arranged, ("logits",))


def _case(dice: Dice, b: int, s: int, t: int, d: int, heads: int, m: int) -> tuple:
    """A few sentences of which the first is padded; the target has the larger vocabulary."""
    source_vocab, target_vocab = 11, 13
    lengths = dice.lengths(b, s)
    padding = torch.arange(s) >= lengths.unsqueeze(1)
    source = dice.integers(3, source_vocab, b, s).masked_fill(padding, 0)
    target_in = dice.integers(3, source_vocab, b, t)  # words that both tables have
    return source, lengths, target_in, source_vocab, target_vocab, d, heads, m


def _cases(dice: Dice) -> list[tuple]:
    return [
        _case(dice, 1, 3, 2, 4, 1, 5),
        _case(dice, 2, 5, 3, 4, 2, 7),
        _case(dice, 3, 4, 5, 6, 2, 9),
        _case(dice, 2, 3, 4, 6, 3, 8),
    ]


_changed = functools.partial(building.changed, answers.Transformer, vars(answers))

_ENCODER_LOOK = "attention(norm_1(memory), mask=seen)[0]"
_LOOK_BACK = "attention(norm_1(states), causal=True)[0]"
_LOOK_ACROSS = "across(norm_2(states), memory, mask=seen)[0]"
_ENCODER_MLP, _DECODER_MLP = "mlp(norm_2(memory))", "mlp(norm_3(states))"

Transformer = Exercise(
    name="nb12.Transformer",
    title="The Transformer, whole",
    difficulty=4,
    minutes=20,
    core=True,
    reference=answers.Transformer,
    spec=answers.TransformerSpec,
    whole=_whole,
    to_write=("forward",),
    cases=_cases,
    sizes=lambda source, lengths, target_in, source_vocab, target_vocab, d_model, heads, inner: {
        "B": source.size(0),
        "S": source.size(1),
        "T": target_in.size(1),
        "W": source_vocab,
        "V": target_vocab,
        "D": d_model,
        "M": inner,
    },
    returns=building.named({"logits": "B T V"}, _parameters(), "gradient of"),
    shapes_hint="The stream keeps its shape from the words to the last norm: (batch, source, "
    "d_model) on the left, (batch, target, d_model) on the right. An attention returns two things, "
    "its outputs and its weights: take the first with [0].",
    training_case=lambda: _case(Dice(), 16, 12, 14, 32, 4, 64),
    wrong_answers=(
        Wrong(
            "no_mask_at_all",
            _changed(
                (_ENCODER_LOOK, "attention(norm_1(memory))[0]"),
                (
                    ", mask=seen)[0]\n            states = states + mlp",
                    ")[0]\n            states = states + mlp",
                ),
            ),
            "Both looks at the source, in the encoder and across, see padding as if it were words. "
            "Make the mask with padding_mask and hand it to both as mask=....",
        ),
        Wrong(
            "padding_seen_in_the_encoder",
            _changed((_ENCODER_LOOK, "attention(norm_1(memory))[0]")),
            "The encoder's words look at padding. Its self-attention needs mask=..., the padding "
            "mask of the source, because the same sentence must mean the same in any batch.",
        ),
        Wrong(
            "padding_seen_across",
            _changed((_LOOK_ACROSS, "across(norm_2(states), memory)[0]")),
            "The cross-attention looks at the source's padding. It needs the same mask as the "
            "encoder, because the memory has a vector at padding places too.",
        ),
        Wrong(
            "sees_the_future",
            _changed((_LOOK_BACK, "attention(norm_1(states))[0]")),
            "The decoder's self-attention sees later words, so in training it can copy the answer. "
            "It needs causal=True.",
        ),
        Wrong(
            "causal_encoder",
            _changed((_ENCODER_LOOK, "attention(norm_1(memory), mask=seen, causal=True)[0]")),
            "The encoder looks only back. The source sentence is known as a whole, so each of its "
            "words may look at all the others; only the decoder's self-attention is causal.",
        ),
        Wrong(
            "nothing_is_added",
            _changed(
                ("memory + attention", "attention"),
                ("memory + mlp", "mlp"),
                ("states + attention", "attention"),
                ("states + across", "across"),
                ("states + mlp", "mlp"),
            ),
            "Each layer's result replaces the stream. It must be added to the stream "
            "(states = states + ...), because this is the residual connection of section 2.",
        ),
        Wrong(
            "post_norm",
            _changed(
                (f"memory + {_ENCODER_LOOK}", "norm_1(memory + attention(memory, mask=seen)[0])"),
                (f"memory + {_ENCODER_MLP}", "norm_2(memory + mlp(memory))"),
                (f"states + {_LOOK_BACK}", "norm_1(states + attention(states, causal=True)[0])"),
                (
                    f"states + {_LOOK_ACROSS}",
                    "norm_2(states + across(states, memory, mask=seen)[0])",
                ),
                (f"states + {_DECODER_MLP}", "norm_3(states + mlp(states))"),
            ),
            "The norm stands behind the sum, in the stream. That is post-norm. Here each layer "
            "reads a normed copy, and the stream itself is never normed: x + layer(norm(x)).",
        ),
        Wrong(
            "stream_is_normed",
            _changed(
                (f"memory + {_ENCODER_LOOK}", f"norm_1(memory) + {_ENCODER_LOOK}"),
                (f"memory + {_ENCODER_MLP}", f"norm_2(memory) + {_ENCODER_MLP}"),
                (f"states + {_LOOK_BACK}", f"norm_1(states) + {_LOOK_BACK}"),
                (f"states + {_LOOK_ACROSS}", f"norm_2(states) + {_LOOK_ACROSS}"),
                (f"states + {_DECODER_MLP}", f"norm_3(states) + {_DECODER_MLP}"),
            ),
            "What is added to is the normed copy, not the stream. Only the layer reads through the "
            "norm: x + layer(norm(x)), with x as it was.",
        ),
        Wrong(
            "memory_not_normed",
            _changed(("self.memory_norm(memory)", "memory")),
            "memory_norm is not used. Pre-norm blocks only add, so the stream has grown, and the "
            "decoder should read it through this norm.",
        ),
        Wrong(
            "last_not_normed",
            _changed(("self.last_norm(states)", "states")),
            "last_norm is not used: the output layer reads a stream that no norm has brought to "
            "size.",
        ),
        Wrong(
            "one_final_norm",
            _changed(("self.last_norm(states)", "self.memory_norm(states)")),
            "memory_norm is used at the end of the decoder too. Each side has its own final norm; "
            "the decoder's is last_norm.",
        ),
        Wrong(
            "memory_normed_twice",
            _changed(
                ("across(norm_2(states), memory, ", "across(norm_2(states), norm_2(memory), ")
            ),
            "norm_2 is applied to the memory too. The memory has been normed by memory_norm "
            "already; norm_2 is for the queries alone.",
        ),
        Wrong(
            "queries_not_normed",
            _changed(("across(norm_2(states), memory", "across(states, memory")),
            "The cross-attention asks with the stream as it is. Every layer reads the stream "
            "through a norm; here it is norm_2.",
        ),
        Wrong(
            "both_look_back",
            _changed((_LOOK_ACROSS, "across(norm_2(states), causal=True)[0]")),
            "Both attentions of the decoder look at the target, so the source has no part in the "
            "result. The second one needs the memory: across(queries, memory, mask=...).",
        ),
        Wrong(
            "not_encoded",
            _changed(
                (
                    "memory = self.memory_norm(memory)",
                    "memory = self.memory_norm(self.source_words(source))",
                )
            ),
            "The memory is made of the source's words as they came in, and the encoder's blocks "
            "have no part in it.",
        ),
        Wrong(
            "one_table",
            _changed(("self.target_words(target_in)", "self.source_words(target_in)")),
            "The French words are looked up in the English table. The target has its own: "
            "target_words.",
        ),
        Wrong(
            "first_block_only",
            _changed(
                ("in self.encoder:", "in self.encoder[:1]:"),
                ("in self.decoder:", "in self.decoder[:1]:"),
            ),
            "Only the first block of each side is used. Go through all of them, each reading what "
            "the one before has written.",
        ),
        Wrong(
            "probabilities",
            _changed(
                (
                    "self.output(self.last_norm(states))",
                    "self.output(self.last_norm(states)).softmax(dim=-1)",
                )
            ),
            "These are probabilities. The logits are asked for, because the loss takes the softmax "
            "itself.",
        ),
    ),
    hints=(
        "Which of the three kinds of attention sees padding, and which could see the future? What "
        "has the stream not passed when the last block ends?",
        "the padding mask of the source\n"
        "memory = source words and positions\n"
        "for each encoder block: add attention of the normed stream, add the MLP of it\n"
        "memory through its final norm\n"
        "states = target words and positions\n"
        "for each decoder block: add the look back, add the look across, add the MLP\n"
        "states through the last norm, then the output layer",
        "for attention, norm_1, mlp, norm_2 in self.encoder:\n"
        "    memory = memory + attention(norm_1(memory), mask=...)[0]\n    ...\n"
        "for attention, norm_1, across, norm_2, mlp, norm_3 in self.decoder:\n"
        "    states = states + attention(norm_1(states), causal=...)[0]\n"
        "    states = states + across(norm_2(states), memory, mask=...)[0]\n    ...",
    ),
    why="there is one line for each layer: read the stream through a norm, compute, add. The looks "
    "differ in whom they ask (themselves, or the memory) and in what is hidden (padding, or the "
    "future).",
)
