"""Exercises of notebook 09, first part: a sentence that looks at itself, and what it costs."""

from __future__ import annotations

import math

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb09 import answers


def _self_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, d: int, k: int, v: int) -> tuple:
        return dice.normal(b, t, d), *(dice.normal(d, width) / 2 for width in (k, k, v))

    return [
        case(1, 2, 3, 4, 5),
        case(2, 1, 5, 3, 4),
        case(2, 3, 4, 5, 1),
        case(*dice.sizes(5)),
        case(*dice.sizes(5)),
        case(*dice.sizes(5, 2, 9)),
        _loud(dice, 2, 5, 6, 4, 3),
    ]


def _loud(dice: Dice, b: int, t: int, d: int, k: int, v: int) -> tuple:
    """Scores in the thousands. Whole numbers, so that they are exact in any order of adding."""
    query_weight, key_weight = (dice.integers(-2, 3, d, k).float() for _ in range(2))
    return 10.0 * dice.integers(-5, 6, b, t, d), query_weight, key_weight, dice.normal(d, v)


def _look(queries, keys, values, divisor: float | None = None, dim: int = -1) -> tuple:
    divisor = queries.size(-1) ** 0.5 if divisor is None else divisor
    weights = torch.softmax(queries @ keys.mT / divisor, dim=dim)
    return weights @ values, weights


def _without_itself(x, w_q, w_k, w_v) -> tuple:
    scores = x @ w_q @ (x @ w_k).mT / w_q.size(1) ** 0.5
    others = torch.eye(x.size(1), dtype=torch.bool) & (x.size(1) > 1)
    weights = torch.softmax(scores.masked_fill(others, -torch.inf), dim=-1)
    return weights @ (x @ w_v), weights


def _looking_back(x, w_q, w_k, w_v) -> tuple:
    scores = x @ w_q @ (x @ w_k).mT / w_q.size(1) ** 0.5
    later = torch.ones(x.size(1), x.size(1), dtype=torch.bool).triu(1)
    weights = torch.softmax(scores.masked_fill(later, -torch.inf), dim=-1)
    return weights @ (x @ w_v), weights


self_attention = Exercise(
    name="nb09.self_attention",
    title="A sentence that looks at itself",
    difficulty=2,
    minutes=5,
    core=True,
    reference=answers.self_attention,
    spec=answers.self_attention_spec,
    cases=_self_cases,
    sizes=lambda states, query_weight, key_weight, value_weight: {
        **dict(zip("BTD", states.shape, strict=True)),
        "d_k": query_weight.size(1),
        "d_v": value_weight.size(1),
    },
    returns={"outputs": "B T d_v", "weights": "B T T"},
    gradients=("states", "query_weight", "key_weight", "value_weight"),
    shapes_hint="states (B, T, D) times W_Q (D, d_k) gives (B, T, d_k); queries times keys with "
    "the last two axes transposed gives (B, T, T).",
    training_case=lambda: (
        torch.randn(32, 20, 64),
        *(torch.randn(64, width) / 8 for width in (48, 48, 96)),
    ),
    wrong_answers=(
        Wrong(
            "roles_swapped",
            lambda x, w_q, w_k, w_v: _look(x @ w_k, x @ w_q, x @ w_v),
            "W_Q makes the keys and W_K the queries. The map is not symmetric: how much word t "
            "wants word i is not how much i wants t.",
        ),
        Wrong(
            "symmetric",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_q, x @ w_v),
            "Queries and keys are the same vectors. Then the scores are symmetric, and a word's "
            "best match tends to be itself. W_K makes keys of their own.",
        ),
        Wrong(
            "raw_values",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x),
            "The states are blended as they are. What is handed on are the values, X W_V.",
        ),
        Wrong(
            "not_scaled",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_v, 1.0),
            "The scores are not divided by sqrt(d_k).",
        ),
        Wrong(
            "by_state_width",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_v, x.size(-1) ** 0.5),
            "The scores are divided by the root of D, the states' width. A score sums over the "
            "d_k numbers of a query and a key.",
        ),
        Wrong(
            "over_queries",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_v, dim=1),
            "The softmax runs down the columns. With T rows and T columns no error tells you: "
            "look at the sums. Each row belongs to a word that asks, and must sum to 1.",
        ),
        Wrong(
            "without_itself",
            _without_itself,
            "A word may not look at itself. In self-attention it may: it is one of the T words of "
            "its sentence.",
        ),
        Wrong(
            "looking_back_only",
            _looking_back,
            "Each word looks only at itself and at earlier words. That is masked self-attention, "
            "in notebook 10. Here the whole sentence is known, so every word sees all.",
        ),
        Wrong(
            "keys_blended",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_k),
            "The keys are blended. They say what a word is found by; what it hands on are the "
            "values, X W_V.",
        ),
        Wrong(
            "half_power",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_v, 2 * w_q.size(1)),
            "`/ d_k ** 1/2` is no root: Python takes the power first, so it divides by d_k and "
            "then by 2. Write d_k ** 0.5.",
            also=(lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_v, w_q.size(1) / 2),),
        ),
        Wrong(
            "by_width",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_v, w_q.size(1)),
            "The scores are divided by d_k where it should be its root.",
        ),
        Wrong(
            "no_softmax",
            lambda x, w_q, w_k, w_v: (
                (x @ w_q @ (x @ w_k).mT / w_q.size(1) ** 0.5) @ (x @ w_v),
                x @ w_q @ (x @ w_k).mT / w_q.size(1) ** 0.5,
            ),
            "There is no softmax: the scores themselves are used as weights. They can be "
            "negative, and do not sum to 1.",
        ),
        Wrong(
            "over_the_batch",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_v, dim=0),
            "The softmax runs over the sentences of the batch. Each word shares out its attention "
            "among the words of its own sentence: the last axis.",
        ),
        Wrong(
            "times_the_root",
            lambda x, w_q, w_k, w_v: _look(x @ w_q, x @ w_k, x @ w_v, w_q.size(1) ** -0.5),
            "The scores are multiplied by sqrt(d_k). Divide by it: a sum over d_k products grows "
            "with sqrt(d_k).",
        ),
        Wrong(
            "values_in_another_order",
            lambda x, w_q, w_k, w_v: tuple(_look(x @ w_q, x @ w_k, x @ w_v))[::-1],
            "The two results are there, in the other order: first the outputs, then the weights.",
        ),
    ),
    hints=(
        "In cross-attention the decoder asked and the encoder answered. Which sentence asks here, "
        "and which one answers?",
        "Q, K and V, all three from the same states\n"
        "E = Q times K transposed over the root of d_k          (B, T, T)\n"
        "A = softmax along each row, Y = A times V",
        "queries, keys, values = states @ query_weight, states @ ..., states @ ...\n"
        "weights = torch.softmax(queries @ keys.transpose(-2, -1) / ..., dim=-1)\n"
        "return weights @ ..., weights",
    ),
    why="nothing in attention asks whose states the queries are. With Q, K and V all from X, each "
    "word's output is a blend of the whole sentence, and all T of them are computed at once.",
)


def _order_cases(dice: Dice) -> list[tuple]:
    def case(b: int, d: int, *order: int) -> tuple:
        return dice.normal(b, len(order), d), torch.tensor(order)

    def shuffled(b: int, t: int, d: int) -> tuple:
        start = torch.randperm(t, generator=dice.generator)
        order = torch.empty_like(start)
        order[start] = start.roll(1)  # one cycle through all words: applied twice, it is not undone
        return dice.normal(b, t, d), order

    return [
        case(1, 2, 2, 0, 1),
        case(2, 1, 1, 2, 3, 0),
        case(3, 4, 4, 0, 1, 2, 3, 5),
        shuffled(*dice.sizes(3, 3, 8)),
        shuffled(*dice.sizes(3, 3, 8)),
    ]


put_back = Exercise(
    name="nb09.put_back",
    title="Find each word again after the shuffle",
    difficulty=2,
    minutes=5,
    core=True,
    reference=answers.put_back,
    spec=answers.put_back_spec,
    cases=_order_cases,
    sizes=lambda outputs, order: dict(zip("BTD", outputs.shape, strict=True)),
    returns={"restored": "B T D"},
    shapes_hint="The positions are the second axis: outputs[:, ...] leaves the batch alone.",
    training_case=lambda: (torch.randn(32, 200, 64), torch.randperm(200)),
    wrong_answers=(
        Wrong(
            "shuffled_again",
            lambda outputs, order: outputs[:, order],
            "This shuffles once more. order says which word stands in place i; the way back says "
            "in which place word i stands. They agree only for some orders, such as a swap of two.",
        ),
        Wrong(
            "left_alone",
            lambda outputs, order: outputs.clone(),
            "The vectors stay in the places of the shuffled sentence. Word 0's output is to be in "
            "row 0 again.",
        ),
        Wrong(
            "turned_round",
            lambda outputs, order: outputs.flip(1),
            "The sentence is turned round. That undoes a reversal; this order is another one.",
        ),
        Wrong(
            "along_the_features",
            lambda outputs, order: outputs[
                ..., torch.argsort(order).clamp(max=outputs.size(-1) - 1)
            ],
            "It is the features that were moved. The words lie along the second axis.",
        ),
        Wrong(
            "order_reversed",
            lambda outputs, order: outputs[:, order.flip(0)],
            "order is read from its end. Turning the list of places round is not the way back: "
            "ask, for each word, at which place it stands.",
        ),
        Wrong(
            "words_as_places",
            lambda outputs, order: outputs[:, order[order]],
            "order is applied twice. The way back is its inverse: for each word, the place at "
            "which it stands.",
        ),
        Wrong(
            "by_the_batch",
            lambda outputs, order: outputs[torch.argsort(order).clamp(max=len(outputs) - 1)],
            "It is the sentences that were moved. The words lie along the second axis: outputs[:, "
            "...].",
        ),
    ),
    hints=(
        "Take order = [2, 0, 1]: place 0 holds word 2. In which place is word 0? Write down the "
        "three places of words 0, 1 and 2.",
        "places = for each word, the place in which it stands\nrow i of the result = the outputs "
        "at places[i]",
        "places = torch.argsort(order)\nreturn outputs[:, ...]",
    ),
    why="shuffling moves word order[i] to place i, so going back moves place i to word order[i]. "
    "argsort gives that inverse; restored[:, order] = outputs says the same.",
)


def _distance_cases(dice: Dice) -> list[tuple]:
    roll = dice.random.randint
    return [
        (1, 3),
        (7, 3),
        (9, 5),
        (13, 7),
        (20, 9),
        (roll(20, 60), 2 * roll(3, 8) + 1),
        (roll(100, 200), 2 * roll(5, 20) + 1),
        (2, 9),  # nearer than one layer reaches
    ]


def _with_convolution(layers) -> object:
    return lambda distance, kernel: (distance, layers(distance, kernel), 1)


layers_to_meet = Exercise(
    name="nb09.layers_to_meet",
    title="How long until two words meet?",
    difficulty=1,
    minutes=5,
    core=False,
    reference=answers.layers_to_meet,
    spec=answers.layers_to_meet_spec,
    cases=_distance_cases,
    sizes=lambda distance, kernel: {"distance": distance, "kernel": kernel},
    returns={"recurrent": "", "convolution": "", "attention": ""},
    training_case=lambda: (500, 5),
    wrong_answers=(
        Wrong(
            "whole_kernel",
            _with_convolution(lambda distance, kernel: math.ceil(distance / kernel)),
            "A layer's reach is counted as the whole kernel. Half of it lies on the other side: a "
            "word sees (kernel - 1) / 2 words back.",
        ),
        Wrong(
            "one_side",
            _with_convolution(lambda distance, kernel: math.ceil(distance / (kernel - 1))),
            "The kernel is counted as if it looked only back, kernel - 1 words. It looks to both "
            "sides alike, half as far.",
        ),
        Wrong(
            "rounded_down",
            _with_convolution(lambda distance, kernel: max(1, distance // ((kernel - 1) // 2))),
            "The number of convolutions is rounded down. A part of a layer is a layer: with a "
            "reach of 2, a word 5 away needs three.",
            also=(_with_convolution(lambda distance, kernel: distance // ((kernel - 1) // 2)),),
        ),
        Wrong(
            "logarithm",
            _with_convolution(
                lambda distance, kernel: max(1, math.ceil(math.log(distance, kernel)))
            ),
            "The logarithm is that of dilated convolutions, whose gaps grow from layer to layer. "
            "Plain ones reach the same distance further with each layer.",
        ),
        Wrong(
            "attention_like_a_chain",
            lambda distance, kernel: (*answers.layers_to_meet(distance, kernel)[:2], distance),
            "Self-attention is given as many layers as there are words between. Each word looks at "
            "every word directly: one layer, at any distance.",
        ),
        Wrong(
            "recurrent_at_once",
            lambda distance, kernel: (1, *answers.layers_to_meet(distance, kernel)[1:]),
            "The recurrent layer is given one step. Its state passes from word to word: the news "
            "takes a step for each word on the way.",
        ),
        Wrong(
            "words_between",
            lambda distance, kernel: (
                distance - 1,
                *answers.layers_to_meet(distance, kernel)[1:],
            ),
            "The recurrent steps are one too few. From a word to its neighbour, at distance 1, is "
            "one step already.",
        ),
        Wrong(
            "itself_in_the_reach",
            _with_convolution(lambda distance, kernel: math.ceil(distance / ((kernel + 1) // 2))),
            "The reach counts the word itself, or half of it. A kernel of 5 words has two on each "
            "side: the reach is (kernel - 1) / 2.",
            also=(_with_convolution(lambda distance, kernel: math.ceil(2 * distance / kernel)),),
        ),
        Wrong(
            "one_layer_more",
            _with_convolution(lambda distance, kernel: distance // ((kernel - 1) // 2) + 1),
            "There is a layer too many where the reach divides the distance. Round up: distance "
            "over reach, to the next whole number only if something is left.",
        ),
        Wrong(
            "whole_layers_of_one_word",
            _with_convolution(lambda distance, kernel: distance),
            "The convolution is given a layer for each word on the way. A layer carries news by "
            "its whole reach, (kernel - 1) / 2 words.",
        ),
    ),
    hints=(
        "Start at one word. Which words can have heard of it after one step of an RNN, one "
        "convolution over 5 words, one layer of self-attention?",
        "recurrent: a step for each word of the distance\n"
        "convolution: distance over the reach on one side, rounded up\nself-attention: at once",
        "reach = (kernel - 1) // 2\nreturn distance, math.ceil(...), ...",
    ),
    why="a recurrent step carries news by one word, a convolution by half its kernel, and "
    "self-attention compares all pairs at once. The price of that is T x T scores.",
)
