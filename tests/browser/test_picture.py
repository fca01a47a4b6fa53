"""The picture looked at word by word, in a real JupyterLab: words, keys, veil, and the table."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explorer import Looks
from helpers.palette import VEIL

pytestmark = pytest.mark.browser

EVIL = "<script>window.stolen = 1</script>"
SETUP = f"""\
import numpy as np
from helpers.explorer import Looks

evil = "{EVIL}"
picture = np.full((40, 40, 3), 255, dtype=np.uint8)
picture[:20, 20:] = (213, 94, 0)
view = Looks(
    picture,
    ["red", "big", evil, "<end>"],
    [[0.04, 0.93, 0.02, 0.01], [0.6, 0.3, 0.1, 0], [0.25, 0.25, 0.25, 0.25], [0, 0, 0, 0]],
    [1, 1, None],
    ["red", evil, evil, "<end>"],
    title="Where each word looks",
)
"""
HIT = "'red': 0.93 on row 1, column 2, the cell that holds it"
MISS = (
    "'big': 0.60 on row 1, column 1; 0.30 on row 1, column 2, the cell that holds it; "
    f"the model says '{EVIL}'"
)
EVEN = f"'{EVIL}': 0.25 on row 1, column 1; no cell holds it"
NOWHERE = "'<end>' looks nowhere; no cell holds it"


class Shown:
    """The page with the widget run, and the widget's parts."""

    def __init__(self, notebook: object) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page
        self.root: Locator = self.page.locator(".am-root")
        self.slider: Locator = self.root.locator("input[type=range]")
        self.words: Locator = self.root.get_by_role("group").get_by_role("button")

    def says(self, text: str) -> None:
        expect(self.root.locator(".am-readout")).to_have_text(text)

    def pressed(self) -> list[int]:
        return [
            t
            for t, word in enumerate(self.words.all())
            if word.get_attribute("aria-pressed") == "true"
        ]

    def veil(self) -> list[float]:
        cells = self.root.locator(".am-dark rect").all()
        return [float(cell.get_attribute("fill-opacity")) for cell in cells]


@pytest.fixture(scope="module", params=["Light", "Dark"])
def opened(request: object, lab: object, open_notebook: Callable[..., object]) -> Shown:
    lab.theme(f"JupyterLab {request.param}")
    name = f"picture_{request.param}.ipynb"
    lab.write(name, [nbformat.v4.new_code_cell(text) for text in (SETUP, "view")])
    notebook = open_notebook(name)
    notebook.run_all(2)
    notebook.page.wait_for_selector(".am-root")
    return Shown(notebook)


@pytest.fixture
def shown(opened: Shown) -> Shown:
    """The widget at its first word, the pointer elsewhere."""
    opened.page.mouse.move(1, 1)
    opened.slider.fill("1")
    opened.slider.fill("0")
    opened.says(HIT)
    return opened


def test_the_veil_is_clear_where_the_word_looks(shown: Shown) -> None:
    assert shown.veil() == pytest.approx(
        [VEIL * (1 - w) for w in (0.04, 0.93, 0.02, 0.01)], abs=1e-3
    )
    expect(shown.root.locator(".am-numbers text")).to_have_text(["", "0.93", "", ""])
    shown.words.nth(1).click()
    shown.says(MISS)
    assert shown.veil() == pytest.approx([VEIL * (1 - w) for w in (0.6, 0.3, 0.1, 0)], abs=1e-3)
    expect(shown.root.locator(".am-numbers text")).to_have_text(["0.60", "0.30", "0.10", ""])
    picture = shown.root.locator(".am-looks")
    assert MISS in picture.get_attribute("aria-label")
    assert picture.bounding_box()["width"] == pytest.approx(420)


def test_the_gold_cell_is_outlined_for_words_that_have_one(shown: Shown) -> None:
    outline = shown.root.locator(".am-looks .am-gold")
    gold, cell = outline.bounding_box(), shown.root.locator("[data-cell='1']").bounding_box()
    assert all(abs(gold[side] - cell[side]) < 8 for side in ("x", "y", "width", "height"))
    colour = "(node) => getComputedStyle(node).stroke"
    assert outline.evaluate(colour) == "rgb(213, 94, 0)"
    shown.words.nth(2).click()
    expect(outline).to_be_hidden()
    shown.words.nth(1).click()
    expect(outline).to_be_visible()


def test_keys_go_through_the_words_and_no_further(shown: Shown) -> None:
    cells = shown.page.locator(".jp-Cell").count()
    shown.words.nth(0).focus()
    keys = shown.page.keyboard
    for key, text, at in (
        ("ArrowLeft", HIT, 0),
        ("ArrowRight", MISS, 1),
        ("ArrowDown", EVEN, 2),
        ("End", NOWHERE, 3),
        ("ArrowRight", NOWHERE, 3),
        ("ArrowUp", EVEN, 2),
        ("Home", HIT, 0),
    ):
        keys.press(key)
        shown.says(text)
        assert shown.pressed() == [at]  # one thing highlighted at a time
        expect(shown.words.nth(at)).to_be_focused()
        assert shown.slider.input_value() == str(at)
    tabs = [word.get_attribute("tabindex") for word in shown.words.all()]
    assert tabs == ["0", "-1", "-1", "-1"]
    for key in ("d", "d", "b", "x"):  # in command mode these delete, add and cut cells
        keys.press(key)
    assert shown.page.locator(".jp-Cell").count() == cells


def test_the_slider_steps_through_the_words(shown: Shown) -> None:
    shown.slider.focus()
    shown.page.keyboard.press("ArrowRight")
    shown.says(MISS)
    assert shown.slider.get_attribute("aria-valuetext") == MISS
    expect(shown.root.locator(".am-count")).to_have_text("2 of 4")
    assert shown.pressed() == [1]
    shown.page.keyboard.press("End")
    shown.says(NOWHERE)
    assert shown.veil() == [VEIL] * 4


def test_hovering_shows_a_word_and_lets_go_of_it(shown: Shown) -> None:
    shown.words.nth(1).hover()
    shown.says(MISS)
    assert shown.pressed() == [1]
    shown.page.mouse.move(1, 1)
    shown.says(HIT)
    assert shown.pressed() == [0]


def test_marks_do_not_rely_on_colour(shown: Shown) -> None:
    expect(shown.words).to_have_text(["red", f"big ▲ ✗ {EVIL}", EVIL, "<end>"])
    spoken = f"big, looks most at another cell, the model says {EVIL}"
    assert shown.words.nth(1).get_attribute("aria-label") == spoken
    expect(shown.root.locator(".am-legend")).to_contain_text("▲ looks most at another cell")
    expect(shown.root.locator(".am-legend")).to_contain_text("the cell that holds the word")


def test_every_control_keeps_its_keys_and_words_stay_words(shown: Shown) -> None:
    controls = shown.root.locator("button, input, [tabindex]")
    assert controls.count() == 5
    expect(shown.root.locator("[data-lm-suppress-shortcuts]")).to_have_count(5)
    assert shown.page.evaluate("() => window.stolen") is None
    assert shown.root.locator("script").count() == 0
    assert shown.notebook.outside() == []
    assert shown.notebook.errors == []


def test_an_untrusted_notebook_shows_picture_and_table(
    lab: object, open_notebook: Callable[..., object]
) -> None:
    namespace: dict[str, object] = {}
    exec(SETUP, namespace)
    view = namespace["view"]
    assert isinstance(view, Looks)
    data, _ = view._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    cell = nbformat.v4.new_code_cell("view", outputs=[output], execution_count=1)
    lab.theme("JupyterLab Dark")
    lab.write("picture_untrusted.ipynb", [cell])
    notebook = open_notebook("picture_untrusted.ipynb")
    picture = notebook.page.locator(".jp-OutputArea-output img")
    expect(picture).to_have_attribute("alt", f"Picture with the caption: red big {EVIL} <end>")
    assert picture.evaluate("(image) => image.naturalWidth") == 40
    assert picture.bounding_box()["width"] == 240
    rows = notebook.page.locator(".jp-OutputArea-output tbody tr")
    expect(rows).to_have_count(4)
    assert rows.nth(1).locator("th, td").all_text_contents() == [
        "big",
        "0.60",
        "row 1, column 1",
        "row 1, column 2 ▲",
        f"✗ {EVIL}",
    ]
    assert notebook.page.locator(".am-root").count() == 0
    assert notebook.page.evaluate("() => window.stolen") is None
    assert notebook.outside() == []
