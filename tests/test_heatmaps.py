"""`grids`: every number in its place, in the picture and in the folded table."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from helpers.figures import grids

PANELS = {"weight": [[0.25, 0.5, 1.0], [0.0, 0.75, 0.125]], "right": [[1, 0, 0], [0, 1, 0]]}
NAMES = {
    "rows": (3, 8),
    "columns": ("a", "b", "c"),
    "rows_are": "seed",
    "title": "Two measures",
    "alt": "two grids of two seeds and three heads",
}


def test_each_number_stands_in_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr("helpers.figures.heatmaps.show", lambda fig, alt: drawn.append(fig))
    told: list[tuple] = []
    monkeypatch.setattr("helpers.figures.heatmaps.folded_table", lambda *args: told.append(args))
    grids(PANELS, **NAMES)
    first, second, bar = drawn[0].axes
    assert first.get_title() == "weight" and bar.get_ylabel() == "share"
    assert first.yaxis_inverted()  # the first seed on top
    written = {text.get_position(): text.get_text() for text in first.texts}
    assert written[(2.5, 1.5)] == "0.12" and written[(1.5, 0.5)] == "0.50"
    assert [axes.get_ylabel() for axes in (first, second)] == ["seed", ""]
    _, rows, header, _ = told[0]
    assert header[:2] == ["seed", "weight: a"] and header[-1] == "right: c"
    assert rows == [("3", 0.25, 0.5, 1.0, 1, 0, 0), ("8", 0.0, 0.75, 0.125, 0, 1, 0)]


@pytest.mark.parametrize("wrong", [[[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5, 1.5], [0, 0, 0]]])
def test_another_size_or_no_share_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="expected .2, 3."):
        grids({"weight": wrong}, **NAMES)
