"""Exercises of notebook 08, second part: the three projections, two sentences, and 05's scores."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb08 import answers


def _projection_cases(dice: Dice) -> list[tuple]:
    def case(b: int, s: int, d: int, k: int, v: int) -> tuple:
        return dice.normal(b, s, d), dice.normal(d, k), dice.normal(d, k), dice.normal(d, v)

    return [
        case(1, 2, 3, 4, 5),
        case(2, 1, 4, 3, 5),
        case(2, 4, 3, 5, 1),
        case(*dice.sizes(5)),
        case(*dice.sizes(5)),
        case(3, 2, 4, 5, 6),
    ]


def _made(states: torch.Tensor, *weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return tuple(states @ weight for weight in weights)


project = Exercise(
    name="nb08.project",
    title="One vector, three roles",
    difficulty=1,
    minutes=5,
    core=False,
    reference=answers.project,
    spec=answers.project_spec,
    cases=_projection_cases,
    sizes=lambda states, query_weight, key_weight, value_weight: {
        **dict(zip("BSD", states.shape, strict=True)),
        "d_k": query_weight.size(1),
        "d_v": value_weight.size(1),
    },
    returns={"queries": "B S d_k", "keys": "B S d_k", "values": "B S d_v"},
    gradients=("states", "query_weight", "key_weight", "value_weight"),
    shapes_hint="states (B, S, D) times a matrix (D, d_k) gives (B, S, d_k): nothing needs to be "
    "transposed.",
    training_case=lambda: (
        torch.randn(32, 24, 64),
        torch.randn(64, 48),
        torch.randn(64, 48),
        torch.randn(64, 96),
    ),
    wrong_answers=(
        Wrong(
            "roles_swapped",
            lambda x, w_q, w_k, w_v: _made(x, w_k, w_q, w_v),
            "Queries and keys have changed places: Q = X W_Q comes first, then K = X W_K. What a "
            "word asks and what it is found by are made by different matrices.",
        ),
        Wrong(
            "one_matrix_for_both",
            lambda x, w_q, w_k, w_v: _made(x, w_q, w_q, w_v),
            "Queries and keys are made by the same matrix. Then a word always asks for words like "
            "itself; with W_K of its own it can ask for something else.",
        ),
        Wrong(
            "raw_queries",
            lambda x, w_q, w_k, w_v: (x, x @ w_k, x @ w_v),
            "The queries are the states themselves. That is how 04 and 05 began; here W_Q turns a "
            "state into what it asks for.",
        ),
        Wrong(
            "raw_values",
            lambda x, w_q, w_k, w_v: (x @ w_q, x @ w_k, x),
            "The values are the states themselves. Then one vector must be both what is found and "
            "what is handed on; W_V sets the second free.",
        ),
        Wrong(
            "values_from_keys",
            lambda x, w_q, w_k, w_v: _made(x, w_q, w_k, w_k),
            "The values are the keys again. What a word is found by need not be what it hands on: "
            "V = X W_V.",
        ),
        Wrong(
            "scaled_already",
            lambda x, w_q, w_k, w_v: (x @ w_q / w_q.size(1) ** 0.5, x @ w_k, x @ w_v),
            "The queries are divided by sqrt(d_k) here. The division belongs to the score; done "
            "twice, the scores would be too small.",
        ),
        Wrong(
            "with_tanh",
            lambda x, w_q, w_k, w_v: tuple(torch.tanh(made) for made in _made(x, w_q, w_k, w_v)),
            "There is a tanh around the products. The projections are linear, one matrix each and "
            "nothing more.",
        ),
        Wrong(
            "detached_keys",
            lambda x, w_q, w_k, w_v: (x @ w_q, (x @ w_k).detach(), x @ w_v),
            "The numbers are right, but the keys are cut off from the graph, and W_K would never "
            "be learnt.",
        ),
    ),
    hints=(
        "Three matrices read the same state. What must the shape of each be, and on which side of "
        "X do they stand?",
        "queries = X times W_Q\nkeys = X times W_K\nvalues = X times W_V\nreturn all three",
        "return states @ query_weight, states @ ..., ...",
    ),
    why="a matrix product acts on the last axis alone, so every word of every sentence is "
    "projected in the same way and at once. The three matrices are all that this layer learns.",
)


def _cross_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int, d: int, k: int, v: int) -> tuple:
        return (
            dice.normal(b, t, d),
            dice.normal(b, s, d),
            *(dice.normal(d, width) / 2 for width in (k, k, v)),
        )

    return [
        case(1, 2, 3, 4, 5, 6),
        case(2, 1, 3, 5, 4, 6),
        case(3, 4, 1, 2, 6, 5),
        case(*dice.sizes(6)),
        case(*dice.sizes(6)),
        _loud(dice, 2, 3, 5, 6, 4, 7),
    ]


def _loud(dice: Dice, b: int, t: int, s: int, d: int, k: int, v: int) -> tuple:
    """Scores in the thousands. Whole numbers, so that they are exact in any order of adding."""
    targets, sources = (10.0 * dice.integers(-5, 6, b, n, d) for n in (t, s))
    query_weight, key_weight = (dice.integers(-2, 3, d, k).float() for _ in range(2))
    return targets, sources, query_weight, key_weight, dice.normal(d, v)


def _look(asking, found, w_q, w_k, w_v, divisor: float | None = None) -> torch.Tensor:
    queries, keys, values = asking @ w_q, found @ w_k, found @ w_v
    divisor = queries.size(-1) ** 0.5 if divisor is None else divisor
    return torch.softmax(queries @ keys.mT / divisor, dim=-1) @ values


def _keys_from_decoder(targets, sources, w_q, w_k, w_v) -> torch.Tensor:
    keys, queries = targets @ w_k, sources @ w_q
    scores = keys @ queries.mT / keys.size(-1) ** 0.5
    return torch.softmax(scores, dim=-1) @ (sources @ w_v)


cross_attention = Exercise(
    name="nb08.cross_attention",
    title="The decoder asks, the encoder answers",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.cross_attention,
    spec=answers.cross_attention_spec,
    cases=_cross_cases,
    sizes=lambda targets, sources, query_weight, key_weight, value_weight: {
        **dict(zip("BTD", targets.shape, strict=True)),
        "S": sources.size(1),
        "d_k": query_weight.size(1),
        "d_v": value_weight.size(1),
    },
    returns={"outputs": "B T d_v"},
    gradients=("targets", "sources", "query_weight", "key_weight", "value_weight"),
    shapes_hint="A row of the outputs for each target word, (B, T, d_v): so the T axis comes from "
    "the queries, and keys and values share the S axis.",
    training_case=lambda: (
        torch.randn(32, 24, 64),
        torch.randn(32, 25, 64),
        *(torch.randn(64, width) / 8 for width in (48, 48, 96)),
    ),
    wrong_answers=(
        Wrong(
            "queries_from_encoder",
            lambda targets, sources, *weights: _look(sources, targets, *weights),
            "The encoder asks and the decoder answers. It is the translation being written that "
            "needs to know something: the queries come from the decoder's states, keys and values "
            "from the encoder's.",
        ),
        Wrong(
            "decoder_alone",
            lambda targets, sources, *weights: _look(targets, targets, *weights),
            "Keys and values come from the decoder too, so the source sentence has no part in it. "
            "That layer is self-attention, in notebook 09.",
        ),
        Wrong(
            "encoder_alone",
            lambda targets, sources, *weights: _look(sources, sources, *weights),
            "The queries come from the encoder too, so each source word looks at its own sentence. "
            "That layer is self-attention, in notebook 09. Here the decoder's states ask.",
        ),
        Wrong(
            "matrices_swapped",
            _keys_from_decoder,
            "W_Q is applied to the encoder and W_K to the decoder. The map has the right shape, "
            "but the questions are asked by the source words.",
        ),
        Wrong(
            "raw_values",
            lambda targets, sources, w_q, w_k, w_v: _look(
                targets, sources, w_q, w_k, torch.eye(sources.size(-1))
            ),
            "The encoder's states are blended as they are. What is handed on are the values, "
            "sources times W_V.",
        ),
        Wrong(
            "not_scaled",
            lambda *given: _look(*given, divisor=1.0),
            "The scores are not divided by sqrt(d_k).",
        ),
        Wrong(
            "by_state_width",
            lambda targets, *given: _look(targets, *given, divisor=targets.size(-1) ** 0.5),
            "The scores are divided by the root of the states' width D. A score sums over the d_k "
            "numbers of a projected query and key.",
        ),
        Wrong(
            "half_power",
            lambda *given: _look(*given, divisor=2 * given[2].size(1)),
            "`/ d_k ** 1/2` is no root: Python takes the power first, so it divides by d_k and "
            "then by 2. Write d_k ** 0.5.",
            also=(lambda *given: _look(*given, divisor=given[2].size(1) / 2),),
        ),
        Wrong(
            "by_width",
            lambda *given: _look(*given, divisor=given[2].size(1)),
            "The scores are divided by d_k where it should be its root.",
        ),
        Wrong(
            "keys_blended",
            lambda targets, sources, w_q, w_k, w_v: _look(targets, sources, w_q, w_k, w_k),
            "The keys are blended. They say what a source word is found by; what it hands on are "
            "the values, sources times W_V.",
        ),
        Wrong(
            "over_queries",
            lambda targets, sources, w_q, w_k, w_v: (
                torch.softmax(targets @ w_q @ (sources @ w_k).mT / w_q.size(1) ** 0.5, dim=1)
                @ (sources @ w_v)
            ),
            "The softmax runs down the columns, over the target words. Each target word shares "
            "out its attention among the source words: the last axis.",
        ),
        Wrong(
            "no_softmax",
            lambda targets, sources, w_q, w_k, w_v: (
                targets @ w_q @ (sources @ w_k).mT / w_q.size(1) ** 0.5 @ (sources @ w_v)
            ),
            "There is no softmax: the scores themselves are used as weights. They can be "
            "negative, and do not sum to 1.",
        ),
    ),
    hints=(
        "Who needs to know something, and who knows it? Which of the two sentences gives the "
        "output its number of rows?",
        "queries = targets times W_Q\nkeys = sources times W_K, values = sources times W_V\n"
        "then as in attention_outputs",
        "queries = targets @ query_weight\nkeys, values = sources @ ..., sources @ ...\n"
        "torch.softmax(queries @ keys.transpose(-2, -1) / ..., dim=-1) @ values",
    ),
    why="attention does not ask where its queries come from. The same three lines with the decoder "
    "asking and the encoder answering are cross-attention.",
)


def _general_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([[1.0, 0.0, -1.0, 2.0], [0.0, 3.0, 1.0, 1.0]]),),
        (dice.normal(3, 2),),
        (dice.normal(1, 4),),
        (dice.normal(*dice.sizes(2)),),
        (dice.normal(*dice.sizes(2)),),
    ]


def _with_identity(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return weight, torch.eye(weight.size(1), dtype=weight.dtype)


def _scaled(weight: torch.Tensor, factor: float) -> tuple[torch.Tensor, torch.Tensor]:
    return _with_identity(weight * factor)


general_as_qkv = Exercise(
    name="nb08.general_as_qkv",
    title="Luong's general score, as queries and keys",
    difficulty=3,
    minutes=10,
    core=False,
    reference=answers.general_as_qkv,
    spec=answers.general_as_qkv_spec,
    cases=_general_cases,
    sizes=lambda weight: dict(zip("HC", weight.shape, strict=True)),
    returns={"query_weight": "H C", "key_weight": "C C"},
    training_case=lambda: (torch.randn(188, 256),),
    wrong_answers=(
        Wrong(
            "root_forgotten",
            _with_identity,
            "The layer divides its scores by sqrt(C), and Luong's general score does not. Multiply "
            "that root into W_Q, or all scores come out too small.",
        ),
        Wrong(
            "divided",
            lambda weight: _scaled(weight, weight.size(1) ** -0.5),
            "W_a is divided by the root. The layer divides already: to undo that, multiply.",
        ),
        Wrong(
            "by_the_state",
            lambda weight: _scaled(weight, weight.size(0) ** 0.5),
            "The factor is the root of H, the decoder state's width. The layer divides by the root "
            "of its queries' and keys' width, and with W_K the identity a key has C numbers.",
        ),
        Wrong(
            "no_root",
            lambda weight: _scaled(weight, float(weight.size(1))),
            "The factor is C itself. The layer divides by the root of C.",
        ),
        Wrong(
            "root_in_both",
            lambda weight: tuple(
                weight.size(1) ** 0.25 * part for part in answers.general_as_qkv(weight)
            ),
            "W_K is not the identity: there is a factor in it, and the product is too large.",
        ),
        Wrong(
            "shared_out",
            lambda weight: tuple(weight.size(1) ** 0.25 * part for part in _with_identity(weight)),
            "The product is right: the root is shared out between W_Q and W_K. Many pairs give the "
            "same scores; asked for is the one in which W_K is the identity.",
        ),
        Wrong(
            "on_the_keys",
            lambda weight: (
                torch.eye(weight.size(0), dtype=weight.dtype),
                weight.T * weight.size(0) ** 0.5,
            ),
            "W_a is folded into W_K, and W_Q is the identity. That is right too, with keys of H "
            "numbers; asked for is the pair in which W_K is the identity.",
        ),
        Wrong(
            "half_power",
            lambda weight: _scaled(weight, weight.size(1) / 2),
            "`** 1/2` is no root: Python takes the power first and then divides by 2. Write ** "
            "0.5.",
        ),
        Wrong(
            "turned",
            lambda weight: (
                weight.T * weight.size(1) ** 0.5,
                torch.eye(weight.size(1), dtype=weight.dtype),
            ),
            "W_Q is transposed. With q = s W_Q, and s a row of H numbers, W_Q is (H, C), as W_a "
            "is.",
        ),
        Wrong(
            "other_order",
            lambda weight: answers.general_as_qkv(weight)[::-1],
            "The two results have changed places: first W_Q, then W_K.",
        ),
        Wrong(
            "ones",
            lambda weight: (
                weight * weight.size(1) ** 0.5,
                torch.ones(weight.size(1), weight.size(1), dtype=weight.dtype),
            ),
            "W_K is full of ones. The identity has ones on its diagonal only: torch.eye.",
        ),
    ),
    hints=(
        "Write q . k with q = s W_Q and k = h. Which matrix stands between s and h, and by what "
        "does the layer divide the result?",
        "W_K = the identity, (C, C)\nW_Q = W_a times what the layer will divide by",
        "identity = torch.eye(weight.size(1), dtype=weight.dtype)\nreturn weight * ..., identity",
    ),
    why="s W_Q (h W_K)^T / sqrt(C) = s (W_Q W_K^T / sqrt(C)) h^T. So a layer's two matrices act as "
    "one W_a, and any W_a can be had. With keys narrower than both states, W_Q W_K^T has a lower "
    "rank and fewer parameters.",
)
