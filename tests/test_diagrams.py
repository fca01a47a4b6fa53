"""The drawings of flows: every label is there, and nothing is drawn from nothing."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from helpers import figures
from helpers.figures import diagrams

ALT = "Three boxes above each other, with arrows between them."


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collect the figures that would be shown."""
    shown: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, alt: shown.append(fig))
    return shown


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def arrows(figure: Figure) -> int:
    return sum(hasattr(text, "arrow_patch") for axes in figure.axes for text in axes.texts)


def test_a_flow_has_its_boxes_and_arrows(drawn):
    boxes = {"in": (0, 0), "state": (0, 1), "context": (0, 2), "out": (0, 3)}
    arrows_of = [("in", "state"), ("state", "context"), ("context", "out"), ("state", "out")]
    diagrams.flow({"first": (boxes, arrows_of), "second": ({"alone": (0, 0)}, [])}, alt=ALT)
    assert texts(drawn[0]) == ["in", "state", "context", "out", "alone"]
    assert arrows(drawn[0]) == 4


@pytest.mark.parametrize("panel", [({}, []), ({"a": (0, 0)}, [("a", "b")])])
def test_a_flow_with_something_missing_is_refused(panel):
    with pytest.raises(ValueError, match="nothing to draw for 'odd'"):
        diagrams.flow({"odd": panel}, alt=ALT)
