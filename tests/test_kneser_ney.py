"""Kneser-Ney smoothing: probabilities that sum to one, and counts of what stands before a word."""

from __future__ import annotations

import pytest

from helpers.analysis import KneserNey, NGrams
from helpers.corpus import load_corpus

WORDS = ["le", "chat", "dort", "<end>", "ici"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_probabilities_sum_to_one(n):
    model = KneserNey([["le", "chat", "dort"], ["le", "chat"]], n, len(WORDS))
    for history in (("<start>", "le"), ("le", "chat"), ("dort", "dort")):
        seen = history[3 - n :]
        assert sum(model.probability((*seen, w)) for w in WORDS) == pytest.approx(1)


def test_a_bigram_by_hand():
    model = KneserNey([["a", "b"], ["a", "b"], ["c", "b"]], 2, 5)
    # Of the five kinds of bigrams two end in b and one each in a, c and <end>.
    single_a = (1 - 0.5 + 4 * 0.5 / 5) / 5
    assert model.probability(("a",)) == pytest.approx(single_a)
    # <start> is followed by a twice and by c once, so 0.5 is taken twice from its 3.
    assert model.probability(("<start>", "a")) == pytest.approx((2 - 0.5 + 1.0 * single_a) / 3)
    assert model.probability(("never", "a")) == pytest.approx(single_a)


def test_a_word_with_one_neighbour_is_worth_less_than_its_count():
    """The example of the method: 'York' is frequent, and comes after 'new' only."""
    sentences = [["new", "york"]] * 6 + [["old", "cat"], ["red", "cat"], ["big", "cat"]]
    model, plain = KneserNey(sentences, 2, 8), NGrams(sentences, 2, 8)
    assert plain.probability(("york",)) > plain.probability(("cat",))
    assert model.probability(("york",)) < model.probability(("cat",))


def test_it_is_better_than_plain_counts_on_the_course_s_corpus():
    lite = load_corpus("lite")
    training, tested = ([p.target for p in part] for part in (lite.train[:4000], lite.dev[:300]))
    size = len(lite.target_vocabulary)
    assert KneserNey(training, 4, size).perplexity(tested) < NGrams(training, 4, size).perplexity(
        tested
    )


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="expected 1"):
        KneserNey([["a"]], 0, 3)
    with pytest.raises(ValueError, match="no word to predict"):
        KneserNey([["a"]], 2, 3).perplexity([])
