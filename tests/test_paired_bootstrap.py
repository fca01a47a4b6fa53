"""BLEU by its counts is sacrebleu's; the paired interval knows what two systems share."""

from __future__ import annotations

import random

import numpy as np
import pytest

from helpers import metrics
from helpers.analysis import paired_bootstrap
from helpers.corpus.pairs import Pair
from helpers.decoding import Translation

NONE = frozenset()


def texts(sentences=200, wrong=0.2, seed=0, only=None):
    """Pairs of random words, and a translation of each with some words wrong."""
    dice, pairs, said = random.Random(seed), [], []
    for number in range(sentences):
        gold = [f"w{random.Random(number).randint(0, 9)}{k}" for k in range(5 + number % 9)]
        rate = wrong if only is None or number % only == 0 else 0.0
        words = [word if dice.random() > rate else "x" for word in gold]
        pairs.append(Pair(("a",), tuple(gold), NONE, NONE, ()))
        said.append(Translation(["a"], [*words[: len(words) - number % 2], "<end>"], None))
    return said, pairs


def test_the_score_is_sacrebleus():
    for seed, wrong in ((0, 0.1), (1, 0.4)):
        said, pairs = texts(wrong=wrong, seed=seed)
        sums = np.sum(
            [
                paired_bootstrap.ngram_counts(t.words, p.target)
                for t, p in zip(said, pairs, strict=True)
            ],
            axis=0,
        )
        assert paired_bootstrap.bleu_from_counts(sums) == pytest.approx(
            metrics.bleu(said, pairs), abs=1e-6
        )


def test_counts_are_clipped_and_short_sentences_have_no_long_ngrams():
    assert paired_bootstrap.ngram_counts(["a", "a", "b"], ["a", "b", "c", "d"]) == [
        3,
        4,
        2,
        3,
        1,
        2,
        0,
        1,
        0,
        0,
    ]


def test_equal_systems_differ_by_nothing():
    said, pairs = texts()
    assert paired_bootstrap.bleu_difference(said, said, pairs, resamples=50) == (0.0, 0.0, 0.0)


def test_the_difference_is_the_second_minus_the_first_and_changes_sign():
    (bad, pairs), (good, _) = texts(wrong=0.4, seed=1), texts(wrong=0.1, seed=2)
    difference, low, high = paired_bootstrap.bleu_difference(bad, good, pairs)
    assert difference == pytest.approx(metrics.bleu(good, pairs) - metrics.bleu(bad, pairs))
    assert 0 < low < difference < high
    turned = paired_bootstrap.bleu_difference(good, bad, pairs)
    assert turned == pytest.approx((-difference, -high, -low))


def test_pairing_is_narrower_than_the_two_intervals():
    said, pairs = texts(wrong=0.3, seed=1)
    few, _ = texts(wrong=0.3, seed=1)
    few[0] = Translation(["a"], [*pairs[0].target, "<end>"], None)  # one sentence is better
    _, low, high = paired_bootstrap.bleu_difference(said, few, pairs)
    alone = np.diff(metrics.bleu_interval(said, pairs, resamples=100))[0]
    assert high - low < alone / 4


def test_what_does_not_fit_is_refused():
    said, pairs = texts(5)
    with pytest.raises(ValueError, match="5 and 4 translations for 5 pairs"):
        paired_bootstrap.bleu_difference(said, said[:4], pairs)
    with pytest.raises(ValueError, match="at least one"):
        paired_bootstrap.bleu_difference([], [], [])
