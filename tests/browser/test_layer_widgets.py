"""The layer in numbers, the picture of positions and the mask editor, in a real JupyterLab."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product

import nbformat
import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from helpers.attention import attend, masked_softmax, scaled_dot
from helpers.explorer import AttentionGrid, MaskEditor
from helpers.explorer.base import View
from helpers.explorer.mask_editor import describe
from helpers.models.positions import sinusoidal_positions

pytestmark = pytest.mark.browser

EVIL = "<script>window.stolen = 1</script>"
SETUP = f"""\
import torch
from helpers.explorer import AttentionGrid, MaskEditor, PositionPicture
from helpers.attention import causal_mask
from helpers.models.positions import sinusoidal_positions

evil = "{EVIL}"
grid = AttentionGrid(
    [[1, 0], [0, 2]], [[1, 1], [0, 1], [2, 0]], [[1, 0], [2, 0], [-3, 4]],
    ["le", evil], ["the", "cat", evil], title="A layer",
)
positions = PositionPicture(sinusoidal_positions(32, 8), title=evil)
editor = MaskEditor(
    [[3.0, 1.0, 2.0], [0.0, 1.0986123, 9.0], [1.0, 1.0, 1.0]],
    ["le", "chat", evil], ["le", "chat", evil], causal_mask(3), title="A mask",
)
"""
WIDGETS = ["grid", "positions", "editor"]
READ = "print(editor.mask.int().tolist())"


class Widgets:
    """The page with the three widgets run, and each widget's element by name."""

    def __init__(self, notebook: object) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page

    def __getitem__(self, name: str) -> Locator:
        widget = self.page.locator(".am-root").nth(WIDGETS.index(name))
        widget.scroll_into_view_if_needed()
        return widget

    def press(self, name: str, *keys: str) -> None:
        self[name].locator("[role=application]").focus()
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture(scope="module", params=["Light", "Dark"])
def widgets(request: object, lab: object, open_notebook: Callable[..., object]) -> Widgets:
    lab.theme(f"JupyterLab {request.param}")
    name = f"layers_{request.param}.ipynb"
    lab.write(name, [nbformat.v4.new_code_cell(text) for text in (SETUP, *WIDGETS, READ)])
    notebook = open_notebook(name)
    notebook.run_all(5)
    expect(notebook.page.locator(".am-root")).to_have_count(3)
    return Widgets(notebook)


def says(widget: Locator, *lines: str) -> None:
    for line in lines:
        expect(widget.locator(".am-readout")).to_contain_text(line)


def table(widget: Locator, name: str) -> list[str]:
    return widget.locator(f"td[data-table='{name}']").all_text_contents()


def cell(widget: Locator, name: str, t: int, s: int) -> Locator:
    return widget.locator(f"td[data-table='{name}'][data-t='{t}'][data-s='{s}']")


# ---------------------------------------------------------------- the layer in numbers


@pytest.fixture
def grid(widgets: Widgets) -> Locator:
    widgets["grid"].get_by_role("button", name="Given numbers").click()
    cell(widgets["grid"], "Q", 0, 0).click()
    return widgets["grid"]


def moved(widget: Locator, name: str) -> list[tuple[int, int]]:
    found = widget.locator(f"td[data-table='{name}']:is(.am-up, .am-down)")
    return [
        (int(one.get_attribute("data-t")), int(one.get_attribute("data-s"))) for one in found.all()
    ]


def test_a_value_moves_the_output_only(grid: Locator) -> None:
    assert table(grid, "E") == ["0.71", "0.00", "1.41", "1.41", "1.41", "0.00"]
    assert table(grid, "A") == ["0.28", "0.14", "0.58", "0.45", "0.45", "0.11"]
    cell(grid, "V", 2, 0).click()
    slider = grid.get_by_label("V[2, 0]")
    slider.fill("4")
    assert [moved(grid, name) for name in "EAY"] == [[], [], [(0, 0), (1, 0)]]
    says(grid, "V[2, 0] from -3.00 to 4.00. Moved: Y (column 0); E and A stay.")
    assert moved(grid, "V") == [(2, 0)]
    assert slider.get_attribute("aria-valuetext") == "4.00"
    grid.get_by_role("button", name="Given numbers").click()
    assert moved(grid, "Y") == []
    assert table(grid, "V")[4] == "-3.00"


def test_a_key_moves_a_column_of_the_scores_and_a_query_its_row(grid: Locator) -> None:
    cell(grid, "K", 1, 1).click()  # drawn transposed: K[1, 1]
    grid.get_by_label("K[1, 1]").fill("3")
    assert moved(grid, "E") == [(1, 1)]  # the first query has a 0 there
    cell(grid, "K", 0, 1).click()
    grid.get_by_label("K[1, 0]").fill("-2")
    assert moved(grid, "E") == [(0, 1)]
    assert {t for t, _ in moved(grid, "A")} == {t for t, _ in moved(grid, "Y")} == {0}
    cell(grid, "Q", 1, 0).click()
    grid.get_by_label("Q[1, 0]").fill("1.5")
    assert {t for t, _ in moved(grid, "E")} == {1}
    says(grid, f"Moved: E (row '{EVIL}'), A (row '{EVIL}'), Y (row '{EVIL}').")


def test_the_factor_leads_to_a_hard_look_up(grid: Locator) -> None:
    grid.get_by_label("factor").focus()
    grid.page.keyboard.press("End")
    assert table(grid, "A")[:3] == ["0.00", "0.00", "1.00"]
    assert table(grid, "Y")[:2] == ["-3.00", "4.00"]
    assert moved(grid, "E") == []
    says(grid, "nearly one value alone", "factor from 1.00 to 16.00.", "; E stays.")
    grid.page.keyboard.press("Home")
    says(grid, "nearly an even mix")


def test_each_number_says_how_it_comes_about(widgets: Widgets, grid: Locator) -> None:
    cell(grid, "E", 1, 0).click()
    says(grid, "E[1, 0] = (0.00·1.00 + 2.00·1.00) / √2 ≈ 1.41")
    expect(grid.locator("td.am-feeds")).to_have_count(4)
    assert grid.locator(".am-slider").first.is_disabled()
    cell(grid, "A", 0, 2).click()
    says(grid, "A[0, 2] = exp(1.41) / (exp(0.71) + exp(0.00) + exp(1.41)) ≈ 0.58")
    cell(grid, "Y", 0, 0).click()
    says(grid, "Y[0, 0] = 0.28·1.00 + 0.14·2.00 + 0.58·(-3.00) ≈ -1.16")
    feeds = [one.get_attribute("data-table") for one in grid.locator("td.am-feeds").all()]
    assert sorted(feeds) == ["A"] * 3 + ["V"] * 3
    widgets.press("grid", "ArrowUp")
    says(grid, "V[2, 0] = -3.00")


def test_keys_lead_through_all_tables_and_change_numbers(widgets: Widgets, grid: Locator) -> None:
    widgets.press("grid", "ArrowDown", "End", "ArrowRight")
    says(grid, "E[1, 0] =")
    widgets.press("grid", "End", "ArrowRight", "End", "ArrowRight")
    says(grid, "Y[1, 0] =")
    widgets.press("grid", "Home", *["ArrowLeft"] * 9, "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp")
    says(grid, "Q[0, 0] = 1.00")
    widgets.press("grid", "ArrowRight", "ArrowRight", "ArrowUp", "+", "+", "-")
    says(grid, "K[0, 1] from 1.00 to 1.10.")
    expect(grid.locator("th.am-on", has_text="the")).to_have_count(3)  # K, A and V
    before = widgets.page.locator(".jp-Cell").count()
    widgets.press("grid", "d", "d", "b", "x")  # in command mode these delete, add and cut cells
    assert widgets.page.locator(".jp-Cell").count() == before


# ---------------------------------------------------------------- the picture of positions


def test_keys_and_pointer_choose_position_and_dimension(widgets: Widgets) -> None:
    picture = widgets["positions"]
    encoding = sinusoidal_positions(32, 8).double()
    widgets.page.mouse.move(5, 5)
    widgets.press("positions", "Escape", "Control+Home")
    says(picture, "Position 0, dimension 0: 0.00.", "Position 0 · itself: 4.00.")
    widgets.press("positions", *["ArrowRight"] * 3, "ArrowDown")
    dot = float(encoding[3] @ encoding[2])
    says(picture, f"Position 3, dimension 1: {encoding[3, 1]:.2f}.", f"Beside it, 2: {dot:.2f}")
    turns = int((encoding[1:, 1] * encoding[:-1, 1] < 0).sum())
    says(picture, f"Along 32 positions, dimension 1 changes sign {turns} times.")
    captions = picture.locator("figcaption").all_text_contents()
    assert captions[1:] == [
        "Dimension 1 along the positions",
        "Dot product of position 3 with every position",
    ]
    drawing = picture.locator(".am-heat svg")
    box = drawing.bounding_box()
    step, tall = (box["width"] - 74) / 32, (box["height"] - 4) / 8
    picture.locator(".am-heat svg").hover(position={"x": 62 + 20.5 * step, "y": 6.5 * tall})
    says(picture, f"Position 20, dimension 6: {encoding[20, 6]:.2f}.")
    picture.locator(".am-positions").nth(2).hover(position={"x": 62 + 9.5 * step, "y": 40})
    says(picture, "Position 9, dimension 6:")  # over a curve, the dimension stays
    widgets.page.mouse.move(5, 5)
    says(picture, "Position 3, dimension 1")


def test_the_curves_are_those_of_the_numbers(widgets: Widgets) -> None:
    encoding = sinusoidal_positions(32, 8).double()
    widgets.press("positions", "Control+Home", *["ArrowRight"] * 5, "ArrowDown", "ArrowDown")
    for place, values in enumerate((encoding[:, 2], encoding @ encoding[5])):
        path = widgets["positions"].locator(".am-curve").nth(place).get_attribute("d")
        heights = torch.tensor([-float(y) for _, y in (p.split() for p in path[2:].split(" L "))])
        together = torch.stack([heights.double(), values])
        assert torch.corrcoef(together)[0, 1] > 0.9999


def test_the_heat_map_holds_every_number(widgets: Widgets) -> None:
    pixels = (
        widgets["positions"]
        .locator("canvas")
        .evaluate("(c) => [c.width, c.height, ...c.getContext('2d').getImageData(1, 0, 1, 2).data]")
    )
    assert pixels[:2] == [32, 8]
    sine, cosine = pixels[2:5], pixels[6:9]  # sin 1 = .84 is deeper orange than cos 1 = .54
    assert sine[2] < cosine[2] < 200 and sine[0] > 200


# ---------------------------------------------------------------- the mask editor


@pytest.fixture
def editor(widgets: Widgets) -> Locator:
    widgets.page.mouse.move(5, 5)
    widgets["editor"].get_by_role("button", name="Causal", exact=True).click()
    return widgets["editor"]


def reads_back(widgets: Widgets, mask: list[list[int]]) -> None:
    """Run the last cell until it prints `mask`.

    More than once, since the browser holds a change back while the kernel still works on the one
    before it; a cell that is run in that moment reads what was.
    """
    printed = widgets.page.locator(".jp-OutputArea-output pre").last
    deadline = time.monotonic() + 20
    while True:
        widgets.page.evaluate(
            "async () => { jupyterapp.shell.currentWidget.content.activeCellIndex = 4;"
            " await jupyterapp.commands.execute('notebook:run-cell'); }"
        )
        try:
            return expect(printed).to_have_text(f"{mask}\n", timeout=2000)
        except AssertionError:
            if time.monotonic() > deadline:
                raise


def test_clicks_change_the_mask_its_weights_and_python(widgets: Widgets, editor: Locator) -> None:
    says(editor, "Causal: each query sees itself and what came before.")
    assert table(editor, "mask") == list("✓✗✗✓✓✗✓✓✓")
    weights = ["1.00", "0", "0", "0.25", "0.75", "0", "0.33", "0.33", "0.33"]
    assert table(editor, "weights") == weights
    cell(editor, "mask", 0, 2).click()
    says(editor, f"Leaking: 1 cell of the future allowed, where 'le' sees '{EVIL}'.")
    assert table(editor, "weights")[:3] == ["0.73", "0", "0.27"]
    expect(editor.locator("td.am-leak")).to_have_count(1)
    editor.locator("th[data-table='mask'][data-t='1']").click()  # the row's name: all of it
    editor.locator("th[data-table='mask'][data-t='1']").click()
    says(editor, "Empty, so all zeros: 'chat'.")
    assert table(editor, "weights")[3:6] == ["0", "0", "0"]
    expect(editor.locator("td.am-none")).to_have_count(3)
    reads_back(widgets, [[1, 0, 1], [0, 0, 0], [1, 1, 1]])


def test_buttons_set_the_known_masks(widgets: Widgets, editor: Locator) -> None:
    for name, words in (
        ("All", "No mask:"),
        ("Padding", "Padding: the last column is hidden from every query; the future is open."),
        ("Causal and padding", "Causal and padding: no future, and the last column is hidden"),
        ("None", "Nothing is allowed"),
    ):
        editor.get_by_role("button", name=name, exact=True).click()
        says(editor, words)
    assert set(table(editor, "weights")) == {"0"}
    editor.get_by_label("Padding: last columns").select_option(label="2")
    says(editor, "Padding: the last 2 columns are hidden")
    reads_back(widgets, [[1, 0, 0]] * 3)
    editor.get_by_label("Padding: last columns").select_option(label="1")


def test_space_turns_a_cell_over(widgets: Widgets, editor: Locator) -> None:
    widgets.press("editor", "Control+Home", "ArrowDown", "ArrowRight", " ")
    says(editor, "Not allowed to look at itself: 'chat'.", "'chat' may not look at 'chat'")
    widgets.press("editor", "c")
    assert table(editor, "mask") == list("✓✓✗✓✓✗✓✓✓")
    widgets.press("editor", "c", "r")
    assert table(editor, "mask") == list("✓✗✗✓✓✓✓✗✓")
    before = widgets.page.locator(".jp-Cell").count()
    widgets.press("editor", "d", "d", "b", "x")
    assert widgets.page.locator(".jp-Cell").count() == before


# ---------------------------------------------------------------- all three


def test_every_control_keeps_its_keys_and_words_stay_words(widgets: Widgets) -> None:
    for name, count in (("grid", 4), ("positions", 1), ("editor", 7)):
        assert widgets[name].locator("button, select, input, [tabindex]").count() == count
        expect(widgets[name].locator("[data-lm-suppress-shortcuts]")).to_have_count(count)
        label = widgets[name].locator("[role=application]").get_attribute("aria-label")
        assert "rrow" in label and len(label) > 60
    assert widgets.page.locator(".am-root", has_text=EVIL).count() == 3
    assert widgets.page.evaluate("() => window.stolen") is None
    assert widgets.page.locator(".am-root script").count() == 0
    assert widgets.notebook.outside() == []
    assert widgets.notebook.errors == []


def test_the_browser_computes_and_says_what_python_does(browser: object) -> None:
    page = browser.new_page()
    call = "([code, rule, given]) => new Function(code + rule)()(given)"

    def script(view: View) -> str:
        return view.live._esm.replace("export default { render };", "")

    code = script(MaskEditor(torch.eye(2), ["a", "b"], ["a", "b"]))
    masks = [torch.tensor(cells).view(3, 3) for cells in product((False, True), repeat=9)]
    masks += [torch.tensor(cells).view(2, 3) for cells in product((False, True), repeat=6)]
    names = ["a", "b", "c"]
    given = [[mask.int().tolist(), names[: len(mask)], names] for mask in masks]
    rule = "return (all) => all.map(([mask, rows, columns]) => maskWords(mask, rows, columns));"
    said = page.evaluate(call, [code, rule, given])
    assert said == [describe(mask, *words) for mask, (_, *words) in zip(masks, given, strict=True)]
    assert len(set(said)) > 50

    scores = torch.tensor([2.0, -1.0, 0.5]).double()
    rule = "return ([scores, all]) => all.map(([mask]) => maskedSoftmax(scores, mask[0]));"
    weights = page.evaluate(call, [code, rule, [scores.tolist(), given]])
    expected = torch.stack([masked_softmax(scores, mask[0]) for mask in masks])
    assert torch.allclose(torch.tensor(weights).double(), expected)

    parts = [torch.randn(*shape).double() for shape in ((3, 2), (5, 2), (5, 4))]
    flipped = [parts[0].tolist(), parts[1].T.tolist(), parts[2].tolist()]
    rule = "return ([Q, K, V]) => attentionTables({ Q, K, V }, 2);"
    made = page.evaluate(call, [script(AttentionGrid(*parts)), rule, flipped])
    context, weights = attend(*parts, score=lambda q, k: 2 * scaled_dot(q, k))
    assert torch.allclose(torch.tensor(made["A"]).double(), weights)
    assert torch.allclose(torch.tensor(made["Y"]).double(), context)
    page.close()


def test_an_untrusted_notebook_shows_the_tables(
    lab: object, open_notebook: Callable[..., object]
) -> None:
    namespace: dict[str, object] = {}
    exec(SETUP, namespace)
    cells = []
    for name in WIDGETS:
        data, _ = namespace[name]._repr_mimebundle_()
        output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
        cells.append(nbformat.v4.new_code_cell(name, outputs=[output], execution_count=1))
    lab.theme("JupyterLab Dark")
    lab.write("layers_untrusted.ipynb", cells)
    page = (notebook := open_notebook("layers_untrusted.ipynb")).page
    tables = page.locator(".jp-OutputArea-output table")
    expect(tables).to_have_count(6)
    first = tables.nth(1).locator("tbody tr").first
    assert first.locator("td").all_text_contents()[5:8] == ["0.28", "0.14", "0.58"]
    shaded = first.locator("td").nth(5).evaluate("(td) => getComputedStyle(td).backgroundColor")
    assert shaded != "rgba(0, 0, 0, 0)"
    assert tables.nth(4).locator("td").all_text_contents()[1:4] == ["✓", "✗", "✗"]
    expect(page.locator(".jp-OutputArea-output").nth(2)).to_contain_text("Causal: each query")
    assert page.locator(".am-root").count() == 0
    assert page.evaluate("() => window.stolen") is None
    assert notebook.outside() == []
