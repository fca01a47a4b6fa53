"""The widgets in a real JupyterLab: pointer, keyboard, text box, and a notebook not trusted."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

SETUP = """\
import time
from types import SimpleNamespace
import numpy as np
from helpers.explorer import TranslatorBox, explore

source = ["the", "black", "cat", "<script>window.stolen = 1</script>", "."]
target = ["le", "chat", "noir", "dort", ".", "<end>"]
weights = np.full((6, 5), 0.02)
for t, s in enumerate([0, 2, 1, 3, 4, 4]):
    weights[t, s] = 0.92
gold = [(0, 0), (2, 1), (1, 2)]
known = ["<pad>", "the", "cat", "Zoe"]

def translate(text):
    words = text.split()
    if not words:
        raise ValueError("there is no word in this sentence")
    if "zebra" in words:
        raise ValueError("not in the vocabulary: 'zebra'")
    if "slow" in words:
        time.sleep(0.6)
    if "boom" in words:
        raise RuntimeError("out of <b>order</b>")
    made = [word.upper() for word in words] + ["<end>"]
    return SimpleNamespace(source=words, target=made, weights=np.eye(len(made), len(words)))
"""
EVIL = "<script>window.stolen = 1</script>"
WIDGETS = {
    "map": "explore(weights, target, source, gold=gold, possible=[(3, 3)], title='A map')",
    "heads": "explore(np.stack([[weights, weights[::-1]]]), target, source)",
    "box": "TranslatorBox(translate, ['the cat .', 'a dog .'], words=known)",
}
LONG = """\
words = [f"w{i}" for i in range(34)]
explore(np.eye(34), words, words, height=300)
"""


class Widgets:
    """The page with every widget run, and each widget's element by name."""

    def __init__(self, notebook: object) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page

    def __getitem__(self, name: str) -> Locator:
        place = [*WIDGETS, "long"].index(name)
        root = self.page.locator(".jp-OutputArea-output > div .am-root:not(.am-root .am-root)")
        widget = root.nth(place)
        widget.scroll_into_view_if_needed()
        return widget


@pytest.fixture(scope="module")
def widgets(lab: object, open_notebook: Callable[..., object]) -> Widgets:
    sources = [SETUP, *WIDGETS.values(), LONG]
    lab.theme("JupyterLab Light")
    lab.write("widgets.ipynb", [nbformat.v4.new_code_cell(text) for text in sources])
    notebook = open_notebook("widgets.ipynb")
    notebook.run_all(len(sources))
    notebook.page.wait_for_selector(".am-root .am-root", state="attached")
    return Widgets(notebook)


def cell(widget: Locator, t: int, s: int) -> dict[str, float]:
    """Return the middle of a cell of the map, from the corner of its drawing."""
    box = widget.locator(".am-cells rect").nth(t * 5 + s)
    at = {name: float(box.get_attribute(name)) for name in ("x", "y", "width", "height")}
    return {"x": at["x"] + at["width"] / 2, "y": at["y"] + at["height"] / 2}


def says(widget: Locator, text: str) -> None:
    expect(widget.locator(".am-readout").last).to_have_text(text)


def lit(widget: Locator) -> list[str]:
    """Return the words of the map that are highlighted."""
    return widget.locator(".am-grid .am-word.am-on").all_text_contents()


@pytest.fixture(autouse=True)
def fresh(widgets: Widgets) -> None:
    """Let go of whatever the test before has pinned, and move the pointer away."""
    widgets.page.mouse.move(5, 5)
    for name in ("map", "heads"):
        slider = widgets[name].locator("input[type=range]")
        slider.fill("1")
        slider.fill("0")


# ---------------------------------------------------------------- the map


def test_hover_reads_a_cell_without_the_kernel(widgets: Widgets) -> None:
    def asked() -> list[str]:  # JupyterLab saves its layout and lists files whenever it likes
        own = ("/api/workspaces/", "/api/contents")
        return [url for url in widgets.notebook.requests if not any(word in url for word in own)]

    widget, before = widgets["map"], asked()
    widget.locator(".am-cells").hover(position=cell(widget, 1, 2))
    says(widget, "step 2: 'chat' gives 'cat' 0.92, a gold link")
    assert lit(widget) == ["cat", "chat"]
    widget.locator(".am-cells").hover(position=cell(widget, 3, 3))
    says(widget, f"step 4: 'dort' gives '{EVIL}' 0.92, a possible link")
    widgets.page.mouse.move(5, 5)
    says(widget, "Point at a word or a cell to read its weights.")
    assert lit(widget) == []
    assert asked() == before


def test_hover_over_words_reads_rows_and_columns(widgets: Widgets) -> None:
    widget = widgets["map"]
    widget.get_by_role("button", name="Both").click()
    widget.locator(".am-grid [data-t='2']").hover()
    says(widget, "step 3: 'noir' looks at 'black' 0.92")
    widget.locator(".am-grid [data-s='4']").hover()
    says(widget, "'.' is looked at by '.' 0.92, '<end>' 0.92")
    # The lines are linked: a word there lights up the same word in the map.
    widget.locator(".am-lines [data-t='0'].am-word").hover()
    assert lit(widget) == ["le"]
    on = widget.locator(".am-bands path.am-on")
    assert {on.nth(i).get_attribute("data-t") for i in range(on.count())} == {"0"}


def test_click_pins_and_escape_lets_go(widgets: Widgets) -> None:
    widget = widgets["map"]
    widget.locator(".am-cells").click(position=cell(widget, 0, 0))
    pinned = "step 1: 'le' gives 'the' 0.92, a gold link  (pinned; Escape lets go)"
    says(widget, pinned)
    widget.locator(".am-cells").hover(position=cell(widget, 4, 4))
    says(widget, pinned)
    widgets.page.keyboard.press("Escape")
    widget.locator(".am-cells").hover(position=cell(widget, 5, 4))
    says(widget, "step 6: '<end>' gives '.' 0.92")
    widget.locator(".am-cells").click(position=cell(widget, 5, 4))
    widget.locator(".am-cells").click(position=cell(widget, 5, 4))
    assert "pinned" not in widget.locator(".am-readout").text_content()


def test_keys_move_pin_and_are_not_stolen(widgets: Widgets) -> None:
    widget, page = widgets["map"], widgets.page
    selected = "() => jupyterapp.shell.currentWidget.content.activeCellIndex"
    widget.locator(".am-stage").focus()
    page.keyboard.press("Home")
    active = page.evaluate(selected)
    says(widget, "step 1: 'le' gives 'the' 0.92, a gold link")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    says(widget, "step 3: 'noir' gives 'black' 0.92, a gold link")
    page.keyboard.press("Enter")
    assert widget.locator(".am-readout").text_content().endswith("(pinned; Escape lets go)")
    page.keyboard.press("End")
    assert lit(widget) == [".", "noir"]
    page.keyboard.press("Control+End")
    assert lit(widget) == [".", "<end>"]
    page.keyboard.press("ArrowDown")  # the edge holds
    assert lit(widget) == [".", "<end>"]
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowUp")
    assert lit(widget) == ["the", "le"]
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert lit(widget) == []
    # In command mode these keys would delete, add and change cells.
    cells = page.locator(".jp-Cell").count()
    for key in ("d", "d", "b", "m", "x"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    assert page.evaluate(selected) == active


def test_the_slider_walks_through_the_steps(widgets: Widgets) -> None:
    widget, page = widgets["map"], widgets.page
    slider = widget.locator("input[type=range]")
    slider.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    says(widget, "step 2: 'chat' looks at 'cat' 0.92")
    assert lit(widget) == ["chat"]
    assert slider.get_attribute("aria-valuetext") == "step 2 of 6, chat"
    later = widget.locator(".am-grid .am-later")
    assert later.all_text_contents() == ["noir", "dort", ".", "<end>"]
    future = widget.locator(".am-future").bounding_box()
    row = widget.locator(".am-cells rect").nth(10).bounding_box()
    assert future["y"] == pytest.approx(row["y"], abs=2)
    page.keyboard.press("ArrowLeft")
    says(widget, "step 1: 'le' looks at 'the' 0.92")
    page.keyboard.press("Home")
    says(widget, "Point at a word or a cell to read its weights.")


def test_every_focusable_part_keeps_its_keys(widgets: Widgets) -> None:
    stolen = widgets.page.evaluate(
        "() => [...document.querySelectorAll('.am-root')].flatMap((root) =>"
        " [...root.querySelectorAll('button, input, select, [tabindex]')])"
        ".filter((node) => !node.hasAttribute('data-lm-suppress-shortcuts'))"
        ".map((node) => node.outerHTML.slice(0, 80))"
    )
    assert stolen == []


def test_focus_can_be_seen_on_a_pressed_button(widgets: Widgets) -> None:
    widget, page = widgets["map"], widgets.page
    pressed = widget.locator(".am-choices [aria-pressed='true']")
    widget.locator("input[type=range]").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
        if pressed.evaluate("(node) => node === document.activeElement"):
            break
    expect(pressed).to_be_focused()
    style = pressed.evaluate("(node) => ({ ...getComputedStyle(node) })")
    assert [style[f"outline{part}"] for part in ("Style", "Width", "Color")] == [
        "solid",
        "3px",
        "rgb(86, 180, 233)",
    ]


def test_heads_are_small_maps_to_choose_from(widgets: Widgets) -> None:
    widget = widgets["heads"]
    expect(widgets["map"].locator(".am-small-map")).to_have_count(0)
    small = widget.locator(".am-small-map")
    expect(small).to_have_count(2)
    assert [small.nth(i).get_attribute("aria-label") for i in (0, 1)] == ["head 1", "head 2"]
    bright = "(node) => node.getContext('2d').getImageData(0, 0, 1, 1).data[0] > 128"
    assert [small.nth(i).locator("canvas").evaluate(bright) for i in (0, 1)] == [True, False]
    numbers = widget.locator(".am-numbers").first
    assert cell_number(numbers, 0) == cell(widget, 0, 0)["x"]
    widget.get_by_role("button", name="head 2").click()
    assert [small.nth(i).get_attribute("aria-pressed") for i in (0, 1)] == ["false", "true"]
    assert cell_number(numbers, 0) == cell(widget, 0, 4)["x"]
    widget.get_by_role("button", name="head 1").click()


def test_a_row_can_have_a_scale_of_its_own(widgets: Widgets) -> None:
    widget = widgets["map"]
    first = widget.locator(".am-cells rect").first
    legend = widget.locator(".am-legend span").first
    plain = first.get_attribute("fill")
    expect(legend).to_have_text("weight 0  1")
    widget.get_by_role("button", name="Scale each row").click()
    expect(legend).to_have_text("weight 0  the row's largest")
    scaled = first.get_attribute("fill")
    assert scaled != plain, "the largest weight of the row, .92, is as bright as the scale goes"
    widget.get_by_role("button", name="Scale each row").click()
    assert first.get_attribute("fill") == plain


def test_map_and_lines_can_be_chosen(widgets: Widgets) -> None:
    widget = widgets["heads"]
    widget.get_by_role("button", name="Lines").click()
    expect(widget.locator(".am-grid")).to_be_hidden()
    expect(widget.locator(".am-lines")).to_be_visible()
    widget.get_by_role("button", name="Both").click()
    expect(widget.locator(".am-grid")).to_be_visible()


def cell_number(numbers: Locator, place: int) -> float:
    return float(numbers.locator("text").nth(place).get_attribute("x"))


def test_a_long_map_scrolls_and_follows_the_keys(widgets: Widgets) -> None:
    widget = widgets["long"]
    widget.locator(".am-stage").focus()
    widgets.page.keyboard.press("Home")
    widgets.page.keyboard.press("Control+End")
    says(widget, "step 34: 'w33' gives 'w33' 1.00")
    scroll = widget.locator(".am-scroll").first
    box, cursor = scroll.bounding_box(), widget.locator(".am-cursor").bounding_box()
    assert box["height"] <= 301
    assert cursor["y"] + cursor["height"] <= box["y"] + box["height"] + 1
    assert cursor["x"] + cursor["width"] <= box["x"] + box["width"] + 1
    head = widget.locator(".am-head").bounding_box()
    assert head["y"] == pytest.approx(box["y"], abs=1)


def test_a_redraw_takes_a_few_milliseconds(widgets: Widgets) -> None:
    widget = widgets["long"]
    took = widget.evaluate(
        """(root) => {
          const cells = root.querySelector(".am-cells");
          const box = cells.getBoundingClientRect();
          const times = [];
          for (let i = 0; i < 60; i++) {
            const at = { clientX: box.x + 20 + (i % 30) * 32, clientY: box.y + 12 + (i % 34) * 27 };
            const start = performance.now();
            cells.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, ...at }));
            cells.getBoundingClientRect(); // forces style and layout
            times.push(performance.now() - start);
          }
          return times.sort((a, b) => a - b)[30];
        }"""
    )
    print(f"median redraw of a 34 by 34 map: {took:.2f} ms")
    # Generous, because this machine may be busy; a redraw of every cell takes far longer.
    assert took < 50


# ---------------------------------------------------------------- the text box


def ask(widget: Locator, page: Page, text: str) -> Locator:
    widget.get_by_label("English sentence").fill(text)
    page.keyboard.press("Enter")
    return widget.locator(".am-answer")


def test_a_typed_sentence_is_translated(widgets: Widgets) -> None:
    widget, page = widgets["box"], widgets.page
    expect(widget.locator(".am-answer")).to_have_text("THE CAT.")
    expect(ask(widget, page, "the <i>dog</i> eats")).to_have_text("THE <I>DOG</I> EATS")
    assert widget.locator(".am-grid [data-s]").all_text_contents() == ["the", "<i>dog</i>", "eats"]
    widget.get_by_role("button", name="a dog .").click()
    expect(widget.locator(".am-answer")).to_have_text("A DOG.")
    expect(widget.get_by_label("English sentence")).to_have_value("a dog .")


def test_the_box_says_that_it_is_busy(widgets: Widgets) -> None:
    widget, page = widgets["box"], widgets.page
    answer = ask(widget, page, "slow dog")
    expect(answer).to_have_text("Translating ...")
    expect(widget).to_have_attribute("aria-busy", "true")
    expect(widget.get_by_role("button", name="Translate")).to_be_disabled()
    expect(answer).to_have_text("SLOW DOG")
    expect(widget).not_to_have_attribute("aria-busy", "true")


def test_faults_get_an_answer_and_the_box_lives_on(widgets: Widgets) -> None:
    widget, page = widgets["box"], widgets.page
    expect(ask(widget, page, "a zebra")).to_have_text("Not in the vocabulary: 'zebra'")
    expect(widget.locator(".am-grid")).to_have_count(0)
    expect(ask(widget, page, "")).to_have_text("There is no word in this sentence")
    wrong = "Something went wrong: RuntimeError: out of <b>order</b>"
    expect(ask(widget, page, "boom")).to_have_text(wrong)
    expect(ask(widget, page, "the dog")).to_have_text("THE DOG")
    expect(widget.get_by_role("button", name="Translate")).to_be_enabled()


def test_the_box_lists_the_words_it_knows(widgets: Widgets) -> None:
    widget = widgets["box"]
    known = widget.locator(".am-known-words button")
    expect(known.first).to_be_hidden()
    widget.get_by_text("The 3 words that it knows").click()
    expect(known).to_have_text(["cat", "the", "Zoe"])
    widget.get_by_label("Find a word that it knows").fill("Z")
    expect(known.locator("visible=true")).to_have_text(["Zoe"])
    field = widget.get_by_label("English sentence")
    field.fill("the")
    known.nth(2).click()
    expect(field).to_have_value("the Zoe")
    expect(field).to_be_focused()


# ---------------------------------------------------------------- safety


def test_words_stay_words_and_nothing_leaves_the_machine(widgets: Widgets) -> None:
    page = widgets.page
    assert page.evaluate("() => window.stolen") is None
    assert page.locator(".am-root script, .am-root i, .am-root img").count() == 0
    assert page.locator(".am-root", has_text=EVIL).count() > 0
    assert widgets.notebook.outside() == []
    assert widgets.notebook.errors == []


def test_an_untrusted_notebook_shows_the_static_views(
    lab: object, open_notebook: Callable[..., object]
) -> None:
    namespace: dict[str, object] = {}
    exec(SETUP, namespace)
    cells = []
    for source in WIDGETS.values():
        data, _ = eval(source, namespace)._repr_mimebundle_()
        output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
        cells.append(nbformat.v4.new_code_cell(source, outputs=[output], execution_count=1))
    lab.theme("JupyterLab Dark")
    lab.write("untrusted.ipynb", cells)
    notebook = open_notebook("untrusted.ipynb")
    page = notebook.page
    outputs = page.locator(".jp-OutputArea-output")
    expect(outputs).to_have_count(len(WIDGETS))
    trusted = "() => jupyterapp.shell.currentWidget.content.widgets[0].model.trusted"
    assert page.evaluate(trusted) is False
    table = outputs.nth(0).locator("table")
    expect(table.locator("caption")).to_contain_text("Rows: 6 target words (queries)")
    assert table.locator("thead th[scope=col]").nth(3).text_content() == EVIL
    chat = table.locator("tbody tr").nth(1)
    assert chat.locator("th[scope=row]").text_content() == "chat"
    marked = chat.locator("td[title='gold link']")
    assert marked.text_content() == "0.92"
    style = marked.evaluate("(td) => ({ ...getComputedStyle(td) })")
    assert style["backgroundColor"] != "rgba(0, 0, 0, 0)"
    assert style["borderTopStyle"] == "solid"
    assert style["borderTopColor"] == "rgb(0, 0, 0)"  # dark, with a light rim, on any shade
    assert style["outlineColor"] == "rgb(255, 255, 255)"
    plain = chat.locator("td").first.evaluate("(td) => getComputedStyle(td).backgroundColor")
    assert plain not in ("rgba(0, 0, 0, 0)", style["backgroundColor"])
    expect(outputs.nth(2)).to_contain_text("THE CAT.")
    assert page.locator(".jp-OutputArea-output svg, .am-root").count() == 0
    assert page.evaluate("() => window.stolen") is None
    assert notebook.outside() == []
