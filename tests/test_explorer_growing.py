"""The sentence that grows: which words are marked, what is refused, and the static table."""

from __future__ import annotations

import re

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
    assert shown["verdict"] == "every word right, 1 wrong, did not stop"


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_common_words_are_as_many_as_can_be(one: list[str], other: list[str]) -> None:
    pairs = common(one, other)
    assert all(one[i] == other[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in zip(pairs, pairs[1:], strict=False))

    def longest(i: int, j: int) -> int:
        if i == len(one) or j == len(other):
            return 0
        if one[i] == other[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    assert len(pairs) == longest(0, 0)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "steps is empty"),
        ([LONG, SHORT], "Put the shortest first"),
        ([SHORT, SHORT], "sentences that grow"),
        ([Grown([], ["x"], ["x"])], "source of step 1 is empty"),
        ([Grown("the cat", ["x"], ["x"])], "source of step 1 is 'the cat'"),
        ([Grown(["a"], [], ["x"])], "output of step 1 is empty"),
        ([Grown(["a"], ["x"], "le chat")], "gold of step 1 is 'le chat'"),
        (["le chat"], "step 1 is 'le chat'"),
    ],
)
def test_bad_input_is_named(steps: list, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        GrowingSentence(steps)


def test_static_table_has_both_ends_and_marks_without_colour() -> None:
    steps = [Grown(["w"] * n, ["x"] * n, ["x"] * (n - 1) + ["y"]) for n in range(1, 22)]
    html = GrowingSentence(steps, title="Growing").html()
    heads = re.findall(r'scope="row"[^>]*>(\d+)<', html)
    assert len(heads) == 8 and heads[0] == "1" and heads[-1] == "21"
    assert html.count("✗") >= 8


def test_a_single_length_is_enough() -> None:
    view = GrowingSentence([SHORT])
    assert "every word right" in view.html() and view.sentence().endswith("at last.")
