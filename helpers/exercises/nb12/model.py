"""Exercises of notebook 12, third part: the whole model, and where its parameters sit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb12 import answers
from helpers.exercises.nb12.toys import demand, square, toy_norm


@dataclass
class ToyStack:
    """A list of toy blocks that counts their calls.

    Each block adds tanh(x W) to the stream, a decoder's also what it finds in the memory.
    """

    weights: torch.Tensor  # (L, D, D)
    name: str
    states_shape: tuple
    memory_shape: tuple = ()  # of an encoder's block: none
    calls: int = 0

    def __len__(self) -> int:
        return len(self.weights)

    def __getitem__(self, number: int) -> Callable[..., torch.Tensor]:
        return lambda *given, weight=self.weights[number]: self._run(weight, *given)

    def __iter__(self) -> Iterator[Callable[..., torch.Tensor]]:
        return (self[number] for number in range(len(self)))

    def __call__(self, *given: torch.Tensor) -> torch.Tensor:
        raise Misstep(f"{self.name} is a list of blocks: call each block in it, one by one.")

    def _run(self, weight: torch.Tensor, *given: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        shapes = (self.states_shape, self.memory_shape) if self.memory_shape else ()
        shapes = shapes or (self.states_shape,)
        who = f"a block of {self.name}"
        if len(given) != len(shapes):
            raise Misstep(
                f"{who} was called with {len(given)} of its arguments; it expects {len(shapes)}."
            )
        symbols = ("(B, T, D)", "(B, S, D)") if self.memory_shape else ("(B, S, D)",)
        for what, one, symbol, shape in zip(
            ("states", "memory")[: len(given)], given, symbols, shapes, strict=True
        ):
            demand(who, what, one, symbol, shape)
        states = given[0] + torch.tanh(given[0] @ weight)
        if len(given) == 2:
            shares = torch.softmax(states @ given[1].mT / states.size(-1), dim=-1)
            states = states + shares @ given[1]
        return states


def _model_case(
    dice: Dice, b: int, s: int, t: int, d: int, v: int, layers: int, more: int = 0
) -> tuple:
    """A toy model; its decoder has `more` blocks than the encoder."""

    def weights(count: int) -> torch.Tensor:
        return torch.stack([square(dice, d) for _ in range(count)])

    encoder = ToyStack(weights(layers), "encoder_blocks", (b, s, d))
    decoder = ToyStack(weights(layers + more), "decoder_blocks", (b, t, d), (b, s, d))
    norms = toy_norm(dice, d), toy_norm(dice, d)
    words = dice.normal(b, s, d), dice.normal(b, t, d)
    return *words, encoder, norms[0], decoder, norms[1], dice.normal(v, d) / d**0.5


def _model_cases(dice: Dice) -> list[tuple]:
    return [
        _model_case(dice, 1, 4, 3, 5, 6, 2),
        _model_case(dice, 4, 1, 5, 3, 7, 2),
        _model_case(dice, 2, 6, 1, 4, 5, 3),
        _model_case(dice, *dice.sizes(5, 4, 9), 3),
        _model_case(dice, 2, 5, 3, 4, 6, 1, more=2),
        _model_case(dice, 5, 4, 6, 2, 7, 3, more=-2),
    ]


def _final(stream, norm, table) -> torch.Tensor:
    return norm(stream) @ table.T


def _layer_by_layer(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    for one, other in zip(encoder, decoder, strict=False):
        x = one(x)
        y = other(y, norm(x))
    return _final(y, last, table)


def _layer_by_number(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    """The same, but with more decoder than encoder blocks it raises an error."""
    states = []
    for one in encoder:
        x = one(x)
        states.append(norm(x))
    for number, other in enumerate(decoder):
        y = other(y, states[number])
    return _final(y, last, table)


def _ladder(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    return _layer_by_layer(x, y, encoder, lambda states: states, decoder, last, table)


def _bare_memory(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    return answers.transformer_logits(x, y, encoder, lambda states: states, decoder, last, table)


def _bare_result(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    return answers.transformer_logits(x, y, encoder, norm, decoder, lambda states: states, table)


def _norm_each_block(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    for block in encoder:
        x = norm(block(x))
    for block in decoder:
        y = last(block(y, x))
    return y @ table.T


def _one_norm(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    return answers.transformer_logits(x, y, encoder, norm, decoder, norm, table)


def _not_encoded(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    return answers.transformer_logits(x, y, (), norm, decoder, last, table)


def _same_input(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    for block in encoder:
        states = block(x)
    memory = norm(states)
    for block in decoder:
        states = block(y, memory)
    return _final(states, last, table)


def _first_block_again(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    for _ in encoder:
        x = encoder[0](x)
    memory = norm(x)
    for _ in decoder:
        y = decoder[0](y, memory)
    return _final(y, last, table)


def _memory_moves_on(x, y, encoder, norm, decoder, last, table) -> torch.Tensor:
    for block in encoder:
        x = block(x)
    for block in decoder:
        x = norm(x)
        y = block(y, x)
    return _final(y, last, table)


transformer_logits = Exercise(
    name="nb12.transformer_logits",
    title="The whole model",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.transformer_logits,
    spec=answers.transformer_logits_spec,
    cases=_model_cases,
    sizes=lambda source, target, encoder_blocks, encoder_norm, decoder_blocks, norm, table: {
        "B": source.size(0),
        "S": source.size(1),
        "T": target.size(1),
        "D": source.size(2),
        "V": table.size(0),
        "L": len(encoder_blocks),
    },
    returns={"logits": "B T V"},
    gradients=("source", "target", "table"),
    observe=lambda source, target, encoder, encoder_norm, decoder, decoder_norm, table: {
        "encoder blocks": encoder.calls,
        "decoder blocks": decoder.calls,
    },
    shapes_hint="The stream is (B, T, D) and the table (V, D): transpose the table, and D meets D.",
    training_case=lambda: _model_case(Dice(), 32, 24, 23, 64, 200, 2),
    wrong_answers=(
        Wrong(
            "layer_by_layer",
            _layer_by_layer,
            "Each decoder block looks at what the encoder block of the same number gave. They all "
            "look at the memory: what the last encoder block gave, normed.",
            also=(_layer_by_number,),
        ),
        Wrong(
            "layer_by_layer_bare",
            _ladder,
            "Each decoder block looks at what the encoder block of the same number gave, and at "
            "that before any norm. They all look at the memory: what the last encoder block gave, "
            "after encoder_norm.",
        ),
        Wrong(
            "memory_not_normed",
            _bare_memory,
            "The memory is not normed. Pre-norm blocks add and add, and none of them brings the "
            "stream back to size: encoder_norm does it, once, at the end.",
        ),
        Wrong(
            "result_not_normed",
            _bare_result,
            "decoder_norm is missing: the output layer reads a stream to which every block has "
            "added, and which none has brought back to size.",
        ),
        Wrong(
            "norm_after_each_block",
            _norm_each_block,
            "The final norms are applied after every block. There the stream must pass as it is; "
            "they come once, after the last block of each stack.",
        ),
        Wrong(
            "one_norm",
            _one_norm,
            "encoder_norm is used for the decoder too. Each stack has a final norm of its own.",
        ),
        Wrong(
            "not_encoded",
            _not_encoded,
            "The decoder looks at the source as it came in: the encoder's blocks have no part in "
            "it.",
        ),
        Wrong(
            "same_input",
            _same_input,
            "Every block of a stack gets the same input, and only the last one's result is used. "
            "Each reads what the one before has written: states = block(states).",
        ),
        Wrong(
            "first_block_again",
            _first_block_again,
            "The first block of each stack is applied L times. The blocks are made alike, but each "
            "has parameters of its own.",
        ),
        Wrong(
            "memory_normed_again",
            _memory_moves_on,
            "The memory is normed anew for every decoder block, one norm on top of another. It is "
            "made once, before the decoder starts.",
        ),
        Wrong(
            "probabilities",
            lambda *given: answers.transformer_logits(*given).softmax(dim=-1),
            "These are probabilities. Asked for are logits: the loss takes the softmax itself.",
        ),
    ),
    hints=(
        "Which states of the encoder does the third decoder block look at, and which did the first "
        "look at? What has no block normed when a pre-norm stack ends?",
        "source through the encoder's blocks, one after the other\n"
        "memory = encoder_norm of what the last one gave        (B, S, D)\n"
        "target through the decoder's blocks, each with memory  (B, T, D)\n"
        "decoder_norm of it, times the table transposed         (B, T, V)",
        "for block in encoder_blocks:\n    source = block(source)\nmemory = ...\n"
        "for block in decoder_blocks:\n    target = block(target, ...)\n"
        "decoder_norm(target) @ ...",
    ),
    why="the encoder runs once, and every decoder block asks the same finished memory. With a tied "
    "table a word's logit is the dot product of the last state with that word's own embedding.",
)


def _count_cases(dice: Dice) -> list[tuple]:
    width = dice.random.randint(20, 40)
    return [(2, 3, 4), (4, 16, 7), (8, 5, 3), (64, 256, 24), (width, 4 * width, width + 7)]


def _counted(
    attention: Callable[[int], int] = lambda d: 4 * d * d,
    inside: Callable[[int, int, int], int] = lambda d, m, t: 2 * d * m + m + d,
    norm: Callable[[int], int] = lambda d: 2 * d,
    norms: tuple[int, int] = (2, 3),
    attentions: tuple[int, int] = (1, 2),
) -> Callable[[int, int, int], tuple[int, int]]:
    """The counts with one thing changed."""
    return lambda d, m, t: tuple(
        a * attention(d) + inside(d, m, t) + n * norm(d)
        for a, n in zip(attentions, norms, strict=True)
    )


block_parameters = Exercise(
    name="nb12.block_parameters",
    title="Where do the parameters sit?",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.block_parameters,
    spec=answers.block_parameters_spec,
    cases=_count_cases,
    sizes=lambda width, mlp, length: {"D": width, "M": mlp, "T": length},
    returns={"encoder": "", "decoder": ""},
    training_case=lambda: (512, 2048, 100),
    wrong_answers=(
        Wrong(
            "mlp_per_position",
            _counted(inside=lambda d, m, t: t * (2 * d * m + m + d)),
            "The MLP is counted T times. Position-wise means that each position goes through it on "
            "its own, and it is the same one for all.",
        ),
        Wrong(
            "one_mlp_matrix",
            _counted(inside=lambda d, m, t: d * m + m),
            "The MLP has two layers: from D to M, and back from M to D.",
        ),
        Wrong(
            "no_mlp_biases",
            _counted(inside=lambda d, m, t: 2 * d * m),
            "The biases of the MLP are missing: M for the first layer and D for the second.",
        ),
        Wrong(
            "both_biases_alike",
            _counted(inside=lambda d, m, t: 2 * d * m + 2 * d),
            "Both biases of the MLP are counted with D numbers. A bias has as many as its layer "
            "gives: M for the first, D for the second.",
        ),
        Wrong(
            "norms_forgotten",
            _counted(norms=(0, 0)),
            "The norms are missing: each has a gain and a bias, D numbers each.",
        ),
        Wrong(
            "gain_only",
            _counted(norm=lambda d: d),
            "A norm is counted with D numbers. It has two vectors, a gain and a bias.",
        ),
        Wrong(
            "one_norm_a_block",
            _counted(norms=(1, 1)),
            "One norm is counted in each block. Each sub-layer has its own: two in the encoder's "
            "block, three in the decoder's.",
        ),
        Wrong(
            "matrices_only",
            _counted(inside=lambda d, m, t: 2 * d * m, norms=(0, 0)),
            "Only the matrices are counted. The MLP's two layers have biases, and each norm has a "
            "gain and a bias: few numbers, but learnt ones.",
        ),
        Wrong(
            "norms_of_encoder",
            _counted(norms=(2, 2)),
            "The decoder's block is counted with two norms. It has three sub-layers.",
        ),
        Wrong(
            "one_attention",
            _counted(attentions=(1, 1)),
            "The decoder's block is counted with one attention. It has two, each with matrices of "
            "its own: one looks back, one looks across.",
        ),
        Wrong(
            "output_forgotten",
            _counted(attention=lambda d: 3 * d * d),
            "An attention is counted with three matrices. W_O is the fourth.",
        ),
        Wrong(
            "attention_biases",
            _counted(attention=lambda d: 4 * d * (d + 1)),
            "The attention's matrices are counted with biases. Here they have none.",
        ),
    ),
    hints=(
        "Which sub-layers does each block have, and what does each sub-layer own? Does any of it "
        "depend on how long the sentence is?",
        "attention = four matrices\ninside = two matrices and two biases\n"
        "norm = a gain and a bias\nencoder: one attention, the MLP, two norms\n"
        "decoder: two attentions, the MLP, three norms",
        "attention, norm = 4 * width * width, 2 * width\ninside = 2 * width * mlp + ...\n"
        "return attention + inside + ..., 2 * attention + ...",
    ),
    why="with M = 4 D the MLP has 8 D^2 parameters, twice as many as an attention. T appears "
    "nowhere: the same parameters serve every position, and a sentence of any length.",
)
