"""Exercises of notebook 12, second part: the encoder's block and the decoder's."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb12 import answers
from helpers.exercises.nb12.toys import ToyAttention, ToyMLP, square, toy_norm


def _encoder_case(dice: Dice, b: int, s: int, d: int) -> tuple:
    attention = ToyAttention(square(dice, d), "attention", ((b, s, d),), ("(B, S, D)",))
    mlp = ToyMLP(square(dice, d))
    return dice.normal(b, s, d), attention, mlp, toy_norm(dice, d), toy_norm(dice, d)


def _encoder_cases(dice: Dice) -> list[tuple]:
    return [
        _encoder_case(dice, 1, 2, 3),
        _encoder_case(dice, 2, 1, 4),
        _encoder_case(dice, *dice.sizes(3)),
        _encoder_case(dice, *dice.sizes(3)),
    ]


def _post_norm(x, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    x = norm_1(x + attention(x))
    return norm_2(x + mlp(x))


def _from_the_norm(x, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    x = norm_1(x)
    x = x + attention(x)
    x = norm_2(x)
    return x + mlp(x)


def _side_by_side(x, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    return x + attention(norm_1(x)) + mlp(norm_2(x))


def _first_input_again(x, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    return x + mlp(norm_2(x + attention(norm_1(x))))


def _mlp_first(x, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    x = x + mlp(norm_2(x))
    return x + attention(norm_1(x))


def _norm_behind(x, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    x = x + norm_1(attention(x))
    return x + norm_2(mlp(x))


def _one_residual(x, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    return mlp(norm_2(x + attention(norm_1(x))))


def _encoder_in_place(x, attention, mlp, norm_1, norm_2) -> torch.Tensor:
    x += attention(norm_1(x))
    x += mlp(norm_2(x))
    return x


encoder_block = Exercise(
    name="nb12.encoder_block",
    title="Read the stream, add to the stream",
    difficulty=2,
    minutes=15,
    core=False,
    reference=answers.encoder_block,
    spec=answers.encoder_block_spec,
    cases=_encoder_cases,
    sizes=lambda states, *rest: dict(zip("BSD", states.shape, strict=True)),
    returns={"states": "B S D"},
    gradients=("states",),
    observe=lambda states, attention, mlp, norm_1, norm_2: {
        "attention": attention.calls,
        "mlp": mlp.calls,
    },
    training_case=lambda: _encoder_case(Dice(), 64, 24, 63),
    wrong_answers=(
        Wrong(
            "no_residual",
            lambda x, attention, mlp, norm_1, norm_2: mlp(norm_2(attention(norm_1(x)))),
            "The sub-layers stand one behind the other, and what came in is lost. Each one adds "
            "its result to the stream: x + f(norm(x)).",
        ),
        Wrong(
            "one_residual",
            _one_residual,
            "The attention is added to the stream, and the mlp's result takes its place. Both add.",
        ),
        Wrong(
            "post_norm",
            _post_norm,
            "This is post-norm, norm(x + f(x)): the paper's block, and right as such. Asked for is "
            "pre-norm, x + f(norm(x)), in which nothing ever stands in the stream's way.",
        ),
        Wrong(
            "from_the_norm",
            _from_the_norm,
            "The sub-layer's result is added to the normed stream. The norm is for the sub-layer's "
            "eyes only: add to the stream as it came in, so that it passes the block unchanged.",
        ),
        Wrong(
            "norm_behind",
            _norm_behind,
            "The norm is applied to what each sub-layer gives. Then each adds equally much to the "
            "stream, whatever it has found. It belongs before the sub-layer.",
        ),
        Wrong(
            "side_by_side",
            _side_by_side,
            "The mlp reads the stream as it was before the attention, so it works on none of what "
            "was just fetched. Add the attention's result first.",
        ),
        Wrong(
            "first_input_again",
            _first_input_again,
            "The mlp's result is added to the states that came into the block, so the attention's "
            "is lost from the stream. Add it to the stream as it is by then.",
        ),
        Wrong(
            "mlp_first",
            _mlp_first,
            "The mlp comes before the attention. First fetch from other positions, then work on "
            "it.",
        ),
        Wrong(
            "one_norm",
            lambda x, attention, mlp, norm_1, norm_2: answers.encoder_block(
                x, attention, mlp, norm_1, norm_1
            ),
            "norm_1 is used twice. Each sub-layer has a norm of its own, with a gain and a bias "
            "learnt for what it reads.",
        ),
        Wrong(
            "norms_exchanged",
            lambda x, attention, mlp, norm_1, norm_2: answers.encoder_block(
                x, attention, mlp, norm_2, norm_1
            ),
            "The two norms are exchanged: norm_1 belongs to the attention, norm_2 to the mlp.",
        ),
        Wrong(
            "mlp_not_normed",
            lambda x, attention, mlp, norm_1, norm_2: (y := x + attention(norm_1(x))) + mlp(y),
            "The mlp reads the stream without norm_2. The stream grows from block to block; each "
            "sub-layer reads a normed copy.",
        ),
        Wrong(
            "no_norms",
            lambda x, attention, mlp, norm_1, norm_2: (y := x + attention(x)) + mlp(y),
            "The norms have no part in it. Each block adds to the stream, so it grows from block "
            "to block; the norm lets every sub-layer read it in the same size.",
        ),
        Wrong(
            "in_place",
            _encoder_in_place,
            "The result is right, but += has changed the states of the caller, who may still need "
            "them. Write states = states + ..., which makes a new tensor.",
        ),
        Wrong(
            "mlp_reads_the_attention",
            lambda x, attention, mlp, norm_1, norm_2: (
                lambda found: x + found + mlp(norm_2(found))
            )(attention(norm_1(x))),
            "The mlp reads what the attention found, without the stream. It reads the stream "
            "after the attention has added to it.",
        ),
    ),
    hints=(
        "If both sub-layers gave nothing but zeros, what should come out of the block?",
        "states = states plus attention of the normed states    (B, S, D)\n"
        "states plus mlp of the (newly) normed states",
        "states = states + attention(norm_1(...))\nstates + ...",
    ),
    why="the stream runs through untouched, and so does its gradient: each sub-layer reads a "
    "normed copy and writes by adding. With zeros from both, the block is the identity.",
)


def _decoder_case(dice: Dice, b: int, t: int, s: int, d: int) -> tuple:
    own, asked = ("(B, T, D)",), ("(B, T, D)", "(B, S, D)")
    look_back = ToyAttention(square(dice, d), "self_attention", ((b, t, d),), own, causal=True)
    across = ToyAttention(square(dice, d), "cross_attention", ((b, t, d), (b, s, d)), asked)
    norms = (toy_norm(dice, d) for _ in range(3))
    mlp = ToyMLP(square(dice, d))
    return dice.normal(b, t, d), dice.normal(b, s, d), look_back, across, mlp, *norms


def _decoder_cases(dice: Dice) -> list[tuple]:
    return [
        _decoder_case(dice, 1, 2, 4, 3),
        _decoder_case(dice, 2, 1, 3, 4),
        _decoder_case(dice, 3, 4, 1, 2),
        _decoder_case(dice, *dice.sizes(4)),
        _decoder_case(dice, *dice.sizes(4)),
    ]


def _from_encoder(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + look(norm_1(x))
    x = x + cross(memory, norm_2(x))
    return x + mlp(norm_3(x))


def _own_sentence(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + look(norm_1(x))
    x = x + cross(norm_2(x), norm_2(x))
    return x + mlp(norm_3(x))


def _cross_first(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + cross(norm_2(x), memory)
    x = x + look(norm_1(x))
    return x + mlp(norm_3(x))


def _mlp_between(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + look(norm_1(x))
    x = x + mlp(norm_3(x))
    return x + cross(norm_2(x), memory)


def _no_residual_at_cross(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + look(norm_1(x))
    x = cross(norm_2(x), memory)
    return x + mlp(norm_3(x))


def _memory_normed(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + look(norm_1(x))
    x = x + cross(norm_2(x), norm_2(memory))
    return x + mlp(norm_3(x))


def _queries_not_normed(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + look(norm_1(x))
    x = x + cross(x, memory)
    return x + mlp(norm_3(x))


def _asks_too_early(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + look(norm_1(x)) + cross(norm_2(x), memory)
    return x + mlp(norm_3(x))


def _decoder_post_norm(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = norm_1(x + look(x))
    x = norm_2(x + cross(x, memory))
    return norm_3(x + mlp(x))


def _no_cross(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x = x + look(norm_1(x))
    return x + mlp(norm_3(x))


def _decoder_in_place(x, memory, look, cross, mlp, norm_1, norm_2, norm_3) -> torch.Tensor:
    x += look(norm_1(x))
    x += cross(norm_2(x), memory)
    x += mlp(norm_3(x))
    return x


decoder_block = Exercise(
    name="nb12.decoder_block",
    title="Look back, look across, think",
    difficulty=3,
    minutes=15,
    core=True,
    reference=answers.decoder_block,
    spec=answers.decoder_block_spec,
    cases=_decoder_cases,
    sizes=lambda states, memory, *rest: {
        **dict(zip("BTD", states.shape, strict=True)),
        "S": memory.size(1),
    },
    returns={"states": "B T D"},
    gradients=("states", "memory"),
    observe=lambda states, memory, self_attention, cross_attention, mlp, *norms: {
        "self_attention": self_attention.calls,
        "cross_attention": cross_attention.calls,
        "mlp": mlp.calls,
    },
    training_case=lambda: _decoder_case(Dice(), 64, 24, 23, 63),
    wrong_answers=(
        Wrong(
            "queries_from_encoder",
            _from_encoder,
            "The encoder asks, and the decoder is looked at. It is the decoder that needs to know "
            "something: the queries are its states, (B, T, D), keys and values the memory.",
        ),
        Wrong(
            "own_sentence",
            _own_sentence,
            "cross_attention looks at the decoder's own states, later ones too. What it must look "
            "at is the memory: no word of the source enters the decoder elsewhere.",
        ),
        Wrong(
            "no_cross",
            _no_cross,
            "cross_attention has no part in it. The block knows the words said so far and nothing "
            "of the source: a language model.",
        ),
        Wrong(
            "cross_first",
            _cross_first,
            "The source is asked before the words said so far have been read, so the question "
            "knows one word only. self_attention comes first.",
        ),
        Wrong(
            "asks_too_early",
            _asks_too_early,
            "Both attentions read the stream as it came in. cross_attention must read it with what "
            "self_attention has added: the question depends on what was said so far.",
        ),
        Wrong(
            "mlp_between",
            _mlp_between,
            "The mlp stands between the two attentions. It comes last, when both have fetched "
            "their part.",
        ),
        Wrong(
            "cross_replaces",
            _no_residual_at_cross,
            "What cross_attention finds takes the stream's place: the decoder forgets what it has "
            "said. It is added, like everything else.",
        ),
        Wrong(
            "memory_normed",
            _memory_normed,
            "norm_2 is applied to the memory too. It comes normed from the encoder, by the final "
            "norm of its stack; norm_2 belongs to the queries.",
        ),
        Wrong(
            "queries_not_normed",
            _queries_not_normed,
            "cross_attention reads the stream without norm_2.",
        ),
        Wrong(
            "mlp_not_normed",
            lambda x, memory, look, cross, mlp, *norms: answers.decoder_block(
                x, memory, look, cross, mlp, *norms[:2], lambda states: states
            ),
            "The mlp reads the stream without norm_3.",
        ),
        Wrong(
            "post_norm",
            _decoder_post_norm,
            "This is post-norm, norm(x + f(x)): the paper's block, and right as such. Asked for is "
            "pre-norm, x + f(norm(x)).",
        ),
        Wrong(
            "one_norm",
            lambda x, memory, look, cross, mlp, norm_1, norm_2, norm_3: answers.decoder_block(
                x, memory, look, cross, mlp, norm_1, norm_1, norm_1
            ),
            "norm_1 is used three times. Each sub-layer has a norm of its own.",
        ),
        Wrong(
            "in_place",
            _decoder_in_place,
            "The result is right, but += has changed the states of the caller. Write "
            "states = states + ..., which makes a new tensor.",
        ),
    ),
    hints=(
        "Who asks in cross-attention, and what must it know before it can ask? So what has to "
        "happen first?",
        "states = states plus self_attention of the normed states           (B, T, D)\n"
        "states = states plus cross_attention of the normed states, memory  (B, T, D)\n"
        "states plus mlp of the normed states",
        "states = states + self_attention(norm_1(states))\n"
        "states = states + cross_attention(norm_2(...), ...)\nstates + ...",
    ),
    why="the queries come from the decoder, after it has read its own words; the memory is only "
    "looked at. The result has T rows, one for each query, whatever S is.",
)
