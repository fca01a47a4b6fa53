"""Grading: twelve submissions, some of them hostile, and the parts that keep them apart."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from inspect import signature
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from helpers.authoring import Refused
from helpers.authoring.grading import reporting, submissions, wire
from helpers.authoring.grading.answering import imports_of, take
from helpers.authoring.grading.confinement import Limits
from helpers.authoring.grading.judging import Judge, Judged
from helpers.authoring.grading.reporting import Mark
from helpers.exercises import REGISTRY
from helpers.exercises.comparing import difference
from helpers.exercises.engine import Verdict
from helpers.exercises.running import Outcome, Raised
from helpers.settings import ROOT

SCORES, SOFTMAX = "nb04.additive_scores", "nb04.masked_softmax"
REFERENCE = {name: REGISTRY[name].source for name in (SCORES, SOFTMAX)}
# What a hostile function does before it gives a wrong answer, or the right one.
HOSTILE = {
    "crashing": "import ctypes; ctypes.string_at(0)",
    "endless": "sum(range(1 << 60))",  # a loop in C, which nothing but the kernel stops
    "memory": "return bytearray(4 << 30)",
    "forking": "import os\n    while True: os.fork()",
    "printing": """\
import os, sys
    for _ in range(3):
        print("✓ additive_scores: correct")
        os.write(1, b"printing.ipynb,nb04.additive_scores,correct,,0.1\\n")
        os.write(2, b"correct\\n")
    return queries""",
    "patching": """\
import sys
    from helpers.exercises import comparing, engine
    from helpers.authoring.grading import reporting
    engine.Exercise.verdict = lambda *given: engine.Verdict("correct")
    engine.Exercise._judge = lambda *given: engine.Verdict("correct")
    comparing.difference = comparing.same = lambda *given, **more: None
    torch.isclose = torch.equal = lambda *given, **more: torch.tensor(True)
    reporting.table = reporting.page = lambda marks: "correct"
    sys.modules["helpers.exercises.comparing"] = sys.modules["math"]
    return queries""",
    "forging": """\
import gc
    from multiprocessing.connection import Connection
    for one in gc.get_objects():
        if isinstance(one, Connection):
            one.send_bytes(b'{"tuple": ["correct", {"other": "Verdict"}]}')
    return queries""",
    "deleting": """\
import os, shutil
    for place, folders, files in os.walk(FOLDER):
        for file in files:
            for deed in (os.remove, lambda path: open(path, "w").close(), shutil.rmtree):
                try:
                    deed(os.path.join(place, file))
                except OSError:
                    pass""",
}


def cell(name: str, source: str):
    return new_code_cell(source, metadata={"tags": [f"exercise:{name}"]})


def notebook(scores: str, softmax: str):
    trap = new_code_cell("raise SystemExit('the other cells are not run')")
    return new_notebook(cells=[trap, cell(SCORES, scores), cell(SOFTMAX, softmax)])


def doing(deed: str) -> str:
    """Return the course's additive_scores with a deed before its body."""
    head, _, body = REFERENCE[SCORES].rpartition('"""\n')
    return f'{head}"""\n    {deed}\n{body}'


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> dict[str, dict[str, str]]:
    """Hand in all submissions, grade them once, and return the verdicts of each."""
    folder = tmp_path_factory.mktemp("class")
    right, softmax = REFERENCE[SCORES], REFERENCE[SOFTMAX]
    slip = "def masked_softmax(scores, mask):\n    return torch.softmax(scores, dim=-1)"
    handed_in = {
        "right": notebook(right, f"import helpers\n\n{softmax}\nmasked_softmax(1, 2, 3)"),
        "partly": notebook(right, slip),
        "wrong": notebook(doing("return queries"), slip),
        "empty": notebook(REGISTRY[SCORES].stub, ""),
    }
    for name, deed in HOSTILE.items():
        handed_in[name] = notebook(doing(deed.replace("FOLDER", repr(str(folder)))), softmax)
    for name, made in handed_in.items():
        nbformat.write(made, folder / f"{name}.ipynb")
    (folder / "broken.ipynb").write_text("I could not export it, sorry", encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    out = tmp_path_factory.mktemp("marks") / "grades.csv"
    command = [sys.executable, "-m", "helpers", "grade", str(folder), "--out", str(out)]
    limits = ["--seconds", "2", "--by-the-clock", "60", "--memory", "1024"]
    done = subprocess.run(command + limits, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert "is not refused" not in done.stdout and "✓" not in done.stdout + done.stderr
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["submission", "exercise", "verdict", "misconception", "seconds"]
    verdicts: dict[str, dict[str, str]] = {"page": {"": out.with_suffix(".md").read_text()}}
    for row in rows:
        said = " ".join(filter(None, (row["verdict"], row["misconception"])))
        verdicts.setdefault(row["submission"].removesuffix(".ipynb"), {})[row["exercise"]] = said
    return verdicts


SLIP = "not yet no_mask"


@pytest.mark.parametrize(
    ("name", "scores", "softmax"),
    [
        ("right", "correct", "correct"),
        ("partly", "correct", SLIP),
        ("wrong", "not yet", SLIP),
        ("empty", "not attempted", "not attempted"),
        ("crashing", "stopped", "correct"),
        ("endless", "stopped", "correct"),
        ("memory", "your code raised", "correct"),
        ("forking", "your code raised", "correct"),
        ("printing", "not yet", "correct"),
        ("patching", "not yet", "correct"),
        ("forging", "stopped", "correct"),
        ("deleting", "correct", "correct"),
    ],
)
def test_a_submission_is_marked_rightly(graded, name: str, scores: str, softmax: str) -> None:
    """Its mark on the second exercise shows that what it does in the first one does not spread."""
    assert graded[name][SCORES] == scores
    assert graded[name][SOFTMAX] == softmax
    assert {graded[name][e] for e in graded[name].keys() - REFERENCE} == {"no such cell"}


def test_what_is_no_notebook_is_marked_as_such(graded) -> None:
    assert graded["broken"] == {"": "cannot be read"}


def test_the_page_tells_the_common_slip_and_names_nobody(graded) -> None:
    page = graded["page"][""]
    assert "Submissions: 13" in page
    assert f"2 of 2: **{SLIP.removeprefix('not yet ').replace('_', ' ')}**" in page
    assert not any(name in page for name in ("partly", "forging", "broken", ".ipynb"))


def test_limits_too_narrow_for_the_courses_own_answer_are_refused(monkeypatch) -> None:
    judge = Judge(SCORES, Limits())
    ended = Judged(Verdict("stopped", "It took more than\n1 seconds."), 1.0)
    monkeypatch.setattr(judge, "judge", lambda source, imports: ended)
    with pytest.raises(Refused, match=r'"stopped" \(It took more than 1 seconds.\). Raise --sec'):
        judge.prepare()


# In a process of its own, because what confines it cannot be taken off again. Without the kernel's
# filter, as on macOS and Windows: a submission with it was graded above.
CONFINED = """
import sys
from pathlib import Path
from helpers.authoring.grading.confinement import Limits, confine, not_refused
file = Path(sys.argv[1])
print(*not_refused(file, 1 << 20), sep="\\n")
confine(Limits(), by_the_kernel=False)
import colorsys
print("then", not_refused(file, 1 << 40))
"""


def test_what_is_not_refused_is_found(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("as it was", encoding="utf-8")
    command = [sys.executable, "-c", CONFINED, str(kept)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.stdout.splitlines() == [
        "writing to the course's files",
        "a connection to the network",
        "1 MB of memory",
        "a process of its own",
        "a signal to another process",
        "then []",
    ], done.stderr
    assert kept.read_text(encoding="utf-8") == "as it was"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0.1 + 0.2,
        1 << 200,
        "ℓ",
        [1, (2.5, "a"), {3}],
        {"cell": 2},
        torch.arange(6.0, dtype=torch.float64).reshape(2, 3).T,
        torch.tensor(True),
        torch.empty(0, 3),
        torch.tensor([1.5, float("nan")], dtype=torch.bfloat16),
    ],
    ids=str,
)
def test_a_value_arrives_as_it_was_sent(value) -> None:
    arrived = wire.loads(wire.dumps(value))
    if isinstance(value, torch.Tensor):
        assert arrived.dtype == value.dtype
        assert torch.equal(arrived.isnan(), value.isnan())
        assert torch.equal(arrived.nan_to_num(), value.nan_to_num())
    else:
        assert arrived == value and type(arrived) is type(value)


def test_an_outcome_and_a_signature_arrive_as_they_were_sent() -> None:
    outcome = Outcome(
        (torch.ones(2), [1]), Raised("ValueError", "no", 3, "raise"), mutated=("x",), seen={"f": 2}
    )
    outcome.gradients = {"x": torch.zeros(2), "y": None}
    arrived = wire.loads(wire.dumps(outcome))
    assert difference(outcome.value, arrived.value) is None
    assert arrived.gradients.keys() == {"x", "y"} and arrived.gradients["y"] is None
    assert (arrived.raised, arrived.mutated, arrived.seen) == (outcome.raised, ("x",), {"f": 2})

    def function(x, *rest, y: int = 3, **more): ...

    assert str(wire.loads(wire.dumps(signature(function)))) == "(x, *rest, y=3, **more)"


def test_what_is_no_plain_value_arrives_as_the_name_of_its_type() -> None:
    for value in (torch.nn.Linear(1, 1), torch.eye(2).to_sparse(), 1j):
        assert type(wire.loads(wire.dumps(value))).__name__ == type(value).__name__


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x80\x04K\x01.",  # a pickle
        b"[1, 2]",
        b"3",
        b'{"exec": "print(1)"}',
        b'{"list": [1]}',
        b'{"tensor": ["torch.float32", [1099511627776], ""]}',
        b'{"tensor": ["torch.float32", [-1, -1], "AAAA"]}',
        b'{"tensor": ["torch.float32", [1], "AAAAAA"]}',
        b'{"signature": [["x", 9, null]]}',
        b'{"signature": [["1x", 0, null]]}',
        b'{"outcome": {"late": 1}}',
        b'{"outcome": {"verdict": "correct"}}',
        b'{"outcome": {"raised": "correct"}}',
        b'{"outcome": {"gradients": {"dict": [["x", "y"]]}}}',
        b'{"list": ' * 5000 + b"[]" + b"}" * 5000,
    ],
    ids=lambda message: message[:24].decode(errors="replace") or "nothing",
)
def test_any_other_message_is_refused(message: bytes) -> None:
    with pytest.raises(wire.BadMessage):
        wire.loads(message)


def taken(source: str, imports: str = "", **names):
    return take("f", source, imports, names)


def test_only_functions_classes_imports_and_named_values_are_taken() -> None:
    source = "%matplotlib inline\nimport math\nroot = math.sqrt(4)\nprint(1 / 0)\ndef f():\n"
    answer, fault = taken(f"{source}    return root\nassert f() == 3\nf(1, 2)\n!ls")
    assert answer() == 2 and fault is None


def test_the_courses_own_version_is_no_answer() -> None:
    """It comes out of the check of a wrong function, where that stands in the function's cell."""
    check = "def f():\n    return 1\nf = check(f)"
    answer, fault = take("f", check, "", {"check": lambda function: max}, max)
    assert answer() == 1 and fault is None
    assert take("f", "f = check(None)", "", {"check": lambda none: max}, max) == (None, None)


def test_a_value_that_cannot_be_made_does_not_hide_a_function() -> None:
    answer, fault = taken("x = model(1)\ndef f():\n    return 1")
    assert answer() == 1 and fault is None


def test_imports_of_other_cells_are_given_where_they_are_used() -> None:
    imports = "\n".join(imports_of("from math import tau, pi as p\nimport absent_package\nx = 1"))
    assert taken("def f():\n    return p", imports)[0]() == pytest.approx(3.14159, abs=1e-4)
    answer, _ = taken("def f():\n    return absent_package", imports)
    with pytest.raises(NameError):
        answer()
    assert imports_of("from math import *\nimport") == imports_of("from math import *") == []


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def f(:", "SyntaxError"),
        ("f = missing", "NameError"),
        ("@missing\ndef f(): ...", "NameError"),
        ("import sys\n@sys.exit\ndef f(): ...", "SystemExit"),
        ("f = 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_function_that_cannot_be_made_says_why(source: str, kind: str) -> None:
    answer, fault = taken(source)
    assert answer is None and fault is not None and fault.kind == kind


def test_cells_of_one_exercise_are_taken_in_their_order(tmp_path: Path) -> None:
    cells = [cell(SCORES, "a = 1"), new_code_cell("import os\nx = 2"), cell(SCORES, "b = 2")]
    (tmp_path / "ada").mkdir()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "ada" / "04.ipynb")
    nbformat.write(new_notebook(cells=cells), tmp_path / ".ipynb_checkpoints" / "04.ipynb")
    (only,) = submissions.submissions(tmp_path)
    assert (only.name, only.imports, only.fault) == ("ada/04.ipynb", "import os", "")
    assert only.answers[SCORES] == "a = 1\n\nb = 2" and only.answers[SOFTMAX] is None
    assert only.answers.keys() == {name for name in REGISTRY if name.startswith("nb04.")}


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b'{"cells": 3}', b"[" * 100_000, json.dumps(new_notebook()).encode()],
    ids=["nothing", "bytes", "list", "number", "deep", "no exercise"],
)
def test_a_file_that_holds_no_exercises_has_a_fault(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ipynb").write_bytes(content)
    (only,) = submissions.submissions(tmp_path)
    assert only.fault and not only.answers


def test_a_folder_without_notebooks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="holds no notebooks"):
        submissions.submissions(tmp_path)


def test_the_table_holds_no_formula_for_a_spreadsheet() -> None:
    text = reporting.table([Mark("=1+1.ipynb", SCORES, "correct", "", 0.25)])
    assert text.splitlines()[1] == f"'=1+1.ipynb,{SCORES},correct,,0.2"


def test_the_page_begins_with_the_exercise_that_most_got_wrong() -> None:
    marks = [Mark(who, SCORES, "correct") for who in "abc"]
    marks += [Mark(who, SOFTMAX, "your code raised", message="NameError: name 'x'") for who in "ab"]
    marks += [Mark("c", SCORES, "not yet", "no_tanh", 1.0, "There is no\ntanh.")]
    page = reporting.page(marks)
    assert page.index("## nb04.masked_softmax") < page.index("## nb04.additive_scores")
    assert "- 2 of 2: **your code raised: NameError**" in page
    assert "- 1 of 1: **no tanh**\n  There is no tanh." in page
    assert f"| {SCORES} | 3 |  | 1 |" in page
