"""The slides as texts: what of a notebook stands on them, and what the speaker's notes hold."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.authoring import Refused
from helpers.authoring.book.chapters import Chapter, chapters
from helpers.authoring.cli import main
from helpers.authoring.teaching import Lesson, Step

pytestmark = pytest.mark.book


@pytest.fixture(scope="module")
def slides() -> ModuleType:
    """The module, imported only where these tests run, because it needs the extra `book`."""
    from helpers.authoring.book import slides

    return slides


def chapter(*cells: object) -> Chapter:
    made = Chapter("99", "A title", "99_a_title")
    made.__dict__["notebook"] = new_notebook(cells=[new_markdown_cell("# 99 · A title"), *cells])
    return made


IN_CLASS = {"tags": ["route:class"]}


def test_a_slide_has_the_point_of_a_paragraph_and_its_notes_the_whole(slides: ModuleType) -> None:
    text = (
        "## 2. The score · core, class · 5 min\n\n"
        "The query meets each key, and the better they fit, the larger the score is. The rest is "
        "explained here.\n\n- a list\n- stays\n\n$$e_i = q \\cdot k_i$$\n\n"
        "<details><summary>Answers</summary>\n\nA secret.\n\n</details>"
    )
    lesson = Lesson("99", "A title", "All.", (Step(2, 12, 7, "Ask the room.", "a map"),))
    html = slides.page(chapter(new_markdown_cell(text, metadata=IN_CLASS)), lesson)
    notes = r'<div class="am-note" hidden>.*?</div>|<aside.*?</aside>'
    shown = re.sub(notes, "", html, flags=re.DOTALL)
    assert "the larger the score is." in shown and "explained here" not in shown
    assert "<li>stays</li>" in shown and "<math" in shown and "secret" not in shown
    assert "explained here" in html and "A secret." in html
    assert "<h2>The score</h2>" in html and "7 minutes" in html and "Ask the room." in html


def test_an_exercise_shows_its_stub_and_not_what_the_check_says_of_it(slides: ModuleType) -> None:
    said = [new_output("stream", text="softmax: not attempted")]
    check = new_code_cell("softmax = ex.softmax.check(softmax)", metadata=IN_CLASS, outputs=said)
    said = [new_output("stream", text="1 < 2")]
    other = new_code_cell("print('1 < 2')", metadata=IN_CLASS, outputs=said)
    html = slides.page(chapter(new_markdown_cell("## 1. One"), check, other), None)
    assert "not attempted" not in html and "<pre>1 &lt; 2</pre>" in html


def test_long_code_is_cut_at_a_blank_line(slides: ModuleType) -> None:
    text = "\n".join(["x = 1"] * 12 + ["", "", ""] + ["y = 1"] * 12)
    first, second = slides.pieces(text)
    assert first == "\n".join(["x = 1"] * 12) and second == "\n".join(["y = 1"] * 12)
    assert [piece.count("\n") + 1 for piece in slides.pieces("z\n" * 50)] == [18, 18, 15]


@pytest.mark.parametrize(
    ("block", "point"),
    [
        (
            "It is short. " + "But it goes on for much longer than that, as one can see. No.",
            slice(0, -4),
        ),
        ("**Predict.** Is it (a), (b) or (c)? Decide. Then run the cell.", slice(None)),
        (
            "This sentence is as long as a slide allows it to be (and more. Or less). No.",
            slice(0, -4),
        ),
    ],
)
def test_a_point_is_a_whole_sentence(slides: ModuleType, block: str, point: slice) -> None:
    assert list(slides.points(block)) == [block[point]]


def test_no_slide_names_what_lies_outside(slides: ModuleType) -> None:
    shown = [one for one in chapters() if any(map(in_class, one.notebook.cells))]
    assert len(shown) > 10
    for one in shown:
        html = slides.page(one, None)
        assert not re.findall(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"https?:", html)
        assert not re.search(
            r"\$[^<\s]", re.sub(r"<(pre|code|script).*?</\1>", "", html, flags=re.S)
        )


def in_class(cell: object) -> bool:
    return "route:class" in cell.metadata.get("tags", [])


def test_a_notebook_without_a_class_route_is_refused(slides: ModuleType) -> None:
    with pytest.raises(Refused, match="has no cells on the class route"):
        slides.page(chapter(new_markdown_cell("## 1. One")), None)


def test_where_reveal_cannot_be_fetched_the_message_says_what_to_do(
    slides: ModuleType, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(Refused, match="Connect this machine to the network"):
        slides.vendor(tmp_path / "reveal")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Refused, match="Install Node.js"):
        slides.vendor(tmp_path / "reveal")


def test_the_command_refuses_a_number_without_a_notebook(tmp_path: Path, capsys) -> None:
    assert main(["slides", "77", "--out", str(tmp_path)]) == 1
    assert "0 notebooks called 77_" in capsys.readouterr().err
