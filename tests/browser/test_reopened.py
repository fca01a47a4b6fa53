"""A notebook that was run, saved, closed and opened again shows a picture of each view."""

from __future__ import annotations

import json
from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from helpers.explorer import MaskEditor, explore

words = ["the", "cat", "."]
"""
CELLS = [
    SETUP,
    "explore(np.eye(3), words, words)",
    "display(MaskEditor(np.eye(3), words, words))\nprint('printed after the view')",
]
STILL = ".jp-OutputArea-output table:has(caption)"


def seen(page: Page, selector: str) -> int:
    return page.locator(selector).locator("visible=true").count()


@pytest.fixture
def saved(lab: object, open_notebook: Callable[..., object]) -> object:
    """A notebook that was run in the browser and saved there."""
    lab.theme("JupyterLab Light")
    lab.write("reopened.ipynb", [nbformat.v4.new_code_cell(text) for text in CELLS])
    notebook = open_notebook("reopened.ipynb")
    notebook.run_all(len(CELLS))
    expect(notebook.page.locator(".am-root")).to_have_count(2)
    notebook.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    notebook.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.context.model.dirty === false"
    )
    return notebook


def test_the_live_view_takes_the_place_of_the_still_one(saved: object) -> None:
    page = saved.page
    assert page.locator(STILL).count() >= 2 and seen(page, STILL) == 0
    assert seen(page, ".am-root") == 2
    expect(page.get_by_text("printed after the view", exact=True)).to_be_visible()
    # Where a live view goes, its still picture comes back.
    page.locator(".am-root").first.evaluate("(root) => root.remove()")
    assert seen(page, STILL) >= 1 and seen(page, ".am-root") == 1
    assert saved.errors == []


def test_closed_and_opened_again_it_shows_the_still_pictures(
    lab: object, open_notebook: Callable[..., object], saved: object
) -> None:
    saved.page.evaluate(
        "async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown(); }"
    )
    saved.page.close()
    text = (lab.folder / "reopened.ipynb").read_text()
    assert "widget-view" in text and "widget-state" not in json.loads(text)["metadata"]
    page = open_notebook("reopened.ipynb").page
    trusted = "() => jupyterapp.shell.currentWidget.content.widgets[1].model.trusted"
    assert page.evaluate(trusted) is True, "else JupyterLab would not look for the widget at all"
    page.wait_for_selector("text=model not found", state="attached")
    expect(page.locator(STILL).first).to_be_visible()
    assert seen(page, STILL) == page.locator(STILL).count() >= 2
    assert seen(page, "text=model not found") == 0
    expect(page.get_by_text("printed after the view", exact=True)).to_be_visible()
