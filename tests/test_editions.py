"""The editions of the notebooks: what each has that the other has not, and that both run."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.authoring import Refused, editions
from helpers.authoring.cli import main
from helpers.authoring.notebooks import LARGEST, NOTEBOOKS, execute, normalise, read_notebook
from helpers.authoring.teaching import Lesson, Step, lessons
from helpers.exercises import REGISTRY
from tests import hygiene
from tests.test_notebooks import PATHS, briefly, unconfirmed

LIGHT = NOTEBOOKS / "00_start_here.ipynb"
KINDS = sorted(editions.EDITIONS)


def edition(kind: str, path: Path) -> NotebookNode:
    return editions.EDITIONS[kind](read_notebook(path), lessons().get(path.name[:2]))


def sources(notebook: NotebookNode, tag: str = "") -> list[str]:
    return [c.source for c in notebook.cells if not tag or tag in c.metadata.get("tags", [])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_an_edition_keeps_the_rules_of_the_notebooks(path: Path, kind: str) -> None:
    """But an answer may be a long cell, and notes may make a notebook larger."""
    made = normalise(edition(kind, path))
    rules = set(hygiene.RULES) - {hygiene.long_cells, hygiene.too_large}
    assert [fault for rule in rules for fault in rule(made)] == []
    assert len(nbformat.writes(made, indent=1)) < LARGEST + editions.NOTES


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_student_gets_the_stubs_and_no_old_verdict(path: Path) -> None:
    made = edition("student", path)
    assert [c.source for c in made.cells] == sources(read_notebook(path))
    for cell in made.cells:
        for name in editions.exercises_of(cell):
            assert cell.source.strip() == REGISTRY[name].stub.strip()
        if cell.cell_type == "code":
            assert ".solution(" not in cell.source
            assert not any(
                "own version is used" in output.get("text", "") for output in cell.outputs
            )


PREDICTED = re.compile(r'\bpredict\(\s*"([^"]+)"')


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_student_does_not_see_the_answer_below_a_prediction(path: Path) -> None:
    """Its claim is printed in the notebook and not in the edition; what teaches before it stays."""
    notebook, made = read_notebook(path), edition("student", path)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    asked = PREDICTED.findall("\n".join(code))
    if asked:
        first = next(i for i, cell in enumerate(made.cells) if PREDICTED.search(cell.source))
        assert sum(bool(cell.get("outputs")) for cell in made.cells[:first])
    for name in asked:
        claims = [i for i, s in enumerate(sources(notebook)) if f'claim("{name}"' in s]
        assert all(notebook.cells[i].outputs for i in claims), name
        assert not any(made.cells[i].outputs for i in claims), name


def test_every_kind_of_prediction_loses_its_answer_and_nothing_else() -> None:
    """Each output is a number; the question's own stays, and so does all that no question asks."""

    def cell(code: str, number: int) -> NotebookNode:
        return new_code_cell(code, outputs=[new_output("stream", text=str(number))])

    cells = [
        cell("draw()", 1),
        new_markdown_cell("**Predict first.** More, or fewer?"),
        cell('predict("99.more", question, None)', 2),
        cell("draw()", 3),
        new_markdown_cell("The next cell counts."),
        cell('claim("99.other", "of something else", 1, above=0)', 4),
        cell('claim("99.more", "a share", 0.9, above=0.8)', 5),
        cell("draw()", 6),
        new_markdown_cell("More. **Predictions** help. Now the next figure."),
        cell("draw()", 7),
        cell('predict("99.unclaimed", "How many?")', 8),
        cell("draw()", 9),
        new_markdown_cell("So many. **Predict.** (a) or (b)?"),
        new_code_cell("x = 1"),
        cell("print(x)", 10),
        new_markdown_cell("It was (a)."),
        cell("draw()", 11),
    ]
    made = editions.student(new_notebook(cells=cells))
    left = [output.text for cell in made.cells for output in cell.get("outputs", [])]
    assert left == ["1", "2", "7", "8", "11"]
    assert sources(made) == [cell.source for cell in cells]


def test_an_edition_that_was_run_does_not_show_the_answers_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run brings every output back; here it is that of the committed notebook."""
    committed = read_notebook(NOTEBOOKS / "12_transformer.ipynb")
    monkeypatch.setattr(editions, "execute", lambda notebook, folder: committed)
    (written,) = editions.write("student", ["12"], tmp_path, run=True)
    shown, expected = (
        [cell.get("outputs") for cell in one.cells]
        for one in (read_notebook(written), normalise(editions.student(committed)))
    )
    assert shown == expected != [cell.get("outputs") for cell in committed.cells]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_instructor_gets_each_answer_and_its_slips(path: Path) -> None:
    made = edition("instructor", path)
    notes = sources(made, editions.TEACHER)
    for name in editions.exercises(read_notebook(path)):
        exercise = REGISTRY[name]
        assert exercise.source in sources(made)
        (told,) = [note for note in notes if f"`{exercise.short_name}` takes about" in note]
        message = re.sub(r"\s+", "", exercise.wrong_answers[0].message)
        assert message in re.sub(r"\s+", "", told)
    left = [cell for cell in made.cells if editions.TEACHER not in cell.metadata.get("tags", [])]
    assert len(left) == len(read_notebook(path).cells)


def test_the_steps_of_a_lesson_stand_at_their_sections() -> None:
    steps = (
        Step(1, 5, 5, "Ask.", "a map"),
        Step(2, 10, 0, "Wait.", "–"),
        Step(0, 5, 0, "Rest.", "–"),
    )
    lesson = Lesson("99", "A title", "### Aim\n\nTo know.", steps)
    cells = [
        new_markdown_cell(text) for text in ("# 99 · A title", "## 1. One", "why", "## 2. Two")
    ]
    made = editions.instructor(new_notebook(cells=cells), lesson)
    assert sources(made) == [
        "# 99 · A title",
        "**For the teacher.**\n\n#### Aim\n\nTo know.",
        "## 1. One",
        "**For the teacher.** **5 of 90 minutes, 5 of 45.** Ask. *On the board:* a map",
        "why",
        "## 2. Two",
        "**For the teacher.** **10 of 90 minutes, left out of 45.** Wait.",
    ]


def test_a_call_of_the_solution_is_left_out_for_students() -> None:
    code = "x = 1\nex.softmax.solution()\nprint(\n    ex.softmax.solution(),\n)\ny = 2"
    made = editions.student(new_notebook(cells=[new_code_cell(code)]))
    assert sources(made) == ["x = 1\ny = 2"]


def test_a_cell_without_its_stub_is_refused() -> None:
    cell = new_code_cell("x = 1", metadata={"tags": ["exercise:nb00.softmax"]})
    with pytest.raises(Refused, match=r"should hold the stub"):
        editions.solved(new_notebook(cells=[cell]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_writes_an_edition(kind: str, tmp_path: Path, capsys) -> None:
    assert main(["edition", kind, "--notebooks", "0", "12", "--out", str(tmp_path)]) == 0
    assert "Wrote 2 notebooks" in capsys.readouterr().out
    start, twelve = sorted(tmp_path.glob("*.ipynb"))
    assert "](../docs/" not in start.read_text(encoding="utf-8")
    assert editions.exercises(read_notebook(twelve)) == [n for n in REGISTRY if n[:4] == "nb12"]


def test_the_notebooks_themselves_are_not_overwritten(capsys) -> None:
    assert main(["edition", "student", "--out", str(NOTEBOOKS)]) == 1
    assert "name another folder" in capsys.readouterr().err


def run(kind: str, path: Path, brief: bool) -> None:
    made = edition(kind, path)
    done = execute(briefly(made) if brief else made, path.parent)
    assert unconfirmed(done) == ([] if kind == "instructor" else editions.exercises(made))
    assert hygiene.widget_state(normalise(done)) == []


@pytest.mark.authors
@pytest.mark.parametrize("kind", KINDS)
def test_an_edition_runs(kind: str) -> None:
    run(kind, LIGHT, brief=True)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_edition_runs(path: Path, kind: str) -> None:
    run(kind, path, brief=False)
