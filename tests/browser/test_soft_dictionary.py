"""The soft dictionary in the plane: dragged by mouse, by a finger and by the arrow keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from helpers.explorer import SoftDictionary
from helpers.explorer.base import SCRIPTS
from helpers.explorer.joining import joined
from tests.browser.test_pages import page_of

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=alert(1)>"
VIEW = f"""\
from helpers.explorer import SoftDictionary
SoftDictionary(
    [0.6, 0.8], [[1, 0], [0, 1], [-1, 0]], [[10, 0], [0, 20], [5, 5]], ["noir", "chat", "{EVIL}"]
)
"""


@pytest.fixture
def phone(browser: object, tmp_path: Path) -> Iterator[Page]:
    """A page on a phone with the view, without Jupyter."""
    keys = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
    view = SoftDictionary([0.6, 0.8], keys, [[10, 0], [0, 20], [5, 5]], ["noir", "chat", "dort"])
    script = joined(SCRIPTS, "soft_dictionary").replace("export default { render };", "")
    path = tmp_path / "view.html"
    path.write_text(page_of(view, script), encoding="utf-8")
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert faults == []


def tip(root: Page | Locator, name: str) -> tuple[float, float]:
    box = root.locator(f'[data-name="{name}"] .am-grip').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def weights(root: Page | Locator) -> list[float]:
    return [float(text) for text in root.locator(".am-weighed").all_text_contents()]


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_in_jupyterlab_mouse_and_keys_move_the_arrows(
    lab: object, open_notebook: Callable[..., object], theme: str
) -> None:
    lab.theme(f"JupyterLab {theme}")
    lab.write(f"soft_{theme}.ipynb", [nbformat.v4.new_code_cell(VIEW)])
    notebook = open_notebook(f"soft_{theme}.ipynb")
    notebook.run_all(1)
    page = notebook.page
    page.wait_for_selector(".am-root")
    root = page.locator(".am-root")
    expect(root.locator(".am-percent")).to_have_text("(4.6, 10.3)")
    assert weights(root) == [0.40, 0.48, 0.12]
    # The mouse takes the query to the key of chat, and the answer follows.
    (x, y), (to_x, to_y) = tip(root, "query"), tip(root, "chat")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=4)
    page.mouse.up()
    page.mouse.move(x, y)
    expect(root.locator(".am-readout")).to_contain_text("'query' ends at (0.00, 1.00)")
    assert weights(root) == [0.21, 0.58, 0.21]
    # The keys move the arrow that was chosen, and JupyterLab leaves them to the view.
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(root.locator(".am-readout")).to_contain_text("'query' ends at (0.10, 1.10)")
    root.get_by_role("button", name="noir").click()
    root.locator("[role=application]").focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    expect(root.locator(".am-readout")).to_contain_text("'noir' ends at (2.00, 0.00)")
    page.keyboard.press("Home")
    expect(root.locator(".am-readout")).to_contain_text("'noir' ends at (1.00, 0.00)")
    root.get_by_role("button", name="Given arrows").click()
    assert weights(root) == [0.40, 0.48, 0.12]
    slider = root.get_by_label("temperature", exact=True)
    slider.focus()
    page.keyboard.press("Home")
    assert weights(root) == [0.02, 0.98, 0.00]
    assert slider.get_attribute("aria-valuetext") == "0.05"
    found = Axe().run(page, context=".am-root").response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert notebook.errors == [] and notebook.outside() == []


def test_wide_arrows_are_heavy_and_the_answer_lies_near_their_values(phone: Page) -> None:
    def width(name: str) -> float:
        shaft = phone.locator(f'[data-name="{name}"] .am-shaft')
        return float(shaft.get_attribute("stroke-width"))

    assert width("chat") > width("noir") > width("dort") > 1
    slider = phone.get_by_label("temperature", exact=True)
    slider.focus()
    phone.keyboard.press("Home")
    assert width("chat") == pytest.approx(1 + 7 * 0.98, abs=0.05)
    dot = phone.locator(".am-answer-dot").bounding_box()
    corner = phone.locator(".am-corner").nth(1).bounding_box()
    assert abs(dot["x"] - corner["x"]) < 8 and abs(dot["y"] - corner["y"]) < 8


def test_a_finger_drags_an_arrow_and_no_page(phone: Page) -> None:
    (x, y), (to_x, to_y) = tip(phone, "query"), tip(phone, "dort")
    touch = phone.context.new_cdp_session(phone)

    def finger(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": at_x, "y": at_y} for at_x, at_y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    finger("touchStart", (x, y))
    for share in (0.3, 0.6, 1.0):
        finger("touchMove", (x + share * (to_x - x), y + share * (to_y - y)))
    finger("touchEnd")
    expect(phone.locator(".am-readout")).to_contain_text("'query' ends at (-1.00, 0.00)")
    assert phone.evaluate("() => window.scrollY") == 0
    assert max(weights(phone)) == weights(phone)[2]


def test_no_two_labels_lie_over_each_other(phone: Page) -> None:
    phone.locator("[role=application]").focus()
    for key in ("ArrowLeft",) * 6 + ("ArrowUp",) * 2:  # the query onto the key of chat
        phone.keyboard.press(key)
    boxes = [one.bounding_box() for one in phone.locator(".am-arrow-label").all()]
    for i, one in enumerate(boxes):
        assert one["x"] >= 0 and one["x"] + one["width"] <= 390
        for other in boxes[i + 1 :]:
            beside = (
                one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            )
            assert beside or abs(one["y"] - other["y"]) > 15
