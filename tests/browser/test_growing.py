"""The sentence that grows, in a real JupyterLab: slider, bars, marks, and where nothing runs."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explorer import GrowingSentence

pytestmark = pytest.mark.browser

EVIL = "<script>window.stolen = 1</script>"
SETUP = f"""\
from helpers.explorer import GrowingSentence, Grown

evil = "{EVIL}"
view = GrowingSentence(
    [
        Grown(["the", "cat"], ["le", "chat", "<end>"], ["le", "chat"]),
        Grown(["the", "cat", "sleeps"], ["le", "chien", "dort", "<end>"], ["le", "chat", "dort"]),
        Grown(
            ["the", "cat", "sleeps", "and", evil],
            ["le", evil, "la", "la"],
            ["le", "chat", "dort", "et", "chante"],
        ),
    ],
    title="A sentence grows",
)
"""


class Growing:
    """The page with the widget run, and the widget's element."""

    def __init__(self, notebook: object) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page
        self.root: Locator = self.page.locator(".am-root")
        self.slider: Locator = self.root.locator("input[type=range]")

    def says(self, text: str) -> None:
        expect(self.root.locator(".am-readout")).to_have_text(text)

    def marks(self, kind: str) -> list[str]:
        return self.root.locator(f".am-{kind}").all_text_contents()


@pytest.fixture(scope="module")
def opened(lab: object, open_notebook: Callable[..., object]) -> Growing:
    lab.theme("JupyterLab Light")
    lab.write("growing.ipynb", [nbformat.v4.new_code_cell(text) for text in (SETUP, "view")])
    notebook = open_notebook("growing.ipynb")
    notebook.run_all(2)
    notebook.page.wait_for_selector(".am-root")
    return Growing(notebook)


@pytest.fixture
def growing(opened: Growing) -> Growing:
    """The widget at its first length, the slider in focus."""
    opened.slider.fill("0")
    opened.slider.focus()
    return opened


def test_keys_move_the_slider_and_mark_the_words(growing: Growing) -> None:
    cells = growing.page.locator(".jp-Cell").count()
    growing.says("2 words: every word right")
    assert growing.marks("slip") == growing.marks("missed") == []
    growing.page.keyboard.press("ArrowRight")
    growing.says("3 words: 2 of 3 words found, 1 wrong")
    assert growing.marks("slip") == ["wrong: chien"]
    assert growing.marks("missed") == ["missed: chat"]
    assert growing.marks("fresh") == ["new: sleeps"]
    growing.page.keyboard.press("End")
    growing.says("5 words: 1 of 5 words found, 3 wrong, did not stop")
    assert growing.slider.get_attribute("aria-valuetext").startswith("5 words, 1 of 5")
    assert growing.marks("slip")[0] == f"wrong: {EVIL}"
    growing.page.keyboard.press("Home")
    growing.says("2 words: every word right")
    for key in ("d", "d", "b", "x"):  # in command mode these delete, add and cut cells
        growing.page.keyboard.press(key)
    assert growing.page.locator(".jp-Cell").count() == cells


def test_marks_do_not_rely_on_colour(growing: Growing) -> None:
    growing.page.keyboard.press("ArrowRight")
    look = "(node) => ({ ...getComputedStyle(node) })"
    slip, missed, fresh = (
        growing.root.locator(f".am-{kind}").first.evaluate(look)
        for kind in ("slip", "missed", "fresh")
    )
    assert slip["textDecorationLine"] == "line-through"
    assert missed["outlineStyle"] == "dashed"
    assert fresh["borderBottomStyle"] == "dotted"
    spoken = growing.root.locator(".am-slip .am-spoken").bounding_box()
    assert spoken["width"] <= 1  # for screen readers only


def test_buttons_stop_at_both_ends(growing: Growing) -> None:
    shorter = growing.root.get_by_role("button", name="shorter sentence")
    longer = growing.root.get_by_role("button", name="longer sentence")
    assert shorter.get_attribute("aria-disabled") == "true"
    for _ in range(4):
        longer.click(force=True)
    growing.says("5 words: 1 of 5 words found, 3 wrong, did not stop")
    assert longer.get_attribute("aria-disabled") == "true"
    shorter.click()
    growing.says("3 words: 2 of 3 words found, 1 wrong")
    assert growing.slider.input_value() == "1"


def test_bars_fall_and_can_be_clicked(growing: Growing) -> None:
    bars = growing.root.get_by_role("group", name="lengths").get_by_role("button")
    expect(bars).to_have_count(3)
    assert bars.nth(1).get_attribute("aria-label") == "3 words: 2 of 3 words found, 1 wrong"
    tall = [bars.nth(i).locator(".am-found").bounding_box()["height"] for i in range(3)]
    assert [height / tall[0] for height in tall] == pytest.approx([1, 2 / 3, 1 / 5], abs=0.02)
    bars.nth(2).click()
    growing.says("5 words: 1 of 5 words found, 3 wrong, did not stop")
    pressed = [bars.nth(i).get_attribute("aria-pressed") for i in range(3)]
    assert pressed == ["false", "false", "true"]


def test_every_control_keeps_its_keys_and_words_stay_words(growing: Growing) -> None:
    growing.page.keyboard.press("End")
    controls = growing.root.locator("button, input, [tabindex]")
    assert controls.count() == 6
    expect(growing.root.locator("[data-lm-suppress-shortcuts]")).to_have_count(6)
    assert growing.page.evaluate("() => window.stolen") is None
    assert growing.root.locator("script").count() == 0
    assert growing.notebook.outside() == []
    assert growing.notebook.errors == []


def test_a_redraw_takes_a_few_milliseconds(growing: Growing) -> None:
    took = growing.slider.evaluate(
        """(slider) => {
          const times = [];
          for (let i = 0; i < 60; i++) {
            const start = performance.now();
            slider.value = i % 3;
            slider.dispatchEvent(new Event("input"));
            slider.getBoundingClientRect(); // forces style and layout
            times.push(performance.now() - start);
          }
          return times.sort((a, b) => a - b)[30];
        }"""
    )
    print(f"median redraw of a sentence: {took:.2f} ms")
    assert took < 50  # generous, because this machine may be busy


def test_an_untrusted_notebook_shows_the_table(
    lab: object, open_notebook: Callable[..., object]
) -> None:
    namespace: dict[str, object] = {}
    exec(SETUP, namespace)
    view = namespace["view"]
    assert isinstance(view, GrowingSentence)
    data, _ = view._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    cell = nbformat.v4.new_code_cell("view", outputs=[output], execution_count=1)
    lab.theme("JupyterLab Dark")
    lab.write("growing_untrusted.ipynb", [cell])
    notebook = open_notebook("growing_untrusted.ipynb")
    rows = notebook.page.locator(".jp-OutputArea-output tbody tr")
    expect(rows).to_have_count(3)
    assert rows.nth(1).locator("th, td").all_text_contents() == [
        "3",
        "the cat sleeps",
        "le chien\N{NO-BREAK SPACE}✗ dortright: le chat dort",  # below each other
        "2 of 3 words found, 1 wrong",
    ]
    expect(rows.nth(2)).to_contain_text(EVIL)
    line = rows.nth(1).locator("b").evaluate("(b) => getComputedStyle(b).borderBottomColor")
    assert line == "rgb(213, 94, 0)"
    assert notebook.page.locator(".am-root").count() == 0
    assert notebook.page.evaluate("() => window.stolen") is None
    assert notebook.outside() == []
