"""`python -m helpers`: refreshing notebooks, recording results, and what is refused."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import results
from helpers.authoring import cli, notebooks, recording
from helpers.authoring.bootstrap import bootstrap_source
from helpers.authoring.notebooks import NotebookRefused
from helpers.settings import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of notebooks that the commands take for the course's own."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def written(path: Path, *sources: str) -> str:
    """Write a notebook with these code cells and return its text."""
    cells = [new_markdown_cell("# A title"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path.read_text(encoding="utf-8")


def stream(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return new_output("stream", name=name, text=text)


def test_refresh_executes_and_normalises(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_SEED", "5")
    path = folder / "04_scratch.ipynb"
    sources = [
        "import os, sys\nprint(os.environ['COURSE_SEED'], sys.executable, os.getcwd())",
        "for i in range(3):\n    print(f'step {i}', end='\\r', flush=True)",
        "import ipywidgets\nipywidgets.IntSlider(3)",
        "",
        "40 + 2",
    ]
    written(path, *sources)
    assert cli.main(["refresh", "4"]) == 0
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0].source == bootstrap_source()
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, None, 5]
    assert code[1].outputs[0].text.split() == ["0", sys.executable, str(folder)]
    assert code[2].outputs[0].text == "step 2"
    assert list(code[3].outputs[0].data) == ["text/plain"]
    assert code[5].outputs[0].execution_count == 5
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(not cell.metadata for cell in code[1:])
    assert text.endswith("}\n") and text.startswith('{\n "cells"')
    assert re.search(r"04_scratch\.ipynb: \d+ s, \d+ kB", capsys.readouterr().out)

    # Nothing changes when it is refreshed again: ids, order of keys and all the rest are kept.
    assert cli.main(["refresh", "04"]) == 0
    assert path.read_text(encoding="utf-8") == text


def test_refresh_names_the_cell_that_fails_and_leaves_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "04_scratch.ipynb"
    before = written(path, "1 / 0", "print('not reached')")
    assert cli.main(["refresh", "04"]) == 1
    said = capsys.readouterr().err
    assert "04_scratch.ipynb stays as it was" in said
    assert "    1 / 0\n" in said and "ZeroDivisionError: division by zero" in said
    assert path.read_text(encoding="utf-8") == before
    assert [p.name for p in folder.iterdir()] == ["04_scratch.ipynb"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (stream("careful\n", "stderr"), "wrote to stderr: careful"),
        (stream("x" * 800_000), "over the limit of 700,000"),
    ],
)
def test_refresh_refuses_some_outputs_and_leaves_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, output: nbformat.NotebookNode, message: str
) -> None:
    path = folder / "04_scratch.ipynb"
    before = written(path, "1")

    def executed(notebook: nbformat.NotebookNode, *_: object) -> nbformat.NotebookNode:
        notebook.cells[-1].outputs = [output]
        return notebook

    monkeypatch.setattr(notebooks, "execute", executed)
    with pytest.raises(NotebookRefused, match=message):
        notebooks.refresh(path)
    assert path.read_text(encoding="utf-8") == before
    assert [p.name for p in folder.iterdir()] == ["04_scratch.ipynb"]


@pytest.mark.parametrize("edit", ["an edit", None])
def test_refresh_keeps_an_edit_that_was_saved_meanwhile(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    edit: str | None,
) -> None:
    path = folder / "04_scratch.ipynb"
    written(path, "1")

    def executed(notebook: nbformat.NotebookNode, *_: object) -> nbformat.NotebookNode:
        path.unlink()
        if edit:
            path.write_text(edit, encoding="utf-8")
        return notebook

    monkeypatch.setattr(notebooks, "execute", executed)
    assert cli.main(["refresh", "04"]) == 1
    assert "changed while the notebook was executed" in capsys.readouterr().err
    assert [p.read_text(encoding="utf-8") for p in folder.iterdir()] == ([edit] if edit else [])


def test_refresh_has_one_thread_as_readers_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    cell = new_code_cell("import os\nprint(os.environ['OMP_NUM_THREADS'])")
    executed = notebooks.execute(new_notebook(cells=[cell]), tmp_path)
    assert executed.cells[0].outputs[0].text == "1\n"
    assert os.environ["OMP_NUM_THREADS"] == "2" and "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("source", "message"),
    [("import os\nos._exit(1)", "died"), ("import time\ntime.sleep(60)", "timed out")],
)
def test_a_cell_that_kills_the_kernel_or_takes_too_long_is_refused(
    tmp_path: Path, source: str, message: str
) -> None:
    notebook = new_notebook(cells=[new_code_cell(source)])
    with pytest.raises(NotebookRefused, match=rf"(?s)Cell 1 .*{message}"):
        notebooks.execute(notebook, tmp_path, timeout=2)


@pytest.mark.parametrize(("number", "names"), [("07", "04_a.ipynb"), ("5", "05_a.ipynb")])
def test_unknown_or_ambiguous_number_lists_the_notebooks(
    folder: Path, capsys: pytest.CaptureFixture[str], number: str, names: str
) -> None:
    for name in ("04_a", "05_a", "05_b"):
        written(folder / f"{name}.ipynb", "1")
    assert cli.main(["refresh", number]) == 1
    said = capsys.readouterr().err
    assert names in said and f"{number.zfill(2)}_*.ipynb" in said


def test_a_file_that_is_no_notebook_is_named(folder: Path) -> None:
    path = folder / "04_a.ipynb"
    path.write_text("not JSON", encoding="utf-8")
    with pytest.raises(NotebookRefused, match=r"04_a\.ipynb is not a notebook"):
        notebooks.refresh(path)


def test_bootstrap_command_keeps_outputs(folder: Path) -> None:
    cell = new_code_cell("6 * 7", execution_count=2, outputs=[stream("42")])
    nbformat.write(new_notebook(cells=[cell]), folder / "04_a.ipynb")
    assert cli.main(["bootstrap"]) == 0
    first, second = nbformat.read(folder / "04_a.ipynb", as_version=4).cells
    assert first.source == bootstrap_source() and second.outputs == [stream("42")]


@pytest.mark.filterwarnings("ignore::nbformat.warnings.DuplicateCellId")
def test_normalise_keeps_what_a_reader_sees_and_nothing_else() -> None:
    widget = {"text/plain": "HBox()", "application/vnd.jupyter.widget-view+json": {"model_id": "a"}}
    figure = {"text/plain": "alt", "text/html": "<img alt='x'>"}
    outputs = [
        stream("one\n"),
        stream("two\n"),
        new_output("display_data", data=figure, metadata={"isolated": True}),
        stream("three\n"),
        new_output("display_data", data=widget),
    ]
    cell = new_code_cell("show()  \n", outputs=outputs, execution_count=17)
    cell.metadata.update({"execution": {"iopub.status.busy": "now"}, "tags": ["exercise:nb04.a"]})
    nameless, twin = new_code_cell("other()"), new_code_cell("another()")
    notebook = new_notebook(cells=[cell, nameless, twin], metadata={"widgets": {"state": {}}})
    del nameless["id"]
    twin["id"] = cell["id"]

    normal = notebooks.normalise(notebook)
    first = normal.cells[0]
    assert [o.get("text") for o in first.outputs] == ["one\ntwo\n", None, "three\n", None]
    assert first.outputs[1].data == figure and first.outputs[1].metadata == {}
    assert first.outputs[3].data == {"text/plain": "HBox()"}
    assert first.metadata == {"tags": ["exercise:nb04.a"]} and first["id"] == cell["id"]
    assert len({c["id"] for c in normal.cells}) == 3
    assert [c.execution_count for c in normal.cells] == [1, 2, 3]
    assert "widgets" not in normal.metadata
    assert "version" not in normal.metadata.language_info
    assert cell.execution_count == 17, "the notebook that was given is not changed"
    assert notebooks.normalise(normal) == normal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\nlines\n", "plain\nlines\n"),
        ("10%\r50%\r100%\n", "100%\n"),
        ("loss 1.25 left 10 s\rloss 1.2 ", "loss 1.2  left 10 s"),
        ("long line\r         \rdone\n", "done\n"),
        ("windows\r\nends\r\n", "windows\nends\n"),
        ("  kept spaces  \n", "  kept spaces  \n"),
    ],
)
def test_terminal_text(text: str, shown: str) -> None:
    assert notebooks.terminal_text(text) == shown


def measured(seeds: list[int]) -> dict:
    return {"settings": {"steps": 10}, "exact": {str(seed): 0.5 for seed in seeds}}


def test_recording_is_stored_and_loaded(tmp_path: Path) -> None:
    path = recording.record("4", measured, [0, 3], tmp_path / "results")
    found = results.load_results("04", tmp_path / "results")
    assert path.name == "04.json" and path.read_text(encoding="utf-8").endswith("}\n")
    assert found["settings"] == {"steps": 10} and found["exact"] == {"0": 0.5, "3": 0.5}
    assert found["seeds"] == [0, 3] and found["seconds"] >= 0
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["versions"]["torch"])
    assert [p.name for p in path.parent.iterdir()] == ["04.json"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"exact": 0.5}, 'under the key "settings"'),
        ([1, 2], "must return a dict"),
        ({"settings": {}, "exact": float("nan")}, "not JSON"),
        ({"settings": {}, "exact": {1, 2}}, "not JSON"),
        ({"settings": {}, "seconds": 3}, "seconds"),
        ({"settings": {"data": str(ROOT / "data")}}, "name this machine"),
    ],
)
def test_recording_refuses_and_keeps_the_old(tmp_path: Path, given: object, message: str) -> None:
    path = recording.record("04", measured, [0], tmp_path)
    before = path.read_text(encoding="utf-8")
    with pytest.raises(recording.RecordingRefused, match=message):
        recording.record("04", lambda seeds: given, [0], tmp_path)

    def failing(seeds: list[int]) -> dict:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        recording.record("04", failing, [0], tmp_path)
    assert path.read_text(encoding="utf-8") == before
    assert [p.name for p in tmp_path.iterdir()] == ["04.json"]


def test_unknown_measurement_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["measure", "99"]) == 1
    assert "There is no measurement nb99; there are: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There are no recorded results"),
        ("{", "is damaged"),
        ("[]", "holds a list"),
    ],
)
def test_missing_or_damaged_results_say_how_to_make_them(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "04.json").write_text(content, encoding="utf-8")
    with pytest.raises(results.ResultsError, match=f"(?s){message}.*python -m helpers measure 04"):
        results.load_results("04", tmp_path)


@pytest.mark.parametrize("number", ["4", "four", "", 4])
def test_results_of_an_odd_number(number: object) -> None:
    with pytest.raises(ValueError, match="expected two digits"):
        results.load_results(number)


def test_recorded_results_in_the_tree_are_readable() -> None:
    for path in results.RESULTS.glob("[0-9][0-9].json"):
        recorded = results.load_results(path.stem)
        assert set(recording.OURS) | {"settings"} <= set(recorded), path.name
        assert json.dumps(recorded, allow_nan=False)


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["unheard-of"]):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        assert stopped.value.code == 2
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "refresh NN ..." in capsys.readouterr().out
