"""Exercises of notebook 13, third part: a step of self-attention that keeps what it made."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb13 import answers


def _case(dice: Dice, b: int, p: int, d: int, v: int) -> tuple:
    return (
        2 * dice.normal(b, d),
        dice.normal(b, d),
        dice.normal(b, v),
        dice.normal(b, p, d),
        dice.normal(b, p, v),
    )


def _cases(dice: Dice) -> list[tuple]:
    return [
        _case(dice, 1, 3, 2, 5),
        _case(dice, 3, 1, 4, 5),
        _case(dice, 2, 0, 3, 4),  # the first word: nothing was kept yet
        _case(dice, 2, 4, 6, 3),
        _case(dice, *dice.sizes(4, 2, 8)),
        _loud(dice, 2, 5, 4, 3),
    ]


def _loud(dice: Dice, b: int, p: int, d: int, v: int) -> tuple:
    """Scores in the thousands. Whole numbers, so that they are exact in any order of adding."""
    query, key = (10.0 * dice.integers(-9, 10, b, d) for _ in range(2))
    past_keys = 10.0 * dice.integers(-9, 10, b, p, d)
    return query, key, dice.normal(b, v), past_keys, dice.normal(b, p, v)


def _sizes(query, key, value, past_keys, past_values) -> dict[str, int]:
    (b, p, d), v = past_keys.shape, value.size(1)
    return {"B": b, "P": p, "D": d, "E": v, "T": p + 1}


def _distinct(dice: Dice) -> list[tuple]:
    """Only cases in which T, too, is a size of its own."""
    found = []
    while len(found) < 5:
        found = [case for case in _cases(dice) if len({*_sizes(*case).values()}) == 5] + found
    return found


def _look(query, keys, values, scale: bool = True):
    scores = query.unsqueeze(1) @ keys.mT / (query.size(1) ** 0.5 if scale else 1.0)
    return (torch.softmax(scores, dim=-1) @ values).squeeze(1)


def _with(query, key, value, past_keys, past_values, front: bool = False) -> tuple:
    new = [[past_keys, key.unsqueeze(1)], [past_values, value.unsqueeze(1)]]
    return tuple(torch.cat(pair[::-1] if front else pair, dim=1) for pair in new)


def _past_only(*case):
    query, _, value, past_keys, past_values = case
    keys, values = _with(*case)
    found = torch.zeros_like(value)
    return (_look(query, past_keys, past_values) if past_keys.size(1) else found), keys, values


def _unscaled(*case):
    keys, values = _with(*case)
    return _look(case[0], keys, values, scale=False), keys, values


def _not_kept(*case):
    keys, values = _with(*case)
    return _look(case[0], keys, values), case[3].clone(), case[4].clone()


def _in_front(*case):
    keys, values = _with(*case, front=True)
    return _look(case[0], keys, values), keys, values


def _key_asks(*case):
    keys, values = _with(*case)
    return _look(case[1], keys, values), keys, values


def _query_kept(*case):
    query, _, value, past_keys, past_values = case
    keys, values = _with(query, query, value, past_keys, past_values)
    return _look(query, keys, values), keys, values


def _itself(*case):
    keys, values = _with(*case)
    return case[2].clone(), keys, values


def _window(*case):
    """The oldest word is dropped for the newest."""
    keys, values = _with(*case)
    keys, values = keys[:, -max(1, case[3].size(1)) :], values[:, -max(1, case[3].size(1)) :]
    return _look(case[0], keys, values), keys, values


def _sees_the_first_only(*case):
    keys, values = _with(*case)
    return values[:, 0].clone(), keys, values


cached_step = Exercise(
    name="nb13.cached_step",
    title="One word looks back, and is kept",
    difficulty=3,
    minutes=15,
    core=True,
    reference=answers.cached_step,
    spec=answers.cached_step_spec,
    cases=_distinct,
    sizes=_sizes,
    returns={"output": "B E", "keys": "B T D", "values": "B T E"},
    gradients=("query", "key", "value", "past_keys", "past_values"),
    shapes_hint="query, key and value have no axis of words: unsqueeze(1) makes (B, 1, D), which "
    "fits to past_keys (B, P, D).",
    training_case=lambda: (
        torch.randn(32, 64),
        torch.randn(32, 64),
        torch.randn(32, 64),
        torch.randn(32, 40, 64),
        torch.randn(32, 40, 64),
    ),
    wrong_answers=(
        Wrong(
            "past_only",
            _past_only,
            "The newest word looks at those before it and not at itself. In masked self-attention "
            "it may look at itself too: add its key and value before it looks.",
        ),
        Wrong(
            "not_kept",
            _not_kept,
            "What was found is right, but the new key and value are not among what is kept. The "
            "next word would never see this one.",
        ),
        Wrong(
            "in_front",
            _in_front,
            "The newest word is put in front of the others. The output does not mind, but words "
            "are kept in their order: it comes last.",
        ),
        Wrong(
            "unscaled",
            _unscaled,
            "The scores are not divided by sqrt(D).",
        ),
        Wrong(
            "key_asks",
            _key_asks,
            "The newest word's key is asked with. It is the query that asks; the key is there to "
            "be found, by this word and by those that come.",
        ),
        Wrong(
            "query_kept",
            _query_kept,
            "The query is kept in the place of the key. Queries are used once and never again: "
            "only keys and values are kept.",
        ),
        Wrong(
            "only_itself",
            _itself,
            "The output is the newest word's own value. It has to look at the words before it "
            "as well.",
        ),
        Wrong(
            "window",
            _window,
            "The oldest word is dropped for the newest one. Nothing is dropped: what is kept "
            "grows by one word a step.",
        ),
        Wrong(
            "sees_the_first_only",
            _sees_the_first_only,
            "The word looks at the first one alone. Is it is_causal=True? With one query PyTorch "
            "takes it for the word at place 0, which may see only itself. The newest word may see "
            "all, so no mask is needed.",
        ),
        Wrong(
            "half_power",
            lambda *case: (
                _look(case[0] / 2 * case[0].size(1) ** -0.5, *_with(*case)),
                *_with(*case),
            ),
            "`/ D ** 1/2` is no root: Python takes the power first, so it divides by D and then "
            "by 2. Write D ** 0.5.",
            also=(
                lambda *case: (
                    _look(case[0] * 2 * case[0].size(1) ** -0.5, *_with(*case)),
                    *_with(*case),
                ),
            ),
        ),
        Wrong(
            "by_width",
            lambda *case: (_look(case[0] * case[0].size(1) ** -0.5, *_with(*case)), *_with(*case)),
            "The scores are divided by D where it should be its root.",
        ),
        Wrong(
            "keys_blended",
            lambda *case: (_look(case[0], _with(*case)[0], _with(*case)[0]), *_with(*case)),
            "The keys are blended. They say what a word is found by; what it hands on are the "
            "values.",
        ),
        Wrong(
            "value_not_kept",
            lambda *case: (_look(case[0], *_with(*case)), _with(*case)[0], case[4].clone()),
            "The new key is kept and the new value is not. The two are read side by side, so both "
            "must grow.",
        ),
        Wrong(
            "found_is_kept",
            lambda *case: (
                _look(case[0], *_with(*case)),
                _with(*case)[0],
                torch.cat([case[4], _look(case[0], *_with(*case)).unsqueeze(1)], dim=1),
            ),
            "What was found is kept in the place of the value. The next words blend the values, "
            "as each word made it.",
        ),
    ),
    hints=(
        "Which keys and values may the newest word look at? How many are there?",
        "keys = the past keys, then the new key        (B, T, D)\n"
        "values = the past values, then the new value  (B, T, E)\n"
        "one query, T scores, softmax, weighted sum; return the keys and values too",
        "keys = torch.cat([past_keys, key.unsqueeze(1)], dim=...)\n"
        "scores = query.unsqueeze(1) @ keys.mT / ...\n"
        "output = (softmax of scores @ values).squeeze(1)",
    ),
    why="no word sees a later one, so the keys and values of earlier words never change, and need "
    "not be made again. A query serves its own step only.",
)
