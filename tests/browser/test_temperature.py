"""The softmax with a slider, in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

VIEW = """\
from helpers.explorer import Temperature
Temperature([2.0, 0.0], ["cat", "<b>dog</b>"], title="Softer, harder")
"""


def test_the_slider_sharpens_and_softens(lab: object, open_notebook: Callable[..., object]) -> None:
    lab.theme("JupyterLab Light")
    lab.write("temperature.ipynb", [nbformat.v4.new_code_cell(VIEW)])
    notebook = open_notebook("temperature.ipynb")
    notebook.run_all(1)
    page = notebook.page
    page.wait_for_selector(".am-root")
    root = page.locator(".am-root")
    expect(root.locator(".am-percent")).to_have_text(["0.88", "0.12"])
    expect(root.locator(".am-softmax th[scope=col] b")).to_have_text(["cat", "<b>dog</b>"])
    slider = root.get_by_label("factor", exact=True)
    slider.focus()
    page.keyboard.press("End")
    expect(root.locator(".am-percent")).to_have_text(["1.00", "0.00"])
    expect(root.locator(".am-readout")).to_have_text("'cat' 1.00; mean p(1 - p): 0.000")
    page.keyboard.press("Home")
    expect(root.locator(".am-percent")).to_have_text(["0.53", "0.47"])
    heights = [root.locator(".am-part").nth(i).bounding_box()["height"] for i in (0, 1)]
    assert heights[0] > heights[1] > 0
    assert slider.get_attribute("aria-valuetext") == "factor 0.06"
    # The three steps are shown, and a score can be dragged; its weight follows.
    page.keyboard.press("Home")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    expect(root.locator(".am-power")).to_have_text(["7.39", "1.00"])
    expect(root.locator("th[scope=row]").last).to_have_text("divided by the sum 8.39")
    root.get_by_label("score of <b>dog</b>").fill("2")
    expect(root.locator(".am-given")).to_have_text(["2.0", "2.0"])
    expect(root.locator(".am-power")).to_have_text(["7.39", "7.39"])
    expect(root.locator(".am-percent")).to_have_text(["0.50", "0.50"])
    root.get_by_role("button", name="Given scores").click()
    expect(root.locator(".am-percent")).to_have_text(["0.88", "0.12"])
    assert notebook.errors == []
