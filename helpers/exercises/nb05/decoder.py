"""Exercises of notebook 05, second part: the attentional vector, and the slope of a softmax."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb05 import answers


def _vector_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, c: int, h: int) -> tuple:
        return dice.normal(b, t, c), dice.normal(b, t, h), dice.normal(h, c + h) / 2

    return [
        case(1, 2, 4, 3),
        case(2, 1, 3, 5),
        case(2, 3, 5, 4),
        case(*dice.sizes(4)),
        case(*dice.sizes(4)),
    ]


def _joined(*parts: torch.Tensor) -> torch.Tensor:
    return torch.cat(parts, dim=-1)


def _state_before(context, states, weight) -> torch.Tensor:
    before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], dim=1)
    return torch.tanh(_joined(context, before) @ weight.T)


attentional_vectors = Exercise(
    name="nb05.attentional_vectors",
    title="What the context and the state say together",
    difficulty=2,
    minutes=5,
    core=True,
    reference=answers.attentional_vectors,
    spec=answers.attentional_vectors_spec,
    cases=_vector_cases,
    sizes=lambda context, states, weight: {
        **dict(zip("BTC", context.shape, strict=True)),
        "H": states.size(-1),
    },
    returns={"vectors": "B T H"},
    gradients=("context", "states", "weight"),
    shapes_hint="Join the two along the last axis (dim=-1): [c; s] then has C + H numbers, and W_c "
    "is (H, C + H).",
    training_case=lambda: (
        torch.randn(64, 24, 188),
        torch.randn(64, 24, 188),
        torch.randn(188, 376) / 16,
    ),
    wrong_answers=(
        Wrong(
            "state_first",
            lambda context, states, weight: torch.tanh(_joined(states, context) @ weight.T),
            "The state comes first. The order is [c; s]: W_c's first C columns belong to the "
            "context.",
        ),
        Wrong(
            "no_tanh",
            lambda context, states, weight: _joined(context, states) @ weight.T,
            "The tanh is missing. Without it W_c and the output layer are two matrices in a row, "
            "which one matrix could replace.",
        ),
        Wrong(
            "tanh_inside",
            lambda context, states, weight: torch.tanh(_joined(context, states)) @ weight.T,
            "tanh was taken of [c; s], before W_c. It comes last, around the whole product.",
        ),
        Wrong(
            "sigmoid",
            lambda context, states, weight: torch.sigmoid(_joined(context, states) @ weight.T),
            "A sigmoid stands in place of the tanh: it gives numbers from 0 to 1, never negative.",
        ),
        Wrong(
            "context_only",
            lambda context, states, weight: torch.tanh(context @ weight[:, : context.size(-1)].T),
            "Only the context is used. It says what was looked at; the state says what has been "
            "written so far.",
        ),
        Wrong(
            "state_only",
            lambda context, states, weight: torch.tanh(states @ weight[:, context.size(-1) :].T),
            "Only the state is used. Then the attention has no way to the word that is written.",
        ),
        Wrong(
            "state_before",
            _state_before,
            "The state of the step before is used. Luong's decoder first makes s_t, looks with "
            "it, and joins c_t with the same s_t.",
        ),
        Wrong(
            "step_by_step_mean",
            lambda context, states, weight: torch.tanh(
                _joined(context.mean(dim=1, keepdim=True).expand_as(context), states) @ weight.T
            ),
            "All steps get the same, mean context. Each step has its own row of weights, and its "
            "own context.",
        ),
        Wrong(
            "added",
            lambda context, states, weight: (
                torch.tanh(context @ weight[:, : context.size(-1)].T)
                + torch.tanh(states @ weight[:, context.size(-1) :].T)
            ),
            "tanh was taken of the two parts, which were then added. It is taken once, of the "
            "whole sum.",
        ),
        Wrong(
            "relu",
            lambda context, states, weight: torch.relu(_joined(context, states) @ weight.T),
            "A ReLU stands in place of the tanh: it has no bound above, and no negative numbers.",
        ),
        Wrong(
            "residual",
            lambda context, states, weight: (
                states + torch.tanh(_joined(context, states) @ weight.T)
            ),
            "The state is added to the result. Luong's vector replaces it; ways around a layer "
            "come in notebook 12.",
        ),
    ),
    hints=(
        "Which two vectors say what the next word should be, and how do they become one vector?",
        "joined = context and states side by side along the last axis\n"
        "joined times W_c transposed, then tanh",
        "torch.tanh(torch.cat([context, ...], dim=-1) @ ...)",
    ),
    why="both are known for all T steps, so one product serves them all.",
)


def _slope_cases(dice: Dice) -> list[tuple]:
    return [
        (torch.tensor([[0.0, 0.0]]),),
        (torch.tensor([[0.0, 2.0, -1.0]]),),
        (dice.normal(2, 5),),
        (3 * dice.normal(*dice.sizes(2)),),
        (2 * dice.normal(*dice.sizes(2)),),
        (1e4 * dice.normal(2, 4),),  # no exponential of such a score is a number
    ]


def _weights(scores: torch.Tensor) -> torch.Tensor:
    return torch.softmax(scores, dim=-1)


def _by_raw_exponentials(scores: torch.Tensor) -> torch.Tensor:
    weights = torch.exp(scores) / torch.exp(scores).sum(dim=-1, keepdim=True)
    return (weights * (1 - weights)).mean()


mean_slope = Exercise(
    name="nb05.mean_slope",
    title="How much a weight still moves",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.mean_slope,
    spec=answers.mean_slope_spec,
    cases=_slope_cases,
    sizes=lambda scores: dict(zip("NS", scores.shape, strict=True)),
    returns={"slope": ""},
    training_case=lambda: (torch.randn(2000, 24),),
    wrong_answers=(
        Wrong(
            "of_the_scores",
            lambda scores: (scores * (1 - scores)).mean(),
            "The formula is applied to the scores. p is a weight: take the softmax of each row "
            "first.",
        ),
        Wrong(
            "whole_table",
            lambda scores: ((p := torch.softmax(scores.flatten(), dim=0)) * (1 - p)).mean(),
            "One softmax was taken over the whole table. Each row is a query of its own, and its "
            "weights sum to 1.",
        ),
        Wrong(
            "by_columns",
            lambda scores: ((p := torch.softmax(scores, dim=0)) * (1 - p)).mean(),
            "The softmax was taken down the columns. A query's scores stand in a row: use the last "
            "axis.",
        ),
        Wrong(
            "largest_only",
            lambda scores: ((p := _weights(scores).amax(dim=-1)) * (1 - p)).mean(),
            "Only each row's largest weight is counted. Asked for is the mean over all weights.",
        ),
        Wrong(
            "summed",
            lambda scores: ((p := _weights(scores)) * (1 - p)).sum(dim=-1).mean(),
            "The slopes of a row are added up, not averaged.",
        ),
        Wrong(
            "summed_over_all",
            lambda scores: ((p := _weights(scores)) * (1 - p)).sum(),
            "The slopes of the whole table are added up, not averaged.",
        ),
        Wrong(
            "sigmoids",
            lambda scores: ((p := torch.sigmoid(scores)) * (1 - p)).mean(),
            "Each score went through a sigmoid of its own. The weights of a row are a softmax: "
            "they compete, and sum to 1.",
        ),
        Wrong(
            "mean_first",
            lambda scores: (p := _weights(scores).mean()) * (1 - p),
            "The mean was taken of the weights, and then the formula of the mean. The mean weight "
            "is 1/S whatever the scores are: take p (1 - p) of each weight first.",
        ),
        Wrong(
            "overflow",
            _by_raw_exponentials,
            "Right for small scores, but the exponential of a large one is infinity, and infinity "
            "over infinity is no number. Take the largest score of the row away first, as "
            "torch.softmax does: it changes no weight.",
        ),
        Wrong(
            "plus",
            lambda scores: (_weights(scores) * (1 + _weights(scores))).mean(),
            "There is a plus: p (1 + p). The derivative is p (1 - p), which is small for a sure "
            "weight.",
        ),
        Wrong(
            "squared",
            lambda scores: (_weights(scores) ** 2).mean(),
            "This is p * p. The derivative is p (1 - p).",
        ),
        Wrong(
            "one_minus_only",
            lambda scores: (1 - _weights(scores)).mean(),
            "This is 1 - p. The derivative is p (1 - p).",
        ),
    ),
    hints=(
        "What is p here, and along which axis do the weights sum to 1?",
        "weights = softmax of each row\nmean over all of weights times (1 - weights)",
        "weights = torch.softmax(scores, dim=...)\n(weights * ...).mean()",
    ),
    why="p (1 - p) is the softmax's own derivative, dp_i/de_i. Where a weight is near 0 or 1 it is "
    "near 0, and no gradient passes.",
)
