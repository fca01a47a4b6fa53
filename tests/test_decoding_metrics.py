"""Greedy translation of sentences, and the metrics against worked examples."""

from __future__ import annotations

import pytest
import torch

from helpers.corpus.pairs import Pair
from helpers.corpus.vocabulary import EmptySentenceError, UnknownWordsError, Vocabulary
from helpers.decoding import Translation, translate, translate_all
from helpers.metrics import (
    alignment_error_rate,
    best_links,
    bleu,
    by_length,
    exact_match,
    gold_link_hits,
    gold_link_share,
    token_accuracy,
    wilson,
)
from helpers.models.recurrent import AdditiveTranslator, BottleneckTranslator


def pair(source, target, sure=(), possible=()):
    links = frozenset(sure)
    return Pair(
        tuple(source.split()), tuple(target.split()), links, links | frozenset(possible), ()
    )


PAIRS = [
    pair("the cat sleeps .", "le chat dort .", [(0, 0), (1, 1), (2, 2), (3, 3)]),
    pair("the black cat sleeps .", "le chat noir dort .", [(0, 0), (1, 2), (2, 1), (3, 3)]),
    pair("cats sleep .", "les chats dorment .", [(0, 1), (1, 2)], [(0, 0)]),
]
ENGLISH = Vocabulary.build(p.source for p in PAIRS)
FRENCH = Vocabulary.build(p.target for p in PAIRS)


def as_said(*targets):
    return [
        Translation(list(p.source), t.split(), None) for p, t in zip(PAIRS, targets, strict=True)
    ]


RIGHT = as_said("le chat dort . <end>", "le chat noir dort . <end>", "les chats dorment . <end>")


@pytest.mark.parametrize("kind", [AdditiveTranslator, BottleneckTranslator])
def test_one_by_one_equals_all_at_once(kind):
    torch.manual_seed(0)
    model = kind(len(ENGLISH), len(FRENCH), embed=4, hidden=6)
    together = translate_all(model, PAIRS, ENGLISH, FRENCH, batch_size=2)
    for one, p in zip(together, PAIRS, strict=True):
        alone = translate(model, " ".join(p.source), ENGLISH, FRENCH)
        assert alone.target == one.target and alone.source == one.source == list(p.source)
        assert "<pad>" not in one.words and "<end>" not in one.words[-1:]
        if kind is AdditiveTranslator:
            assert one.weights.shape == (len(one.target), len(p.source))
            torch.testing.assert_close(alone.weights, one.weights)
        else:
            assert one.weights is None
    taught = translate_all(model, PAIRS, ENGLISH, FRENCH, teacher_forcing=True)
    assert [len(t.target) for t in taught] == [len(p.target) + 1 for p in PAIRS]


def test_typed_sentences_that_cannot_be_translated_get_a_clear_answer():
    model = BottleneckTranslator(len(ENGLISH), len(FRENCH), embed=4, hidden=6)
    with pytest.raises(EmptySentenceError):
        translate(model, "  ", ENGLISH, FRENCH)
    with pytest.raises(UnknownWordsError, match="'zebra'.*'sleps'.*sleeps"):
        translate(model, "The zebra sleps.", ENGLISH, FRENCH)


def test_exact_match_wants_every_word_and_the_end():
    assert exact_match(RIGHT, PAIRS) == 1
    wrong = as_said("le chat dort .", "le chat noir dort . <end>", "les chats dort . <end>")
    assert exact_match(wrong, PAIRS) == pytest.approx(1 / 3)
    assert token_accuracy(wrong, PAIRS) == pytest.approx((4 + 6 + 4) / 16)
    with pytest.raises(ValueError, match="2 translations for 3 pairs"):
        exact_match(RIGHT[:2], PAIRS)


def test_by_length_counts_each_bucket():
    wrong = as_said("le chat dort . <end>", "<end>", "les chats dorment . <end>")
    buckets = by_length(wrong, PAIRS, [(3, 4), (5, 9)])
    assert [(b.label, b.hits, b.total, b.share) for b in buckets] == [
        ("3-4", 2, 2, 1.0),
        ("5-9", 0, 1, 0.0),
    ]
    with pytest.raises(ValueError, match="30 to 40"):
        by_length(RIGHT, PAIRS, [(30, 40)])


def test_wilson_interval():
    low, high = wilson(8, 10)  # worked example: 0.4901 to 0.9433
    assert low == pytest.approx(0.4901, abs=1e-3) and high == pytest.approx(0.9433, abs=1e-3)
    assert wilson(0, 10)[0] == 0 and wilson(0, 10)[1] > 0.2
    with pytest.raises(ValueError, match="at least one"):
        wilson(0, 0)


def test_bleu_is_sacrebleus_without_the_end_mark():
    assert bleu(RIGHT, PAIRS) == pytest.approx(100)
    assert bleu(as_said("chat", "dort <end>", "<end>"), PAIRS) < 20


def test_alignment_error_rate_is_och_and_neys():
    sure, possible = {(0, 0), (1, 2)}, {(0, 0), (1, 2), (2, 1)}
    found = {(0, 0), (2, 1), (3, 3)}
    # |A and S| = 1, |A and P| = 2, |A| = 3, |S| = 2
    assert alignment_error_rate([found], [sure], [possible]) == pytest.approx(1 - 3 / 5)
    assert alignment_error_rate([sure], [sure], [possible]) == 0
    with pytest.raises(ValueError, match="S within P"):
        alignment_error_rate([found], [possible], [sure])
    with pytest.raises(ValueError, match="no link"):
        alignment_error_rate([set()], [set()], [set()])


def test_gold_links_are_counted_by_target_word_without_the_end():
    weights = torch.tensor(
        [[0.8, 0.1, 0.1, 0.0], [0.1, 0.2, 0.7, 0.0], [0.3, 0.4, 0.3, 0.0], [0, 0, 0, 1.0]]
    )
    assert best_links(weights) == {(0, 0), (2, 1), (1, 2)}
    assert gold_link_hits(weights, {(0, 0), (1, 1), (2, 1)}) == (2, 2)
    assert gold_link_hits(weights, {(3, 2)}) == (0, 1)


def test_gold_link_share_wants_maps_of_the_gold_words():
    with pytest.raises(ValueError, match="teacher_forcing=True"):
        gold_link_share(RIGHT, PAIRS)
    maps = [Translation(t.source, t.target, torch.eye(len(t.target), len(t.source))) for t in RIGHT]
    # A diagonal map: all four, then articles, 'sleeps' but not the crossing pair, then one of two.
    share = gold_link_share(maps, PAIRS)
    assert share == pytest.approx((4 + 2 + 0) / (4 + 4 + 2))
