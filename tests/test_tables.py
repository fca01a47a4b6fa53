"""`table`: what it prints, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.figures import folded_table, table, tables


def printed(capsys: pytest.CaptureFixture[str], *args: object, **options: object) -> list[str]:
    assert table(*args, **options) is None
    return capsys.readouterr().out.split("\n")[:-1]


def test_numbers_stand_to_the_right_and_words_to_the_left(capsys) -> None:
    rows = [("dot", 70_123, 0.98765), ("scaled dot", 7, 12.5)]
    assert printed(capsys, rows, header=("score", "parameters", "exact"), digits=2) == [
        "score       parameters  exact",
        "dot             70,123   0.99",
        "scaled dot           7  12.50",
    ]


def test_each_column_may_have_its_own_digits_and_a_header_is_not_needed(capsys) -> None:
    rows = ((k, k / 3, -k / 3) for k in (1, 20))
    assert printed(capsys, rows, digits=(0, 1, 3)) == [" 1  0.3  -0.333", "20  6.7  -6.667"]


def test_a_column_with_a_number_and_a_word_stands_to_the_right(capsys) -> None:
    assert printed(capsys, [("GRU", 0.5), ("RNN", "no gates")]) == [
        "GRU     0.500",
        "RNN  no gates",
    ]


def test_none_leaves_a_cell_empty_and_no_line_ends_in_blanks(capsys) -> None:
    rows = [("a", 1.0, "end"), ("b", None, "")]
    assert printed(capsys, rows, header=("", "x", "y"), digits=1) == [
        "     x  y",
        "a  1.0  end",
        "b",
    ]


def test_a_long_header_makes_its_column_wider(capsys) -> None:
    assert printed(capsys, [("a", 1)], header=("name", "steps")) == ["name  steps", "a         1"]


def test_numbers_of_numpy_are_numbers_and_nothing_is_escaped(capsys) -> None:
    rows = [("<end> & <b>", np.float32(0.25), np.int64(1234))]
    assert printed(capsys, rows, digits=2) == ["<end> & <b>  0.25  1,234"]


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no rows; expected at least one"):
        table([])
    with pytest.raises(ValueError, match="row 2 has 1 cells; expected 2, as many as the first row"):
        table([("a", 1), ("b",)])
    with pytest.raises(ValueError, match="row 1 has 2 cells; expected 3, as many as the header"):
        table([("a", 1)], header=("x", "y", "z"))
    with pytest.raises(ValueError, match="digits has 1 entries for 2 columns"):
        table([("a", 1)], digits=[2])


def test_a_tensor_is_refused_with_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"a Tensor; expected a string, .* by float\(\)"):
        table([("a", torch.tensor(0.5))])


def test_a_folded_table_is_the_same_table_under_its_line(monkeypatch, capsys) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(tables, "publish_display_data", shown.append)
    rows = [("a < b", 1.5), ("c", None)]
    lines = printed(capsys, rows, header=("", "x"), digits=1)
    folded_table("The numbers", rows, header=("", "x"), digits=1)
    assert shown[0]["text/plain"].split("\n") == ["The numbers", *lines]
    assert shown[0]["text/html"].startswith("<details><summary>The numbers</summary><pre style=")
    assert "a &lt; b" in shown[0]["text/html"]
