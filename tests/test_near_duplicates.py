"""Near-duplicates: one look-up a word finds what a comparison with every sentence finds."""

from __future__ import annotations

import random

from helpers.corpus import Pair, near_duplicates


def pair(source: str) -> Pair:
    return Pair(tuple(source.split()), ("x",), frozenset(), frozenset(), ())


def test_one_word_in_place_of_another_counts_and_nothing_else_does():
    training = [pair("the cat sleeps ."), pair("a dog eats bread .")]
    asked = {
        "the cat sleeps .": True,  # the sentence itself
        "a cat sleeps .": True,
        "the cat sings .": True,
        "a dog sleeps .": False,  # two words
        "the cat .": False,  # one word fewer
        "the old cat sleeps .": False,  # one word more
        "cat the sleeps .": False,  # two places
    }
    assert near_duplicates([pair(text) for text in asked], training) == list(asked.values())


def test_it_agrees_with_comparing_every_two_sentences():
    dice = random.Random(0)

    def draw() -> Pair:
        return pair(" ".join(dice.choices("abc", k=dice.randint(2, 6))))

    training, asked = [draw() for _ in range(60)], [draw() for _ in range(300)]

    def differ(one: Pair, other: Pair) -> int:
        return sum(a != b for a, b in zip(one.source, other.source, strict=True))

    expected = [
        any(len(p.source) == len(q.source) and differ(p, q) <= 1 for q in training) for p in asked
    ]
    assert near_duplicates(asked, training) == expected
    assert 30 < sum(expected) < 270  # both kinds were met


def test_nothing_is_near_to_nothing():
    assert near_duplicates([], [pair("a b")]) == []
    assert near_duplicates([pair("a b")], []) == [False]
