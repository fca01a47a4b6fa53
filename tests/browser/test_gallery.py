"""Maps of two models by construction, in a real JupyterLab: keys, marks, themes, hostile words."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.explorer import AttentionGallery

pytestmark = pytest.mark.browser

EVIL = "<script>window.stolen = 1</script>"
SETUP = f"""\
import numpy as np
from helpers.explorer import Example, Reading, compare

def pointing(looks, columns):
    weights = np.full((len(looks), columns), 0.08 / (columns - 1))
    weights[np.arange(len(looks)), looks] = 0.92
    return weights

def example(source, target, tags, sure, possible, one, two, said):
    readings = {{
        "additive": Reading(pointing(one, len(source)), target),
        "scaled dot": Reading(pointing(two, len(source)), said),
    }}
    return Example(source, target, tags, sure, {{*sure, *possible}}, readings)

evil = "{EVIL}"
cat = ["le", "chat", "noir", "dort", ".", "<end>"]
said = ["le", "chat", "blanc", "dort", ".", "<end>"]
links = [(0, 0), (2, 1), (1, 2), (3, 3), (4, 4)]
sleeps = [0, 2, 1, 3, 4, 4]
view = compare(
    [
        example(["the", "black", "cat", "sleeps", "."], cat, ["adjective-after"], links, [],
                sleeps, [0, 1, 4, 3, 4, 4], said),
        example(["it", "does", "not", evil], ["il", "ne", "dort", "pas", "<end>"], ["negation"],
                [(0, 0), (2, 1), (3, 2), (2, 3)], [(1, 1)], [0, 1, 3, 2, 3], [0, 2, 3, 2, 3],
                ["il", "ne", evil, "pas", "<end>"]),
        example(["it", "sleeps"], ["il", "dort", "<end>"], ["negation"], [(0, 0), (1, 1)], [],
                [0, 1, 1], [0, 1, 1], ["il", "dort", "<end>"]),
    ],
    title="Two models",
)
"""
LONG = """\
words = [f"w{i}" for i in range(34)]
target, links = [*words[1:], "<end>"], [(i, i) for i in range(34)]
both = {"a": Reading(np.eye(34), target), "b": Reading(np.eye(34)[::-1], target)}
compare([Example(words, target, [], links, [], both)], height=400)
"""


class Gallery:
    """The page with the widgets run, and the first widget's element and parts."""

    def __init__(self, notebook: object) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page
        self.root: Locator = self.page.locator(".am-root").first
        self.group: Locator = self.root.get_by_label("Construction")
        self.sentence: Locator = self.root.get_by_label("Sentence", exact=True)
        self.stage: Locator = self.root.locator(".am-stage")

    def says(self, *lines: str) -> None:
        expect(self.root.locator(".am-readout")).to_have_text(" ".join(lines))

    def panel(self, place: int) -> Locator:
        return self.root.locator(".am-panel").nth(place)

    def lit(self, place: int) -> list[str]:
        return self.panel(place).locator(".am-word.am-on").all_text_contents()

    def marks(self, place: int) -> list[str]:
        return self.panel(place).locator(".am-side .am-mark").all_text_contents()


NOTHING = "Point at a word or a cell to read its weights in every map."


@pytest.fixture(scope="module", params=["Light", "Dark"])
def opened(request: object, lab: object, open_notebook: Callable[..., object]) -> Gallery:
    lab.theme(f"JupyterLab {request.param}")
    name = f"gallery_{request.param}.ipynb"
    lab.write(name, [nbformat.v4.new_code_cell(text) for text in (SETUP, "view", LONG)])
    notebook = open_notebook(name)
    notebook.run_all(3)
    notebook.page.wait_for_selector(".am-root")
    return Gallery(notebook)


@pytest.fixture
def gallery(opened: Gallery) -> Gallery:
    """The widget at its first sentence, nothing highlighted, the maps in focus."""
    opened.page.mouse.move(5, 5)
    opened.group.select_option(index=1)  # so that the next line is a change
    opened.group.select_option(index=0)
    opened.stage.focus()
    opened.says(NOTHING)
    return opened


def test_both_maps_follow_the_pointer(gallery: Gallery) -> None:
    gallery.panel(1).locator("[data-t='2']").hover()
    gallery.says(
        "step 3: 'noir' looks at",
        "additive: 'black' 0.92 (● on a sure link)",
        "scaled dot: '.' 0.92 (▲ far from any linked word); says 'blanc'",
    )
    assert gallery.lit(0) == gallery.lit(1) == ["noir"]
    cell = gallery.panel(0).locator(".am-cells > g").first.locator("rect").nth(1 * 5 + 2)
    cell.hover(force=True)
    gallery.says(
        "step 2: 'chat' gives 'cat', a gold link",
        "additive: 0.92; most on 'cat' (● on a sure link)",
        "scaled dot: 0.02; most on 'black' (△ next to a linked word)",
    )
    assert gallery.lit(0) == gallery.lit(1) == ["cat", "chat"]
    gallery.panel(0).locator("[data-s='1']").hover()
    gallery.says("'black' is looked at by", "additive: 'noir' 0.92", "scaled dot: 'chat' 0.92")
    gallery.page.mouse.move(5, 5)
    gallery.says(NOTHING)


def test_keyboard_alone_is_enough(gallery: Gallery) -> None:
    page, cells = gallery.page, gallery.page.locator(".jp-Cell").count()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    gallery.says(
        "step 3: 'noir' gives 'black', a gold link (pinned; Escape lets go)",
        "additive: 0.92; most on 'black' (● on a sure link)",
        "scaled dot: 0.02; most on '.' (▲ far from any linked word); says 'blanc'",
    )
    assert gallery.lit(0) == gallery.lit(1) == ["black", "noir"]
    gallery.panel(0).locator("[data-t='0']").hover()
    assert gallery.lit(1) == ["black", "noir"]  # pinned
    page.mouse.move(5, 5)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+End")
    assert gallery.lit(1) == [".", "<end>"]
    page.keyboard.press("Escape")
    gallery.says(NOTHING)
    for key in ("d", "d", "b", "m", "x"):  # in command mode these delete, add and cut cells
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    # Backwards through the controls: marks, gold links, next, previous, sentence, construction.
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(gallery.root.get_by_role("button", name="Marks")).to_have_attribute(
        "aria-pressed", "false"
    )
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(gallery.root.locator(".am-count")).to_have_text("2 of 3")
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("n")  # the first construction that begins with n
    expect(gallery.group).to_have_value("5")
    expect(gallery.root.locator(".am-count")).to_have_text("1 of 2")
    assert page.locator(".jp-Cell").count() == cells


def test_a_sentence_is_chosen_by_construction(gallery: Gallery) -> None:
    assert gallery.group.locator("option").all_text_contents() == [
        "all (3)",
        "word wrong or off gold (2)",
        "with a wrong word (2)",
        "sharp and wrong (1)",
        "adjective-after (1)",
        "negation (2)",
    ]
    gallery.group.select_option(label="negation (2)")
    assert gallery.sentence.locator("option").all_text_contents() == [
        f"1. it does not {EVIL}",
        "2. it sleeps",
    ]
    expect(gallery.root.locator(".am-tags")).to_have_text("Constructions: negation")
    assert gallery.panel(0).locator(".am-query").all_text_contents()[1] == "ne"
    back = gallery.root.get_by_role("button", name="previous sentence")
    onward = gallery.root.get_by_role("button", name="next sentence")
    assert back.get_attribute("aria-disabled") == "true"
    for _ in range(3):
        onward.click(force=True)
    assert onward.get_attribute("aria-disabled") == "true"
    expect(gallery.sentence).to_have_value("1")
    assert gallery.panel(1).locator(".am-query").all_text_contents() == ["il", "dort", "<end>"]
    gallery.sentence.select_option(index=0)
    expect(gallery.root.locator(".am-count")).to_have_text("1 of 2")


def test_marks_and_links_appear_and_can_be_put_away(gallery: Gallery) -> None:
    assert gallery.marks(0) == ["●", "●", "●", "●", "●", "–"]
    assert gallery.marks(1) == ["●", "△!", "▲!", "●", "●", "–"]
    assert gallery.panel(0).locator(".am-said").count() == 0
    assert gallery.panel(1).locator(".am-said").all_text_contents() == ["✗ blanc"]
    expect(gallery.root.locator(".am-mark-keys")).to_contain_text("△ next to a linked word")
    expect(gallery.panel(1).locator("figcaption")).to_contain_text("5 of 6 words right")
    said = gallery.panel(1).locator(".am-said").bounding_box()
    noir = gallery.panel(1).locator("[data-t='2']").bounding_box()
    assert said["x"] + said["width"] < noir["x"] + noir["width"]
    assert abs(said["y"] + said["height"] / 2 - noir["y"] - noir["height"] / 2) < 6
    gallery.group.select_option(label="negation (2)")
    assert gallery.marks(0)[1] == "○" and gallery.marks(1)[1] == "●"
    dashed = gallery.panel(0).locator(".am-cells .am-gold.am-possible")
    expect(dashed).to_have_count(1)
    assert dashed.evaluate("(mark) => getComputedStyle(mark).strokeDasharray") != "none"
    solid = gallery.panel(0).locator(".am-cells .am-gold:not(.am-possible)")
    expect(solid).to_have_count(4)
    gallery.root.get_by_role("button", name="Gold links").click()
    expect(solid.first).to_be_hidden()
    gallery.root.get_by_role("button", name="Gold links").click()
    expect(solid.first).to_be_visible()
    gallery.root.get_by_role("button", name="Marks").click()
    expect(gallery.panel(1).locator(".am-said")).to_be_hidden()
    gallery.panel(1).locator("[data-t='2']").hover()
    assert "says" not in gallery.root.locator(".am-readout").text_content()
    gallery.root.get_by_role("button", name="Marks").click()
    expect(gallery.panel(1).locator(".am-said")).to_be_visible()


def test_maps_stand_side_by_side_or_one_over_the_other(gallery: Gallery) -> None:
    left, right = (gallery.panel(place).bounding_box() for place in (0, 1))
    assert left["y"] == pytest.approx(right["y"], abs=2) and right["x"] > left["x"] + 200
    gallery.page.set_viewport_size({"width": 760, "height": 1600})
    gallery.page.wait_for_function(
        "() => { const [a, b] = [...document.querySelectorAll('.am-root')][0]"
        ".querySelectorAll('.am-panel'); return b.offsetTop > a.offsetTop + 50; }"
    )
    cells = [gallery.panel(place).locator(".am-cells").bounding_box() for place in (0, 1)]
    assert cells[0]["x"] == pytest.approx(cells[1]["x"], abs=1)  # columns stay in line
    gallery.page.set_viewport_size({"width": 1400, "height": 1600})


def test_text_can_be_read_on_this_theme(gallery: Gallery) -> None:
    style = "(node, name) => getComputedStyle(node)[name].match(/[0-9.]+/g).slice(0, 3).map(Number)"
    paper = gallery.root.evaluate(style, "backgroundColor")
    for selector in (".am-side .am-query:not(.am-on) text", ".am-said", ".am-mark-off"):
        ink = gallery.panel(1).locator(selector).first.evaluate(style, "fill")
        least = 3 if selector == ".am-mark-off" else 7  # 3 for marks, as for large text
        assert contrast(ink, paper) >= least, selector


def contrast(first: list[float], second: list[float]) -> float:
    def luminance(colour: list[float]) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (channel / 255 for channel in colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def test_every_control_keeps_its_keys_and_words_stay_words(gallery: Gallery) -> None:
    gallery.group.select_option(label="negation (2)")
    expect(gallery.panel(0).locator("[data-s='3']")).to_have_text(EVIL)
    assert gallery.panel(1).locator(".am-said").all_text_contents() == [f"✗ {EVIL}"]
    controls = gallery.root.locator("button, select, [tabindex]")
    assert controls.count() == 7
    expect(gallery.root.locator("[data-lm-suppress-shortcuts]")).to_have_count(7)
    assert gallery.page.evaluate("() => window.stolen") is None
    assert gallery.root.locator("script").count() == 0
    assert gallery.notebook.outside() == []
    assert gallery.notebook.errors == []


def test_long_maps_scroll_together_with_the_keys(gallery: Gallery) -> None:
    root = gallery.page.locator(".am-root").nth(1)
    root.scroll_into_view_if_needed()
    root.locator(".am-stage").focus()
    gallery.page.keyboard.press("Home")
    gallery.page.keyboard.press("Control+End")
    for place in (0, 1):
        scroll = root.locator(".am-scroll").nth(place).bounding_box()
        cursor = root.locator(".am-cursor").nth(place).bounding_box()
        assert scroll["height"] <= 401
        assert cursor["y"] + cursor["height"] <= scroll["y"] + scroll["height"] + 1
        assert cursor["x"] + cursor["width"] <= scroll["x"] + scroll["width"] + 1


def test_an_untrusted_notebook_shows_the_tables(
    lab: object, open_notebook: Callable[..., object]
) -> None:
    namespace: dict[str, object] = {}
    exec(SETUP, namespace)
    view = namespace["view"]
    assert isinstance(view, AttentionGallery)
    data, _ = view._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    cell = nbformat.v4.new_code_cell("view", outputs=[output], execution_count=1)
    lab.theme("JupyterLab Dark")
    lab.write("gallery_untrusted.ipynb", [cell])
    notebook = open_notebook("gallery_untrusted.ipynb")
    tables = notebook.page.locator(".jp-OutputArea-output table")
    expect(tables).to_have_count(4)
    noir = tables.nth(1).locator("tbody tr").nth(2)
    assert noir.locator("th[scope=row]").text_content() == "noir"
    assert noir.locator("td").last.text_content() == "▲! ✗ blanc"
    assert noir.locator("td[title='gold link']").count() == 1
    # The second sentence is folded, so that the still view is not several screens tall.
    expect(tables.nth(1)).to_be_visible()
    expect(tables.nth(2)).to_be_hidden()
    notebook.page.locator(".jp-OutputArea-output summary").click()
    expect(tables.nth(2)).to_be_visible()
    dashed = tables.nth(2).locator("td[title='possible link']")
    assert dashed.evaluate("(td) => getComputedStyle(td).borderTopStyle") == "dashed"
    expect(tables.nth(3)).to_contain_text(EVIL)
    assert notebook.page.locator(".am-root").count() == 0
    assert notebook.page.evaluate("() => window.stolen") is None
    assert notebook.outside() == []
