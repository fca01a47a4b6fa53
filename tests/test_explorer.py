"""The attention map and the static views: what they refuse, what they show, what they escape."""

from __future__ import annotations

import builtins
import json
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers.authoring.notebooks import normalise
from helpers.explorer import (
    AttentionMap,
    GrowingSentence,
    Grown,
    TranslatorBox,
    base,
    explore,
)
from helpers.explorer.joining import read_module
from helpers.palette import FRAME, RIM, ROLE_COLOURS

ROWS, COLUMNS = ["le", "chat", "<end>"], ["the", "cat"]
WEIGHTS = np.array([[0.9, 0.1], [0.25, 0.75], [0.0, 0.0]])
EVIL = ["<script>alert(1)</script>", "\"'>&<img src=x onerror=alert(2)>"]
VIEWS = sorted(
    name
    for name in (path.stem for path in base.SCRIPTS.glob("*.js"))
    if "render" in read_module(base.SCRIPTS, name).exported
)
# What JupyterLab's sanitizer lets through, of what the static views use.
TAGS = {"table", "caption", "thead", "tbody", "tr", "th", "td", "p", "b", "br", "small"}
ATTRIBUTES = {"style", "bgcolor", "scope", "title", "lang"}


class Reader(HTMLParser):
    """Reads a static view as a browser would: tags, attributes, and the text of each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._open = tag
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open in ("td", "th"):
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def soft(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(rows, columns)) * 3
    return np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)


@pytest.fixture
def no_anywidget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `import anywidget` fail, as on a machine that does not have it."""
    real = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name.split(".")[0] == "anywidget":
            raise ImportError("No module named 'anywidget'")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "anywidget", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)


# ---------------------------------------------------------------- what explore takes and refuses


def test_two_and_four_axes_are_taken() -> None:
    view = explore(WEIGHTS, ROWS, COLUMNS)
    assert isinstance(view, AttentionMap)
    assert view.weights.shape == (1, 1, 3, 2)
    many = np.tile(WEIGHTS, (2, 4, 1, 1))
    view = explore(torch.tensor(many), ROWS, COLUMNS)
    assert view.weights.shape == (2, 4, 3, 2)
    assert np.array(view.state["weights"]).shape == (2, 4, 3, 2)


def test_tensors_that_need_gradients_are_taken() -> None:
    weights = torch.tensor(WEIGHTS, requires_grad=True)
    view = explore(weights, ROWS, COLUMNS)
    assert view.weights[0, 0] == pytest.approx(WEIGHTS)
    assert weights.requires_grad
    assert weights.grad is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS[None], r"shape \(1, 3, 2\); expected \(T, S\)"),
        (WEIGHTS[:, 0], r"shape \(3,\)"),
        (np.zeros((0, 2)), r"shape \(0, 2\)"),
        (WEIGHTS.T, "2 rows and 3 columns; expected 3 rows .* transposed"),
        (WEIGHTS[:2], "2 rows and 2 columns; expected 3 rows"),
        (np.where(WEIGHTS == 0.9, np.nan, WEIGHTS), "NaN"),
        (np.where(WEIGHTS == 0.9, np.inf, WEIGHTS), "NaN or infinity"),
        (np.array([[1.5, -0.5], [1, 0], [1, 0]]), "smallest weight is -0.5"),
        (np.array([[0.9, 0.1], [0.25, 0.745], [1, 0]]), "row 1 .* sums to 0.995"),
        ([["a", "b"]] * 3, "cannot be read as numbers"),
    ],
)
def test_weights_that_are_no_attention_are_refused(weights: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore(weights, ROWS, COLUMNS)


def test_sums_may_be_off_by_rounding_and_rows_may_be_empty() -> None:
    explore(WEIGHTS * np.array([[1.0005], [0.9995], [1]]), ROWS, COLUMNS)
    explore(np.zeros((3, 2)), ROWS, COLUMNS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": "le chat <end>"}, r"list of words, such as \['le', 'chat', '<end>'\]"),
        ({"rows": []}, "rows is empty"),
        ({"columns": ["the", 3]}, "columns holds 3"),
        ({"gold": [(0, 0, 0)]}, "expected pairs"),
        ({"gold": [3]}, "expected pairs"),
        ({"gold": [(0, 3)]}, "a target position under 3"),
        ({"possible": [(-1, 0)]}, r"possible holds \(-1, 0\)"),
        ({"height": 40}, "height is 40"),
        ({"height": "tall"}, "height is 'tall'"),
        ({"rows_are": " "}, "rows_are is ' '; expected what they are"),
        ({"columns_are": 3}, "columns_are is 3"),
    ],
)
def test_words_links_and_height_are_checked(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore(**{"weights": WEIGHTS, "rows": ROWS, "columns": COLUMNS, **change})


def test_inputs_are_copied_and_never_changed() -> None:
    weights, rows, columns = WEIGHTS.copy(), list(ROWS), list(COLUMNS)
    view = explore(weights, rows, columns, gold=frozenset({(0, 0)}))
    weights[:], rows[0], columns[0] = 0, "changed", "changed"
    assert view.state["rows"] == ROWS
    assert view.state["columns"] == COLUMNS
    assert view.weights[0, 0] == pytest.approx(WEIGHTS)
    assert view.state["weights"][0][0][0] == [0.9, 0.1]


def test_possible_links_are_those_that_are_not_gold() -> None:
    view = explore(WEIGHTS, ROWS, COLUMNS, gold=[(0, 0)], possible=[(0, 0), (1, 0)])
    assert view.state["gold"] == [[0, 0]]
    assert view.state["possible"] == [[1, 0]]


# ---------------------------------------------------------------- static views


def views(words: list[str]) -> list[base.View]:
    """Every kind of widget, with `words` wherever words are shown."""
    first, second = words
    weights = np.eye(2)

    def echo(text: str) -> SimpleNamespace:
        return SimpleNamespace(source=words, target=words, weights=weights)

    def refuse(text: str) -> SimpleNamespace:
        raise ValueError(second)

    return [
        explore(weights, words, words, gold=[(0, 0)], possible=[(0, 1)], title=first),
        TranslatorBox(echo, [first, second], title=second),
        TranslatorBox(refuse, [first], title=second),
        GrowingSentence([Grown([first], [second], [first])], title=second),
    ]


def test_static_views_hold_words_as_text_only() -> None:
    for view in views(EVIL):
        data, _ = view._repr_mimebundle_()
        read = Reader(data["text/html"])
        assert {tag for tag, _ in read.tags} <= TAGS
        assert {name for _, names in read.tags for name in names} <= ATTRIBUTES
        assert EVIL[0] in read.text, type(view)
        assert EVIL[1] in read.text, type(view)


def test_static_views_name_no_theme_variable() -> None:
    # The sanitizer drops them, and a fixed colour of text would vanish on one of the themes.
    for view in views(["le", "chat"]):
        read = Reader(view.html())
        for tag, names in read.tags:
            style = names.get("style") or ""
            assert "var(" not in style
            shaded = tag == "td" and "bgcolor" in names
            assert shaded or not style.replace("background-color", "").count("color:")


def test_the_map_as_a_table() -> None:
    view = explore(WEIGHTS, ROWS, COLUMNS, gold=[(0, 0), (1, 1)], possible=[(0, 1)], title="A map")
    read = Reader(view.html())
    assert read.rows[0][1:] == COLUMNS
    assert [row[0] for row in read.rows[1:]] == ROWS
    assert read.rows[1][1:] == ["0.90", "0.10"]
    assert read.rows[2][1:] == ["0.25", "0.75"]
    assert read.rows[3][1:] == ["", ""]
    scopes = [names["scope"] for tag, names in read.tags if tag == "th"]
    assert scopes == ["col"] * 2 + ["row"] * 3
    titles = [names.get("title") for tag, names in read.tags if tag == "td"]
    assert titles.count("gold link") == 2
    assert titles.count("possible link") == 1
    borders = [names for _, names in read.tags if names.get("title") == "gold link"]
    assert all(f"border:3px solid {FRAME};outline:1px solid {RIM}" in n["style"] for n in borders)
    assert "2 of 2 linked target words" in read.text
    assert "Rows: 3 target words (queries). Columns: 2 source words (keys)." in read.text
    assert "'le' looks at 'the' with 0.90" in read.text


def test_the_table_says_what_rows_and_columns_are() -> None:
    names = {"rows_are": "queries", "columns_are": "<i>words</i>"}
    view = explore(WEIGHTS, ROWS, COLUMNS, gold=[(0, 0)], **names)
    read = Reader(view.html())
    assert "Rows: 3 queries. Columns: 2 <i>words</i> (keys)." in read.text
    assert "1 of 1 linked queries" in read.text
    assert "move a slider over its rows" in read.text
    assert view.state["row"] == "row"


def test_static_views_say_that_the_cell_has_to_be_run() -> None:
    text = Reader(explore(WEIGHTS, ROWS, COLUMNS).html()).text
    assert "Run the cell to" in text and "move a slider over" in text and "steps" in text


def test_the_still_box_lists_the_words_it_knows() -> None:
    known = TranslatorBox(lambda text: None, words=["<pad>", "the", "<b>", "Cat"])
    assert known.state["words"] == ["Cat", "the"]
    assert "<summary>The 2 words that it knows</summary>" in known.html()
    assert "Cat, the" in Reader(known.html()).text
    assert "<details>" not in TranslatorBox(lambda text: None).html()


def test_a_map_that_stands_above_is_not_drawn_again() -> None:
    read = Reader(explore(WEIGHTS, ROWS, COLUMNS, title="A <map>", above=True).html())
    assert not read.rows and "The map above, to be explored. Run the cell to point" in read.text
    assert "A <map>" in read.text


def test_the_table_counts_missed_gold_links() -> None:
    read = Reader(explore(WEIGHTS, ROWS, COLUMNS, gold=[(1, 0), (1, 1)]).html())
    assert "1 of 2 linked target words" in read.text


def test_the_table_says_which_head_it_shows() -> None:
    many = np.tile(WEIGHTS, (2, 4, 1, 1))
    many[1, 0, 0] = [0.3, 0.7]
    read = Reader(explore(many, ROWS, COLUMNS).html())
    assert "head 1 of 4 in layer 2 of 2" in read.text
    assert read.rows[1][1:] == ["0.30", "0.70"]


def test_a_long_map_stays_small() -> None:
    words = [f"words{i}" for i in range(26)]
    gold = [(i, i) for i in range(24)]
    view = explore(soft(26, 24), words, words[:24], gold=gold, title="A long sentence")
    assert len(view.html().encode()) <= 40_000


@pytest.mark.parametrize("live", [True, False])
def test_every_view_has_text_and_html(live: bool, request: pytest.FixtureRequest) -> None:
    if not live:
        request.getfixturevalue("no_anywidget")
    for view in views(["le", "chat"]):
        data, metadata = view._repr_mimebundle_(include=None, exclude=None)
        assert "<table" in data["text/html"] or "Chat" in data["text/html"]
        assert 20 < len(data["text/plain"]) < 300
        assert data["text/plain"].endswith(".")
        assert repr(view) == data["text/plain"]
        assert (view.live is not None) is live
        assert metadata == {} and set(data) == {"text/plain", "text/html", base.STATE_MIME}
        assert base.unpacked(data[base.STATE_MIME]) == json.loads(json.dumps(view.state))


def test_a_text_that_is_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no state of a view.*Refresh the notebook"):
        base.unpacked("eNonsense")


def shown(view: base.View) -> list[NotebookNode]:
    """Return the outputs that a cell with the view as its last line has."""
    outputs: list[NotebookNode] = []

    def display(data: dict[str, object], raw: bool) -> None:
        assert raw
        outputs.append(new_output("display_data", data=data))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", display)
        view._ipython_display_()
    return outputs


def test_the_still_picture_is_an_output_of_its_own() -> None:
    first, second = views(["le", "chat"])[:2]
    still, live = shown(first)
    assert base.WIDGET_MIME not in still.data and base.WIDGET_MIME in live.data
    assert still.data["text/html"].startswith(first.html())
    assert first.live.still in still.data["text/html"]
    assert first.live.still not in shown(second)[0].data["text/html"]
    assert live.data["text/plain"] == ""


def test_without_anywidget_only_the_still_picture_is_shown(no_anywidget: None) -> None:
    view = explore(WEIGHTS, ROWS, COLUMNS)
    (still,) = shown(view)
    assert still.data == view._repr_mimebundle_()[0]


def test_a_committed_notebook_has_the_still_picture_once() -> None:
    view = explore(WEIGHTS, ROWS, COLUMNS)
    cell = new_code_cell("view", outputs=shown(view))
    (still,) = normalise(new_notebook(cells=[cell])).cells[0].outputs
    assert still.data == view._repr_mimebundle_()[0]


@pytest.mark.parametrize("view", VIEWS)
def test_what_the_browser_gets_is_inline(view: str) -> None:
    live = base._live_widget({"view": view, "rows": ROWS})
    script, style = live._esm, live._css
    assert "http://" not in script.replace("http://www.w3.org/2000/svg", "")
    for word in (
        "https://",
        "fetch(",
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "eval(",
    ):
        assert word not in script, word
    assert "url(" not in style
    assert "@import" not in style
    assert live.state["rows"] == ROWS
    assert live.colours["role"] == ROLE_COLOURS
