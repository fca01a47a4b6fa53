"""The views on a phone and at 200 % zoom: nothing is cut, and the read-out can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from helpers.explorer import (
    AttentionGrid,
    Example,
    GrowingSentence,
    Grown,
    Looks,
    MaskEditor,
    PositionPicture,
    Reading,
    SoftDictionary,
    Temperature,
    Walk,
    compare,
    explore,
)
from helpers.explorer.base import SCRIPTS, View
from helpers.explorer.joining import joined
from helpers.figures.diagrams.recurrent import back_through_time
from tests.browser.test_pages import page_of

pytestmark = pytest.mark.browser

WORDS = ["the", "small", "black", "cat", "does", "not", "sleep", "in", "the", "garden", "."]
FEW = WORDS[:6]
# 390 is a phone; 250 is what JupyterLab leaves of it, and of a notebook of 500 at 200 %.
WIDTHS = (390, 250)
# What lies right of the window and in no part of the view that scrolls.
CUT = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (node) => node && (
    (["auto", "scroll"].includes(getComputedStyle(node).overflowX) &&
      node.getBoundingClientRect().right <= width + 1) || scrolls(node.parentElement));
  return [...document.querySelectorAll(".am-root *")]
    .filter((node) => node.getBoundingClientRect().width > 0)
    .filter((node) => node.getBoundingClientRect().right > width + 1)
    .filter((node) => !scrolls(node.parentElement))
    .map((node) => `${node.tagName} ${node.textContent.slice(0, 30)}`);
}"""


def views() -> dict[str, View]:
    rng = np.random.default_rng(0)
    weights = np.eye(11)
    readings = {name: Reading(weights, [*WORDS[:10], "<end>"]) for name in ("one", "another")}
    example = Example(WORDS, [*WORDS[:10], "<end>"], ["a long tag"], [(0, 0)], [], readings)
    numbers = rng.normal(size=(6, 6))
    picture = np.zeros((8, 8, 3), np.uint8)
    return {
        "map": explore(weights, WORDS, WORDS, title="A map"),
        "heads": explore(np.tile(np.eye(6), (2, 8, 1, 1)), FEW, FEW),
        "mask": MaskEditor(numbers, FEW, FEW),
        "grid": AttentionGrid(numbers[:3], numbers, numbers[:, :2], columns=FEW),
        "temperature": Temperature(np.arange(9.0), [f"word{i}" for i in range(9)]),
        "soft": SoftDictionary([1, 1], numbers[:4, :2].clip(-2, 2), numbers[:4, :4], FEW[:4]),
        "positions": PositionPicture(rng.normal(size=(12, 16))),
        "picture": Looks(picture, FEW, np.full((6, 4), 0.25)),
        "growing": GrowingSentence([Grown(FEW[:n], FEW[:n], FEW[:n]) for n in (3, 4, 5)]),
        "walk": Walk(back_through_time(3)),
        "gallery": compare([example, example]),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page for each view, to be opened from the file."""
    folder = tmp_path_factory.mktemp("narrow")
    for name, view in views().items():
        script = joined(SCRIPTS, view.state["view"]).replace("export default { render };", "")
        (folder / f"{name}.html").write_text(page_of(view, script), encoding="utf-8")
    return folder


@pytest.fixture
def page(browser: object) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 700})
    yield context.new_page()
    context.close()


def test_nothing_is_cut(page: Page, folder: Path) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 700})
        for path in sorted(folder.glob("*.html")):
            page.goto(path.as_uri())
            assert page.evaluate(CUT) == [], f"{path.stem} at {width}"
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, path.stem


def test_back_through_time_fits_a_phone(page: Page, folder: Path) -> None:
    page.goto((folder / "walk.html").as_uri())
    page.wait_for_function("() => document.querySelector('svg.am-walk').clientWidth < 390")
    scroller = page.locator(".am-scroll").evaluate("(node) => [node.scrollWidth, node.clientWidth]")
    assert scroller[0] <= scroller[1]
    boxes = [
        note.bounding_box() for note in page.locator(".am-walk-note").all() if note.text_content()
    ]
    assert len(boxes) == 3
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            apart = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            above = one["y"] + one["height"] <= other["y"] + 6 or (
                other["y"] + other["height"] <= one["y"] + 6
            )
            assert apart or above, "two labels lie over each other"


def point_at_first_cell(page: Page) -> None:
    page.mouse.move(0, 0)
    cell = page.locator(".am-cells rect").first
    cell.evaluate("(node) => node.scrollIntoView({ block: 'center' })")
    page.wait_for_timeout(200)  # the browser says a moment later what can be seen
    box = cell.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)


@pytest.mark.parametrize("name", ["map", "gallery"])
def test_what_is_read_stands_at_the_cell_where_the_read_out_is_not_seen(
    page: Page, folder: Path, name: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 330})
    page.goto((folder / f"{name}.html").as_uri())
    point_at_first_cell(page)
    tip = page.locator(".am-at-cell")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("gives 'the'")
    box, cell = tip.bounding_box(), page.locator(".am-cursor").first.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert cell["y"] + cell["height"] <= box["y"] <= cell["y"] + cell["height"] + 12
    # A tall window shows the read-out below the map, so nothing covers the cells.
    page.set_viewport_size({"width": 390, "height": 3000})
    point_at_first_cell(page)
    expect(page.locator(".am-readout")).to_contain_text("gives 'the'")
    expect(tip).to_be_hidden()


def test_the_lines_stand_beside_the_map_where_both_fit(page: Page, folder: Path) -> None:
    page.goto((folder / "heads.html").as_uri())
    expect(page.locator(".am-lines")).to_be_hidden()
    page.set_viewport_size({"width": 1100, "height": 700})
    expect(page.locator(".am-lines")).to_be_visible()
    cells, lines = (page.locator(one).bounding_box() for one in (".am-grid", ".am-lines"))
    assert cells["x"] + cells["width"] <= lines["x"]
    page.set_viewport_size({"width": 390, "height": 700})
    expect(page.locator(".am-lines")).to_be_hidden()
    page.get_by_role("button", name="Both").click()
    page.set_viewport_size({"width": 380, "height": 700})
    expect(page.locator(".am-lines")).to_be_visible()
