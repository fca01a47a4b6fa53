"""The sentence that grows: which words are marked, what is refused, and the static table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.explorer import GrowingSentence, Grown
from helpers.explorer.growing import common

SHORT = Grown(
    ["the", "cat", "sleeps", "."], ["le", "chat", "dort", ".", "<end>"], ["le", "chat", "dort", "."]
)
LONG = Grown(
    ["the", "cat", "sleeps", "and", "the", "dog", "eats", "."],
    ["le", "chat", "dort", "et", "la", "vache", ".", "<end>"],
    ["le", "chat", "dort", "et", "le", "chien", "mange", "."],
)


def marked(words: list[list]) -> list[str]:
    return [word for word, mark in words if mark]


def test_wrong_missed_and_new_words_are_marked() -> None:
    first, second = GrowingSentence([SHORT, LONG]).state["steps"]
    assert marked(first["output"]) == marked(first["gold"]) == []
    assert marked(first["source"]) == SHORT.source
    assert first["verdict"] == "every word right" and first["share"] == 1
    assert marked(second["output"]) == ["la", "vache"]
    assert marked(second["gold"]) == ["le", "chien", "mange"]
    assert marked(second["source"]) == ["and", "the", "dog", "eats"]
    assert second["verdict"] == "5 of 8 words found, 2 wrong" and second["share"] == 0.625


def test_one_missing_word_does_not_make_the_rest_wrong() -> None:
    step = Grown(["a"], ["x", "z", "w", "<end>"], ["x", "y", "z", "w"])
    (shown,) = GrowingSentence([step]).state["steps"]
    assert marked(shown["output"]) == [] and marked(shown["gold"]) == ["y"]


def test_words_too_many_and_a_missing_end_are_said() -> None:
    (shown,) = GrowingSentence([Grown(["a"], ["x", "x", "y"], ["x", "y"])]).state["steps"]
    assert shown["verdict"] == "every word found, 1 too many, did not stop"


def test_a_model_that_says_nothing_is_shown() -> None:
    (shown,) = GrowingSentence([Grown(["a"], ["<end>"], ["x", "y"])]).state["steps"]
    assert shown["output"] == [] and marked(shown["gold"]) == ["x", "y"]
    assert shown["verdict"] == "0 of 2 words found" and shown["share"] == 0


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_common_words_are_as_many_as_can_be(one: list[str], other: list[str]) -> None:
    pairs = common(one, other)
    assert all(one[i] == other[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))

    def longest(i: int, j: int) -> int:
        if i == len(one) or j == len(other):
            return 0
        if one[i] == other[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    assert len(pairs) == longest(0, 0)


def neighbours(pairs: Iterable[tuple[int, int]]) -> int:
    """Return how many pairs follow directly on the pair before, in both lists."""
    return sum(b == (a[0] + 1, a[1] + 1) for a, b in pairwise(pairs))


@given(st.lists(st.sampled_from("ab"), max_size=5), st.lists(st.sampled_from("ab"), max_size=5))
def test_common_words_stay_together(one: list[str], other: list[str]) -> None:
    pairs = common(one, other)
    best = max(
        neighbours(zip(rows, columns, strict=True))
        for rows in combinations(range(len(one)), len(pairs))
        for columns in combinations(range(len(other)), len(pairs))
        if all(one[i] == other[j] for i, j in zip(rows, columns, strict=True))
    )
    assert neighbours(pairs) == best


def test_an_output_that_repeats_itself_is_wrong_where_it_repeats() -> None:
    phrase, loop = ["elle", "dort", "dans", "la", "maison"], ["et", "la", "maison"]
    step = Grown(["a"], [*phrase, *loop, *loop], [*phrase, "près", "du", "jardin", "."])
    (shown,) = GrowingSentence([step]).state["steps"]
    assert [wrong for _, wrong in shown["output"]] == [False] * 5 + [True] * 6


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "steps is empty"),
        (None, "steps is None"),
        (SHORT, "expected a list of Grown"),
        ("le chat", "steps is 'le chat'"),
        ([Grown(["a"], ["x"], ["<end>"])], "gold of step 1 is only '<end>'"),
        ([LONG, SHORT], "Put the shortest first"),
        ([SHORT, SHORT], "sentences that grow"),
        ([Grown([], ["x"], ["x"])], "source of step 1 is empty"),
        ([Grown("the cat", ["x"], ["x"])], "source of step 1 is 'the cat'"),
        ([Grown(["a"], [], ["x"])], "output of step 1 is empty"),
        ([Grown(["a"], ["x"], "le chat")], "gold of step 1 is 'le chat'"),
        (["le chat"], "step 1 is 'le chat'"),
    ],
)
def test_bad_input_is_named(steps: object, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        GrowingSentence(steps)


def test_static_table_has_both_ends_and_marks_without_colour() -> None:
    steps = [Grown(["w"] * n, ["x"] * n, ["x"] * (n - 1) + ["y"]) for n in range(1, 22)]
    html = GrowingSentence(steps, title="Growing").html()
    heads = re.findall(r'scope="row"[^>]*>(\d+)<', html)
    assert len(heads) == 8 and heads[0] == "1" and heads[-1] == "21"
    assert html.count("</b>&nbsp;✗") == 8
    assert "20 of 21 words found, 1 wrong, did not stop" in html


def test_few_lengths_are_all_in_the_static_table() -> None:
    html = GrowingSentence([SHORT, LONG]).html()
    assert re.findall(r'scope="row"[^>]*>(\d+)<', html) == ["4", "8"]


def test_a_single_length_is_enough() -> None:
    view = GrowingSentence([SHORT])
    assert "every word right" in view.html() and view.sentence().endswith("at last.")
