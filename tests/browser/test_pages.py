"""The views without Jupyter: in a page that loads their modules, and in one opened from a file."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from helpers.explorer import MaskEditor, TranslatorBox, Walk, explore
from helpers.explorer.base import SCRIPTS, View
from helpers.explorer.joining import joined
from helpers.figures.diagrams.attention import additive_step

pytestmark = pytest.mark.browser

WORDS = ["le", "chat"]
# What a page offers in place of the kernel's model.
MODEL = """
const values = %s;
const heard = [];
const model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; },
  save_changes: () => heard.forEach(([, action]) => action()),
  on: (event, action) => heard.push([event, action]),
  off: (event, action) => heard.splice(heard.findIndex((one) => one[1] === action), 1),
  send: (message) => { document.title = message.text; },
};
window.leave = render({ model, el: document.body });
"""


def views() -> dict[str, View]:
    """A view that only draws, one that tells Python of a change, and one that asks the kernel."""
    return {
        "attention_map": explore(np.eye(2), WORDS, WORDS, rows_are="queries", columns_are="keys"),
        "mask_editor": MaskEditor(np.eye(2), WORDS, WORDS),
        "translator_box": TranslatorBox(lambda text: None),
        "walk": Walk(additive_step(["the", "small", "cat", "does", "not", "sleep", "."])),
    }


def page_of(view: View, script: str) -> str:
    """Return a page that shows a view; `script` gives its `render`."""
    assert view.live is not None
    values = json.dumps({"state": view.state, "colours": view.live.colours, "chosen": {}})
    style = (SCRIPTS.parent / "style.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html><meta charset="utf-8"><style>{style}</style><body></body>'
        f'<script type="module">{script}{MODEL % values}</script>'
    )


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Say nothing of each request."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the modules as they lie on disk, and beside them a page for each view."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "js").symlink_to(SCRIPTS)
    for name, view in views().items():
        script = f'import {{ render }} from "./js/{name}.js";'
        (folder / f"{name}.html").write_text(page_of(view, script), encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a page for each view with its modules joined, to be opened from the file."""
    folder: Path = tmp_path_factory.mktemp("files")
    for name, view in views().items():
        script = joined(SCRIPTS, name).replace("export default { render };", "")
        (folder / f"{name}.html").write_text(page_of(view, script), encoding="utf-8")
    return folder.as_uri()


@pytest.fixture(params=["served", "filed"])
def address(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)


@pytest.fixture
def page(browser: object) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def test_a_map_says_what_rows_and_columns_are(page: Page, address: str) -> None:
    page.goto(f"{address}/attention_map.html")
    expect(page.locator("figcaption").first).to_have_text("Rows: queries. Columns: keys.")
    expect(page.locator("figcaption").nth(1)).to_contain_text("Keys above, queries below.")
    about = page.locator(".am-stage").get_attribute("aria-label")
    assert about is not None and about.startswith("Attention map, 2 queries by 2 keys.")
    slider = page.get_by_label("row", exact=True)
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".am-readout")).to_have_text("row 1: 'le' looks at 'le' 1.00")
    assert slider.get_attribute("aria-valuetext") == "row 1 of 2, le"


def test_a_change_is_told_to_the_model(page: Page, address: str) -> None:
    page.goto(f"{address}/mask_editor.html")
    page.get_by_role("button", name="Causal", exact=True).click()
    expect(page.locator(".am-readout")).to_contain_text("Causal: each query sees itself")
    expect(page.locator(".am-forbidden.am-chosen, td.am-forbidden")).to_have_count(1)


def test_a_question_is_sent_and_the_view_can_leave(page: Page, address: str) -> None:
    page.goto(f"{address}/translator_box.html")
    page.get_by_label("English sentence").fill("the cat")
    page.keyboard.press("Enter")
    expect(page.locator(".am-answer")).to_have_text("Translating ...")
    expect(page).to_have_title("the cat")
    page.evaluate("() => window.leave()")


def test_a_walk_fits_a_phone_and_can_be_read_there(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{address}/walk.html")
    picture = page.locator("svg.am-walk")
    expect(picture).to_be_visible()
    page.wait_for_function("() => document.querySelector('svg.am-walk').clientWidth < 390")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    sizes = page.locator(".am-box-label").evaluate_all(
        "nodes => nodes.map((node) => Number(node.getAttribute('font-size')))"
    )
    assert min(sizes) >= 11
    page.get_by_label("next step").click()
    expect(page.locator(".am-count")).to_have_text("1 of 7")
