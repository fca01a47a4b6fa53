"""Exercises of notebook 05, first part: the scores of Luong et al. and the scaled dot product."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb05 import answers


def _numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape) / 4


def _dot_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int, d: int) -> tuple:
        return dice.normal(b, t, d), dice.normal(b, s, d)

    return [
        (dice.integers(-3, 4, 1, 3, 4).float(), dice.integers(-3, 4, 1, 2, 4).float()),
        case(1, 2, 3, 4),
        case(3, 1, 2, 5),
        case(*dice.sizes(4)),
        case(*dice.sizes(4)),
    ]


def _dot_sizes(queries: torch.Tensor, keys: torch.Tensor) -> dict[str, int]:
    return {**dict(zip("BTD", queries.shape, strict=True)), "S": keys.size(1)}


def _plain(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    return queries @ keys.transpose(-2, -1)


scaled_dot_scores = Exercise(
    name="nb05.scaled_dot_scores",
    title="The scaled dot product",
    difficulty=2,
    minutes=5,
    core=True,
    reference=answers.scaled_dot_scores,
    spec=answers.scaled_dot_scores_spec,
    cases=_dot_cases,
    sizes=_dot_sizes,
    returns={"scores": "B T S"},
    gradients=("queries", "keys"),
    shapes_hint="queries (B, T, D) and keys (B, S, D): transpose the last two axes of keys, "
    "keys.transpose(-2, -1), and D meets D.",
    training_case=lambda: (_numbers(64, 24, 188), _numbers(64, 24, 188)),
    wrong_answers=(
        Wrong(
            "not_scaled",
            _plain,
            "The dot products are right, but they are not divided by sqrt(D).",
        ),
        Wrong(
            "by_width",
            lambda queries, keys: _plain(queries, keys) / queries.size(-1),
            "The scores are divided by D. A sum of D independent numbers spreads like sqrt(D), so "
            "D is too much: wide layers would look everywhere alike.",
        ),
        Wrong(
            "by_words",
            lambda queries, keys: _plain(queries, keys) / keys.size(1) ** 0.5,
            "The scores are divided by the root of the number of source words. What is summed "
            "over is the D numbers of query and key.",
        ),
        Wrong(
            "by_steps",
            lambda queries, keys: _plain(queries, keys) / queries.size(1) ** 0.5,
            "The scores are divided by the root of the number of target steps. What is summed "
            "over is the D numbers of query and key.",
        ),
        Wrong(
            "cosine",
            lambda queries, keys: torch.cosine_similarity(
                queries.unsqueeze(2), keys.unsqueeze(1), dim=-1
            ),
            "These are cosines: each product is divided by the lengths of its own two vectors. The "
            "scale here is one number for all, sqrt(D).",
        ),
        Wrong(
            "multiplied",
            lambda queries, keys: _plain(queries, keys) * queries.size(-1) ** 0.5,
            "The scores are multiplied by sqrt(D). They grow with D already; divide.",
        ),
        Wrong(
            "turned",
            lambda queries, keys: _plain(keys, queries) / queries.size(-1) ** 0.5,
            "The map is transposed: rows must be queries (target steps), columns keys (source "
            "words).",
        ),
        Wrong(
            "softmaxed",
            lambda queries, keys: answers.scaled_dot_scores(queries, keys).softmax(dim=-1),
            "These are weights already. Asked for are the scores; attend takes the softmax, after "
            "the mask.",
        ),
        Wrong(
            "half_power",
            lambda q, k: _plain(q, k) / q.size(-1) ** 1 / 2,
            "`/ D ** 1/2` is no root: Python takes the power first, so it divides by D and then "
            "by 2. Write D ** 0.5.",
            also=(lambda q, k: _plain(q, k) / (q.size(-1) / 2),),
        ),
    ),
    hints=(
        "How many numbers are summed in one dot product, and how does the spread of a sum of "
        "independent numbers grow with their count?",
        "scores = queries times keys, with the last two axes of keys transposed\n"
        "divide by the root of the width D",
        "queries @ keys.transpose(-2, -1) / ...",
    ),
    why="the product of (T, D) and (D, S) holds all T * S dot products at once, and the root keeps "
    "their spread the same at every width.",
)


def _general_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int, h: int, c: int) -> tuple:
        return dice.normal(b, t, h), dice.normal(b, s, c), dice.normal(h, c)

    return [
        case(1, 2, 3, 4, 5),
        case(2, 1, 4, 3, 5),
        case(4, 3, 1, 2, 6),
        case(3, 5, 2, 4, 6),
        case(*dice.sizes(5)),
    ]


def _pair_sizes(queries: torch.Tensor, keys: torch.Tensor, *rest: torch.Tensor) -> dict[str, int]:
    sizes = {**dict(zip("BTH", queries.shape, strict=True)), "S": keys.size(1), "C": keys.size(2)}
    return sizes if len(rest) == 1 else {**sizes, "D": rest[0].size(0)}


def _general(queries: torch.Tensor, keys: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return queries @ (keys @ weight.T).transpose(-2, -1)


general_scores = Exercise(
    name="nb05.general_scores",
    title="A matrix between the two states",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.general_scores,
    spec=answers.general_scores_spec,
    cases=_general_cases,
    sizes=_pair_sizes,
    returns={"scores": "B T S"},
    gradients=("queries", "keys", "weight"),
    shapes_hint="W_a is (H, C): which of its axes must meet the C numbers of a key?",
    training_case=lambda: (_numbers(64, 24, 112), _numbers(64, 24, 224), _numbers(112, 224)),
    wrong_answers=(
        Wrong(
            "turned",
            lambda queries, keys, weight: _general(queries, keys, weight).transpose(-2, -1),
            "The map is transposed: rows must be queries (target steps), columns keys (source "
            "words).",
        ),
        Wrong(
            "reshaped",
            lambda queries, keys, weight: (
                queries @ (keys @ weight.T).reshape(keys.size(0), -1, keys.size(1))
            ),
            "The projected keys were reshaped to (B, H, S). reshape reads the same numbers on in "
            "rows of another length, so words are mixed up; transpose(-2, -1) swaps the axes.",
        ),
        Wrong(
            "scaled",
            lambda queries, keys, weight: _general(queries, keys, weight) / queries.size(-1) ** 0.5,
            "Divided by a root: that is Vaswani's scaling, of 2017. Luong's general score has "
            "none; W_a can learn any scale.",
        ),
        Wrong(
            "with_tanh",
            lambda queries, keys, weight: queries @ torch.tanh(keys @ weight.T).transpose(-2, -1),
            "There is a tanh around W_a h. The general score has no non-linearity: it is a dot "
            "product with a projected key.",
        ),
        Wrong(
            "softmaxed",
            lambda queries, keys, weight: _general(queries, keys, weight).softmax(dim=-1),
            "These are weights already. Asked for are the scores; attend takes the softmax, after "
            "the mask.",
        ),
        Wrong(
            "detached_weight",
            lambda queries, keys, weight: _general(queries, keys, weight.detach()),
            "The numbers are right, but W_a is cut off from the graph and would never be learnt.",
        ),
        Wrong(
            "weight_forgotten",
            lambda q, k, w: _plain(q[..., : min(w.shape)], k[..., : min(w.shape)]),
            "W_a has no part in it. It says which numbers of the two states belong together.",
        ),
        Wrong(
            "summed_weight",
            lambda q, k, w: (q @ w).sum(dim=-1, keepdim=True) * k.sum(dim=-1).unsqueeze(1),
            "The numbers were summed before query and key met. A dot product multiplies number by "
            "number, and sums then.",
        ),
    ),
    hints=(
        "s has H numbers and h has C. What must W_a do to h before the two can meet in a dot "
        "product? For how many target steps can one projected key serve?",
        "projected = keys times W_a transposed    (B, S, H)\n"
        "scores = queries times projected, its last two axes transposed    (B, T, S)",
        "projected = keys @ weight.T\nqueries @ ...",
    ),
    why="W_a h is the same for all target steps, so it is computed once per sentence. What is left "
    "for each step is a dot product.",
)


def _concat_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, s: int, h: int, c: int, d: int) -> tuple:
        return (
            dice.normal(b, t, h),
            dice.normal(b, s, c),
            dice.normal(d, h + c) / 2,
            dice.normal(d),
        )

    return [
        case(1, 2, 3, 4, 5, 6),
        case(2, 1, 4, 3, 5, 6),
        case(4, 3, 1, 2, 6, 5),
        case(*dice.sizes(6)),
        case(*dice.sizes(6)),
    ]


def _other_order(queries, keys, weight, v) -> torch.Tensor:
    width = keys.size(-1)
    own, others = queries @ weight[:, width:].T, keys @ weight[:, :width].T
    return torch.tanh(own.unsqueeze(2) + others.unsqueeze(1)) @ v


def _sums(queries, keys, weight) -> torch.Tensor:
    hidden = queries.size(-1)
    own, others = queries @ weight[:, :hidden].T, keys @ weight[:, hidden:].T
    return own.unsqueeze(2) + others.unsqueeze(1)


concat_scores = Exercise(
    name="nb05.concat_scores",
    title="The concat score, without building the pairs",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.concat_scores,
    spec=answers.concat_scores_spec,
    cases=_concat_cases,
    sizes=_pair_sizes,
    returns={"scores": "B T S"},
    gradients=("queries", "keys", "weight", "v"),
    shapes_hint="W_a is (D, H + C), queries (B, T, H) and keys (B, S, C): which columns of W_a can "
    "meet which of the two?",
    slow_hint="Do you build all T * S pairs of H + C numbers, or loop over them? Split W_a: what "
    "does each part need to see, and how often?",
    training_case=lambda: (
        _numbers(64, 24, 112),
        _numbers(64, 24, 224),
        _numbers(64, 336),
        _numbers(64),
    ),
    wrong_answers=(
        Wrong(
            "other_order",
            _other_order,
            "W_a's columns are read as if the pair were [h; s]. The order is [s; h]: the first H "
            "columns belong to the decoder's state.",
        ),
        Wrong(
            "no_tanh",
            lambda queries, keys, weight, v: _sums(queries, keys, weight) @ v,
            "The tanh is missing. Then the query adds the same number to all scores of its row, "
            "the softmax takes it out again, and the query has no say.",
        ),
        Wrong(
            "two_tanhs",
            lambda queries, keys, weight, v: (
                (
                    torch.tanh(queries @ weight[:, : queries.size(-1)].T).unsqueeze(2)
                    + torch.tanh(keys @ weight[:, queries.size(-1) :].T).unsqueeze(1)
                )
                @ v
            ),
            "tanh was taken of W s and U h apart. It must see their sum, or query and key never "
            "meet.",
        ),
        Wrong(
            "summed",
            lambda queries, keys, weight, v: torch.tanh(_sums(queries, keys, weight)).sum(dim=-1),
            "The D numbers are added up with weight 1 each. v says how much each one counts.",
        ),
        Wrong(
            "turned",
            lambda queries, keys, weight, v: answers.concat_scores(
                queries, keys, weight, v
            ).transpose(-2, -1),
            "The map is transposed: rows must be queries (target steps), columns keys (source "
            "words).",
        ),
        Wrong(
            "keys_only",
            lambda queries, keys, weight, v: (
                (torch.tanh(keys @ weight[:, queries.size(-1) :].T) @ v)
                .unsqueeze(1)
                .expand(-1, queries.size(1), -1)
            ),
            "The query is not used: every target step would look at the same words.",
        ),
        Wrong(
            "v_inside",
            lambda q, k, w, v: torch.tanh(_sums(q, k, w) * v).sum(dim=-1),
            "v stands inside of the tanh. It weighs the D features after the tanh.",
        ),
        Wrong(
            "sigmoid",
            lambda q, k, w, v: torch.sigmoid(_sums(q, k, w)) @ v,
            "This is a sigmoid, 0 to 1, where the paper has tanh, -1 to 1.",
        ),
        Wrong(
            "tanh_outside",
            lambda q, k, w, v: torch.tanh(_sums(q, k, w) @ v),
            "The tanh comes after the product with v. It belongs inside, on each of the D numbers.",
        ),
        Wrong(
            "queries_only",
            lambda q, k, w, v: (
                (torch.tanh(q @ w[:, : q.size(-1)].T) @ v).unsqueeze(2).expand(-1, -1, k.size(1))
            ),
            "The keys have no part in it, so every source word gets the same score.",
        ),
    ),
    hints=(
        "W_a [s; h] is a sum of two parts, one from s and one from h. Which columns of W_a make "
        "which? (Notebook 04, section 3.)",
        "own = queries times the first H columns of W_a, transposed      (B, T, D)\n"
        "others = keys times the other columns, transposed               (B, S, D)\n"
        "add them for all pairs (B, T, S, D), tanh, then v",
        "own = queries @ weight[:, :H].T\nothers = keys @ weight[:, H:].T\n"
        "torch.tanh(own.unsqueeze(...) + others.unsqueeze(...)) @ v",
    ),
    why="a matrix times a concatenation is the sum of its two blocks times the two parts. So "
    "concat is the additive score with W and U side by side, and each part is computed once.",
)
