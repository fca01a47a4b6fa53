"""Exercises of notebook 13, first and last part: a large vocabulary for less, pieces of words."""

from __future__ import annotations

import math

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb13 import answers


def _loss_case(dice: Dice, n: int, k: int, drawn: int, rest: int) -> tuple:
    return 2 * dice.normal(n, k), dice.integers(0, k - drawn, n), drawn, rest


def _loss_cases(dice: Dice) -> list[tuple]:
    loud = _loss_case(Dice(1), 3, 6, 2, 40)
    return [
        (torch.tensor([[1.0, 0.0, 2.0]]), torch.tensor([0]), 2, 6),
        _loss_case(dice, 2, 5, 3, 30),
        _loss_case(dice, 4, 7, 2, 100),
        _loss_case(dice, 3, 8, 5, 11),
        _loss_case(dice, 6, 9, 4, dice.random.randint(20, 90)),
        (1e4 * loud[0], *loud[1:]),  # no exponential of such a logit is a number
    ]


def _loss(weight, spread=torch.logsumexp) -> object:
    """The loss with another log of what a drawn word stands for: weight(drawn, rest, k)."""

    def loss(logits, places, drawn, rest) -> torch.Tensor:
        k = logits.size(1)
        added = torch.cat([torch.zeros(k - drawn), torch.full((drawn,), weight(drawn, rest, k))])
        true = logits.gather(1, places.unsqueeze(1)).squeeze(1)
        return (spread(logits + added, 1) - true).mean()

    return loss


def _times_logits(logits, places, drawn, rest) -> torch.Tensor:
    times = torch.ones(logits.size(1))
    times[-drawn:] = rest / drawn
    true = logits.gather(1, places.unsqueeze(1)).squeeze(1)
    return (torch.logsumexp(logits * times, dim=1) - true).mean()


def _all_weighted(logits, places, drawn, rest) -> torch.Tensor:
    true = logits.gather(1, places.unsqueeze(1)).squeeze(1)
    return (torch.logsumexp(logits, dim=1) + math.log(rest / drawn) - true).mean()


def _first_columns(logits, places, drawn, rest) -> torch.Tensor:
    added = torch.zeros(logits.size(1))
    added[:drawn] = math.log(rest / drawn)
    true = logits.gather(1, places.unsqueeze(1)).squeeze(1)
    return (torch.logsumexp(logits + added, dim=1) - true).mean()


def _without_drawn(logits, places, drawn, rest) -> torch.Tensor:
    true = logits.gather(1, places.unsqueeze(1)).squeeze(1)
    return (torch.logsumexp(logits[:, :-drawn], dim=1) - true).mean()


def _by_raw_exponentials(logits, places, drawn, rest) -> torch.Tensor:
    powers = torch.exp(logits)
    z = powers[:, :-drawn].sum(dim=1) + rest / drawn * powers[:, -drawn:].sum(dim=1)
    return (torch.log(z) - logits.gather(1, places.unsqueeze(1)).squeeze(1)).mean()


def _stands_for(logits: torch.Tensor, drawn: int, rest: int) -> torch.Tensor:
    k = logits.size(1)
    return torch.where(torch.arange(k) < k - drawn, 0.0, math.log(rest / drawn))


sampled_loss = Exercise(
    name="nb13.sampled_loss",
    title="A sample stands for the vocabulary",
    difficulty=4,
    minutes=20,
    core=False,
    reference=answers.sampled_loss,
    spec=answers.sampled_loss_spec,
    cases=_loss_cases,
    sizes=lambda logits, places, drawn, rest: dict(zip("NM", logits.shape, strict=True)),
    returns={"loss": ""},
    gradients=("logits",),
    shapes_hint="What a drawn word stands for is one number a column, (M,), and is added to the "
    "logits (N, M).",
    training_case=lambda: (torch.randn(480, 1100), torch.randint(0, 600, (480,)), 500, 5800),
    wrong_answers=(
        Wrong(
            "nothing_stands_for",
            _loss(lambda drawn, rest, k: 0.0),
            "Each drawn word counts once. Then the model is asked to beat a few hundred words, "
            "not the whole vocabulary: Z comes out too small. A drawn word stands for "
            "rest / drawn.",
        ),
        Wrong(
            "without_log",
            _loss(lambda drawn, rest, k: rest / drawn),
            "rest / drawn is added to the logits as it is. e^(x + r) is not r e^x: add its "
            "logarithm.",
        ),
        Wrong(
            "upside_down",
            _loss(lambda drawn, rest, k: math.log(drawn / rest)),
            "The share is upside down: drawn words count for less than one. Each stands for "
            "rest / drawn words, of which there are more.",
        ),
        Wrong(
            "stands_for_all",
            _loss(lambda drawn, rest, k: math.log(rest)),
            "Every drawn word stands for all the rest. There are `drawn` of them to share it: "
            "rest / drawn each.",
        ),
        Wrong(
            "over_the_columns",
            _loss(lambda drawn, rest, k: math.log(rest / k)),
            "rest is divided by all M columns. Only the drawn ones stand for the rest: divide by "
            "their number.",
        ),
        Wrong(
            "logits_times",
            _times_logits,
            "The logits are multiplied. It is the exponential that must count rest / drawn times: "
            "in the exponent that is an addition, of the logarithm.",
        ),
        Wrong(
            "all_stand_for",
            _all_weighted,
            "All columns count rest / drawn times. The words that are always there stand for "
            "themselves alone.",
        ),
        Wrong(
            "first_columns",
            _first_columns,
            "The first columns are taken for the drawn ones. They are the last.",
        ),
        Wrong(
            "without_the_drawn",
            _without_drawn,
            "The drawn words are left out, and with them all the rest of the vocabulary.",
        ),
        Wrong(
            "summed",
            lambda logits, places, drawn, rest: (
                answers.sampled_loss(logits, places, drawn, rest) * len(logits)
            ),
            "The losses are summed. Take their mean: the size of the batch must not matter.",
        ),
        Wrong(
            "overflow",
            _by_raw_exponentials,
            "Right for small logits, but the exponential of a large one is infinity. Take each "
            "row's largest logit away first and add it again behind the logarithm, as "
            "torch.logsumexp does.",
        ),
        Wrong(
            "minus_forgotten",
            lambda *given: -answers.sampled_loss(*given),
            "The sign is turned round: it is log Z minus the logit of the true word, and never "
            "below 0 for long.",
        ),
        Wrong(
            "true_not_taken_away",
            lambda logits, places, drawn, rest: torch.logsumexp(
                logits + _stands_for(logits, drawn, rest), dim=1
            ).mean(),
            "This is log Z alone. The logit of the true word is taken away from it.",
        ),
        Wrong(
            "true_weighted_too",
            lambda logits, places, drawn, rest: (
                torch.logsumexp(logits + _stands_for(logits, drawn, rest), dim=1)
                - torch.log_softmax(logits, dim=1).gather(1, places.unsqueeze(1)).squeeze(1)
            ).mean(),
            "A log-probability is taken away from log Z. It is the logit of the true word, as it "
            "was given.",
        ),
        Wrong(
            "rounded",
            _loss(lambda drawn, rest, k: math.log(max(1, rest // drawn))),
            "rest // drawn is rounded down. A drawn word may stand for two words and a half: "
            "divide with a single stroke.",
        ),
    ),
    hints=(
        "Z is a sum of exponentials over the whole vocabulary. Which terms do you have, and how "
        "often must each of the drawn ones count to make up for those you do not have?",
        "add 0 to the columns that are always there and log(rest / drawn) to the last `drawn`\n"
        "log Z = log-sum-exp of each row\n"
        "the mean of log Z minus the true word's logit, as it was",
        "stands_for[... :] = math.log(rest / drawn)\n"
        "true = logits.gather(1, places.unsqueeze(1)).squeeze(1)\n"
        "(torch.logsumexp(logits + ..., dim=1) - true).mean()",
    ),
    why="each drawn term counts rest / drawn times, so that the sum is right on average over draws "
    "(its logarithm nearly). And e^(x + log r) = r e^x, so an addition does it.",
)


def _pair_cases(dice: Dice) -> list[tuple]:
    def case(length: int, highest: int = 4) -> tuple:
        return dice.integers(0, highest, length).tolist(), 0, 1, 9

    return [
        ([3, 0, 1], 0, 1, 9),
        ([0, 0, 0], 0, 0, 9),
        ([0, 1, 0, 1, 2, 1, 0], 0, 1, 9),
        ([2, 5, 5, 5, 5, 2], 5, 5, 9),
        case(12),
        case(15, 3),
        (dice.integers(0, 2, 16).tolist(), 1, 1, 9),
        ([], 0, 1, 9),
        ([1, 0], 0, 1, 9),
        # Symbols of more than one digit, whose text holds the pair's: 11 2 ends like 1 2, 1 23
        # begins like it.
        ([11, 2, 1, 2, 31, 2], 1, 2, 30),
        ([1, 23, 1, 2, 1, 20], 1, 2, 30),
        ([112, 1, 12, 12, 2], 1, 12, 112 + 1),
    ]


def _merge(symbols, left, right, new, step: int = 2, once: bool = False, put=None) -> list[int]:
    merged, k, done = [], 0, False
    while k < len(symbols):
        if not done and symbols[k : k + 2] == [left, right]:
            merged += [new] if put is None else put
            k, done = k + step, once
        else:
            merged.append(symbols[k])
            k += 1
    return merged


def _either_order(symbols, left, right, new) -> list[int]:
    merged, k = [], 0
    while k < len(symbols):
        if sorted(symbols[k : k + 2]) == sorted([left, right]):
            merged.append(new)
            k += 2
        else:
            merged.append(symbols[k])
            k += 1
    return merged


def _from_the_right(symbols, left, right, new) -> list[int]:
    return answers.merge_pair(symbols[::-1], right, left, new)[::-1]


def _last_lost(symbols, left, right, new) -> list[int]:
    merged, k = [], 0
    while k < len(symbols) - 1:
        pair = symbols[k : k + 2] == [left, right]
        merged.append(new if pair else symbols[k])
        k += 1 + pair
    return merged


merge_pair = Exercise(
    name="nb13.merge_pair",
    title="Two pieces become one",
    difficulty=2,
    minutes=6,
    core=False,
    reference=answers.merge_pair,
    spec=answers.merge_pair_spec,
    cases=_pair_cases,
    sizes=lambda symbols, left, right, new: {"symbols": len(symbols)},
    returns={"merged": ""},
    training_case=lambda: (Dice().integers(0, 8, 60).tolist(), 0, 1, 9),
    wrong_answers=(
        Wrong(
            "right_one_kept",
            lambda symbols, left, right, new: _merge(symbols, left, right, new, step=1),
            "The left symbol is replaced and the right one is still there. Both together become "
            "`new`.",
        ),
        Wrong(
            "first_only",
            lambda symbols, left, right, new: _merge(symbols, left, right, new, once=True),
            "Only the first pair is merged. A word may hold it several times.",
        ),
        Wrong(
            "either_order",
            _either_order,
            "The pair is merged in the other order too. `le` is not `el`: left comes first.",
        ),
        Wrong(
            "every_symbol",
            lambda symbols, left, right, new: [new if s in (left, right) else s for s in symbols],
            "Every left and every right symbol is replaced, each by itself. Only a left one with "
            "a right one straight after it is a pair.",
        ),
        Wrong(
            "dropped",
            lambda symbols, left, right, new: _merge(symbols, left, right, new, put=[]),
            "The pair is taken out, and `new` is not put in its place.",
        ),
        Wrong(
            "from_the_right",
            _from_the_right,
            "The symbols are merged from right to left. With three equal ones in a row the first "
            "two must become the pair.",
        ),
        Wrong(
            "put_twice",
            lambda symbols, left, right, new: _merge(symbols, left, right, new, put=[new, new]),
            "Each of the two is replaced by `new`. The two together become one symbol.",
        ),
        Wrong(
            "new_merged_again",
            lambda symbols, left, right, new: answers.merge_pair(
                answers.merge_pair(symbols, left, right, new), new, right, new
            ),
            "A merged symbol is merged again with the next one. What was merged is left as it is "
            "in this round.",
        ),
        Wrong(
            "left_kept",
            lambda symbols, left, right, new: _merge(symbols, left, right, new, put=[left, new]),
            "The left symbol is still there, and `new` stands in the place of the right one. Both "
            "together become `new`.",
        ),
        Wrong(
            "glued",
            lambda symbols, left, right, new: [
                int(part)
                for part in " ".join(map(str, symbols)).replace(f"{left} {right}", str(new)).split()
            ],
            "The symbols were replaced in a text, where 11 2 holds 1 2. Compare symbols, not the "
            "digits that they are written with.",
        ),
        Wrong(
            "last_symbol_lost",
            lambda symbols, left, right, new: _last_lost(symbols, left, right, new),
            "The last symbol is lost where no pair ends the list. The loop over pairs stops one "
            "short: add what is left.",
        ),
    ),
    hints=(
        "Go through the symbols from the left and keep a list of what you have so far. When does "
        "the symbol you meet belong to the last one in it?",
        "for each symbol:\n  if it is `right` and the last one so far is `left`: that one becomes "
        "`new`\n  else: it is added",
        "if symbol == right and merged and merged[-1] == left:\n    merged[-1] = ...\nelse:\n"
        "    merged.append(...)",
    ),
    why="a merge makes one symbol of two neighbours. Byte-pair encoding is nothing else, done "
    "again and again with the pair that is most frequent then.",
)
