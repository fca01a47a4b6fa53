"""Exercises of notebook 13, second part: which hypotheses go on, and which one wins."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb13 import answers


def _length_cases(dice: Dice) -> list[tuple]:
    def case(k: int, alpha: float) -> tuple:
        return -5 * dice.normal(k).abs(), dice.integers(1, 20, k), alpha

    return [
        (torch.tensor([-3.0, -4.0]), torch.tensor([1, 7]), 1.0),
        case(3, 0.6),
        case(5, 0.0),
        case(4, 2.0),
        case(*dice.sizes(1), 0.7),
    ]


def _penalised(penalty) -> object:
    """The scores with another penalty(lengths, alpha)."""
    return lambda sums, lengths, alpha: sums / penalty(lengths, alpha)


length_scores = Exercise(
    name="nb13.length_scores",
    title="A fair score for long and short",
    difficulty=1,
    minutes=5,
    core=False,
    reference=answers.length_scores,
    spec=answers.length_scores_spec,
    cases=_length_cases,
    sizes=lambda sums, lengths, alpha: {"K": len(sums)},
    returns={"scores": "K"},
    shapes_hint="sums and lengths are both (K,): no axis is needed.",
    training_case=lambda: (-torch.rand(400), torch.randint(1, 30, (400,)), 0.6),
    wrong_answers=(
        Wrong(
            "multiplied",
            lambda sums, lengths, alpha: sums * ((5 + lengths) / 6) ** alpha,
            "The log-probability is multiplied by the penalty. It is negative, so long hypotheses "
            "get worse still. Divide by it.",
        ),
        Wrong(
            "no_penalty",
            lambda sums, lengths, alpha: sums + 0.0,
            "The length has no part in it: these are the bare log-probabilities.",
        ),
        Wrong(
            "plain_mean",
            _penalised(lambda lengths, alpha: lengths**1.0),
            "That is the mean log-probability of a word. The penalty here is softer: "
            "((5 + length) / 6) ** alpha.",
        ),
        Wrong(
            "length_to_alpha",
            _penalised(lambda lengths, alpha: lengths.float() ** alpha),
            "The 5 and the 6 are missing. With them one word has a penalty of 1, and the penalty "
            "grows slowly among short hypotheses.",
        ),
        Wrong(
            "alpha_times",
            _penalised(lambda lengths, alpha: (5 + lengths) / 6 * alpha),
            "alpha is a factor here. It is an exponent: with 0 the penalty must be 1 for all.",
        ),
        Wrong(
            "power_of_the_length",
            _penalised(lambda lengths, alpha: (5 + lengths**alpha) / 6),
            "Only the length is raised to alpha. The whole of (5 + length) / 6 is.",
        ),
        Wrong(
            "power_inside",
            _penalised(lambda lengths, alpha: (5 + lengths) ** alpha / 6),
            "Only 5 + length is raised to alpha. The 6 belongs into the brackets: one word must "
            "have a penalty of 1.",
        ),
        Wrong(
            "end_not_counted",
            _penalised(lambda lengths, alpha: ((5 + lengths - 1) / 6) ** alpha),
            "One word too few is counted in each hypothesis. lengths counts <end> already, so "
            "nothing is taken off.",
        ),
        Wrong(
            "end_counted_twice",
            _penalised(lambda lengths, alpha: ((5 + lengths + 1) / 6) ** alpha),
            "One word too many is counted in each hypothesis. lengths counts <end> already, so "
            "nothing is added.",
        ),
        Wrong(
            "one_length_for_all",
            _penalised(lambda lengths, alpha: ((5 + lengths.max()) / 6) ** alpha),
            "One length serves all the hypotheses. Each has its own: with the same penalty for "
            "all, no order changes.",
            also=(
                _penalised(lambda lengths, alpha: ((5 + len(lengths)) / 6) ** alpha),
                _penalised(lambda lengths, alpha: ((5 + lengths[0]) / 6) ** alpha),
                _penalised(lambda lengths, alpha: ((5 + lengths.float().mean()) / 6) ** alpha),
            ),
        ),
        Wrong(
            "numbers_exchanged",
            _penalised(lambda lengths, alpha: ((6 + lengths) / 5) ** alpha),
            "The 5 and the 6 have changed places: ((5 + length) / 6) ** alpha, so that one word "
            "has a penalty of 1.",
        ),
        Wrong(
            "only_the_length_divided",
            _penalised(lambda lengths, alpha: (5 + lengths / 6) ** alpha),
            "Only the length is divided by 6. Put 5 + length into brackets: a quotient comes "
            "before a sum.",
        ),
    ),
    hints=(
        "Log-probabilities are negative and grow more negative with each word. What must be done "
        "to a long one so that it may win?",
        "penalty = (5 + length) / 6, to the power of alpha\nscore = sum over penalty",
        "sums / ((5 + lengths) / 6) ** ...",
    ),
    why="each word more costs log-probability, so the bare sum prefers short translations. alpha "
    "says how much of that is given back: 0 nothing, 1 nearly all.",
)


def _beam_case(dice: Dice, b: int, k: int, v: int) -> tuple:
    places = torch.arange(b * k * v, dtype=torch.float32).view(b, k, v)
    gains = torch.log_softmax(2 * dice.normal(b, k, v) + 0.003 * places, dim=-1)  # no ties
    return -dice.normal(b, k).abs() - 0.01 * torch.arange(k), gains


def _beam_cases(dice: Dice) -> list[tuple]:
    sums = torch.tensor([[-1.0, -1.5]])
    gains = torch.tensor([[[-1.0, -3.0, -2.5], [-0.25, -4.0, -0.75]]])
    fewer = torch.tensor([[0.0, -torch.inf, -torch.inf]])  # the first step: one hypothesis
    return [
        (sums, gains),
        _beam_case(dice, 2, 1, 5),
        (fewer, _beam_case(dice, 1, 3, 7)[1]),
        _beam_case(dice, 2, 3, 4),
        _beam_case(dice, 4, 3, 6),
        _beam_case(dice, *dice.sizes(2, 2, 5), 8),
        _beam_case(dice, *dice.sizes(2, 2, 5), 9),
    ]


def _of_each(sums, gains):
    """Each hypothesis goes on with its own best word."""
    best = gains.max(dim=2)
    parents = torch.arange(sums.size(1)).expand(len(sums), -1)
    return sums + best.values, parents, best.indices


def _of_each_sorted(sums, gains):
    """The same, and the best of these first."""
    values, parents, words = _of_each(sums, gains)
    values, order = values.sort(dim=1, descending=True)
    return values, parents.gather(1, order), words.gather(1, order)


def _cut(totals: torch.Tensor, k: int, width: int) -> tuple:
    best = totals.flatten(1).topk(k, dim=1)
    return best.values, best.indices // width, best.indices % width


def _swapped(sums, gains):
    values, parents, words = answers.beam_step(sums, gains)
    return values, words, parents


def _over_k(sums, gains):
    best = (sums.unsqueeze(2) + gains).flatten(1).topk(sums.size(1), dim=1)
    return best.values, best.indices // sums.size(1), best.indices % sums.size(1)


def _over_batch(sums, gains):
    totals = sums.unsqueeze(2) + gains
    best = totals.flatten().topk(sums.numel())
    index = (best.indices % totals[0].numel()).view_as(sums)
    return best.values.view_as(sums), index // gains.size(2), index % gains.size(2)


def _worst_first(sums, gains):
    return tuple(part.flip(1) for part in answers.beam_step(sums, gains))


def _flat_words(sums, gains):
    best = (sums.unsqueeze(2) + gains).flatten(1).topk(sums.size(1), dim=1)
    return best.values, best.indices // gains.size(2), best.indices


def _last_gains(sums, gains):
    values, parents, words = _cut(gains, sums.size(1), gains.size(2))
    return values, parents, words


def _best_only(sums, gains):
    """All K go on from the best hypothesis."""
    first = sums.argmax(dim=1)
    rows = torch.arange(len(sums))
    best = (sums[rows, first, None] + gains[rows, first]).topk(sums.size(1), dim=1)
    return best.values, first.unsqueeze(1).expand_as(best.indices).clone(), best.indices


beam_step = Exercise(
    name="nb13.beam_step",
    title="K beginnings, one word longer",
    difficulty=3,
    minutes=10,
    core=True,
    reference=answers.beam_step,
    spec=answers.beam_step_spec,
    cases=_beam_cases,
    sizes=lambda sums, gains: dict(zip("BKV", gains.shape, strict=True)),
    returns={"sums": "B K", "parents": "B K", "words": "B K"},
    shapes_hint="sums needs a third axis, (B, K, 1), to be added to gains (B, K, V).",
    training_case=lambda: (
        -torch.rand(32, 4),
        torch.log_softmax(torch.randn(32, 4, 2000), dim=-1),
    ),
    slow_hint="Can one topk over all K * V sums at once replace the sorting of a list?",
    wrong_answers=(
        Wrong(
            "one_of_each",
            _of_each,
            "Every hypothesis goes on with its own best word. Then K greedy searches run side by "
            "side and never compete: one with two good words to go on must be able to take the "
            "place of one with none.",
            also=(_of_each_sorted,),
        ),
        Wrong(
            "best_only",
            _best_only,
            "All new hypotheses go on from the best old one. It may be the second that has the "
            "best next word: compare all K times V.",
        ),
        Wrong(
            "past_forgotten",
            _last_gains,
            "Only the next word counts, not what the hypothesis has cost so far. Add its sum to "
            "each of its gains.",
        ),
        Wrong(
            "swapped",
            _swapped,
            "Parents and words are exchanged. Side by side, hypothesis k has the places k * V to "
            "k * V + V - 1: the quotient by V says which hypothesis, the remainder which word.",
        ),
        Wrong(
            "divided_by_k",
            _over_k,
            "The places are divided by K. Each hypothesis has V places, one for each word, so the "
            "divisor is V.",
        ),
        Wrong(
            "word_not_reduced",
            _flat_words,
            "The words are places in the row of all K * V. Take the remainder by V.",
        ),
        Wrong(
            "across_sentences",
            _over_batch,
            "The sentences of the batch compete with each other. Each has its own K places: keep "
            "the batch axis.",
        ),
        Wrong(
            "worst_first",
            _worst_first,
            "The right ones are kept, the best one last. The best comes first.",
        ),
        Wrong(
            "multiplied",
            lambda sums, gains: _cut(sums.unsqueeze(2) * gains, sums.size(1), gains.size(2)),
            "Sums and gains are multiplied. They are logarithms: probabilities multiply, their "
            "logarithms add.",
        ),
        Wrong(
            "subtracted",
            lambda sums, gains: _cut(sums.unsqueeze(2) - gains, sums.size(1), gains.size(2)),
            "The gains are taken away from the sums. Logarithms of probabilities are negative and "
            "add up.",
        ),
        Wrong(
            "probabilities_added",
            lambda sums, gains: _cut(sums.unsqueeze(2) + gains.exp(), sums.size(1), gains.size(2)),
            "The gains went through exp before they were added. Sums are logarithms of "
            "probabilities, and so are the gains: add them as they are.",
            also=(
                lambda sums, gains: _cut(
                    sums.exp().unsqueeze(2) * gains.exp(), sums.size(1), gains.size(2)
                ),
            ),
        ),
    ),
    hints=(
        "In how many ways can one sentence go on, over all its K hypotheses? Which of them stay?",
        "totals = each sum plus each gain of its hypothesis    (B, K, V)\n"
        "lay the K rows of a sentence side by side             (B, K * V)\n"
        "take the K largest; from a place get the hypothesis and the word",
        "best = (sums.unsqueeze(2) + gains).flatten(1).topk(..., dim=1)\n"
        "parents = best.indices // ...\nwords = best.indices % ...",
    ),
    why="all K * V ways to go on compete for K places. So a hypothesis may have several children "
    "or none, which is what tells beam search from K greedy searches.",
)
