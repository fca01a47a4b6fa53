"""The drawings of unrolled networks: every label is there, and nothing is drawn from nothing."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from helpers import figures
from helpers.figures import diagrams
from helpers.figures.diagrams import UnrolledStep

ALT = "Three words enter three states, and the last state gives an output."
STEPS = [UnrolledStep("the", "h1"), UnrolledStep("cat", "h2"), UnrolledStep("sleeps", "h3", "y")]


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


def test_each_box_and_arrow_is_drawn_once(drawn):
    diagrams.unrolled({"Many to one": STEPS}, alt=ALT)
    assert sorted(texts(drawn[0])) == sorted(["the", "cat", "sleeps", "h1", "h2", "h3", "y"])
    assert arrows(drawn[0]) == 3 + 1 + 2  # into the states, out of the last, between them
    assert drawn[0].axes[0].get_title(loc="left") == "Many to one"


def test_weights_are_written_at_their_arrows(drawn):
    diagrams.unrolled({"Weights": STEPS}, alt=ALT, weights=True)
    found = texts(drawn[0])
    assert found.count("$W_x$") == 3 and found.count("$W_h$") == 2


def test_panels_stand_in_columns(drawn):
    diagrams.unrolled({f"panel {n}": STEPS for n in range(3)}, alt=ALT, columns=2)
    assert len(drawn[0].axes) == 3


@pytest.mark.parametrize("panels", [{}, {"empty": []}])
def test_nothing_to_draw_is_refused(panels):
    with pytest.raises(ValueError, match="nothing to draw"):
        diagrams.unrolled(panels, alt=ALT)


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
