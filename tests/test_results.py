"""Recorded results: the spread that a live run is compared with, and the median seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import metrics, results


def test_spread_is_wider_where_few_values_tell_the_deviation():
    low, high = results.spread([1.0, 2.0, 3.0])
    assert low == pytest.approx(2 - 5 * results.largest_deviation(3)) and low + high == 4
    # The quantiles of chi-squared that tables give: 2.167 for 7 degrees of freedom, 10.117 for 19.
    assert results.largest_deviation(8) == pytest.approx((7 / 2.167) ** 0.5, rel=0.01)
    assert results.largest_deviation(20) == pytest.approx((19 / 10.117) ** 0.5, rel=0.01)
    with pytest.raises(ValueError, match="record three seeds"):
        results.spread([1.0, 2.0])


def test_median_buckets():
    recorded = [{"low": 4, "high": 6, "total": 10, "hits": [9, 1, 5]}]
    assert metrics.median_buckets(recorded) == [metrics.Bucket(4, 6, 5, 10)]


def test_a_folder_in_place_of_results_is_named(tmp_path: Path) -> None:
    (tmp_path / "04.json").mkdir()
    with pytest.raises(results.ResultsError, match="cannot be read: .*helpers measure 04"):
        results.load_results("04", tmp_path)


def test_results_that_are_no_text_are_damaged(tmp_path: Path) -> None:
    (tmp_path / "04.json").write_bytes(b"\xff\xfe")
    with pytest.raises(results.ResultsError, match="is damaged: .*helpers measure 04"):
        results.load_results("04", tmp_path)


@pytest.mark.parametrize("number", ["02", "04"])
def test_recordings_have_eight_seeds(number):
    recorded = results.load_results(number)
    assert len(recorded["seeds"]) >= 8


def test_the_control_was_trained_as_the_model_it_is_compared_with():
    recorded = results.load_results("04")
    control, additive = recorded["no attention, bidirectional"], recorded["additive"]
    assert abs(control["parameters"] / additive["parameters"] - 1) < 0.1
    assert len(control["exact"]) == len(additive["exact"]) == len(recorded["seeds"])
