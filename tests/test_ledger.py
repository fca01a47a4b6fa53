"""The ledger: runs that are stored and taken up again, rows, refusals, saboteurs, the picture."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from helpers import claims, training
from helpers.authoring import cli, notebooks
from helpers.authoring.ledger import command, page, picture, rows, running, saboteurs
from helpers.authoring.ledger.changes import learning
from helpers.authoring.ledger.running import LedgerRefused, Run, Task
from helpers.authoring.ledger.stated import claims_in, kinds_of, without_bounds
from helpers.authoring.notebooks import NOTEBOOKS, read_notebook
from helpers.figures import charts
from helpers.settings import ROOT

PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
SET_UP = f"import sys; sys.path.insert(0, {str(ROOT)!r})"
CELLS = (
    "import random\nfrom helpers.claims import claim\nfrom helpers.settings import course_seed",
    'claim("00.low", "a share", course_seed() % 100 / 1000, below=0.5)\n'
    'claim("00.both", "another", 2, above=1, below=3)',
    'claim("00.read", "recorded: a mean", 7, above=6)',
)


@pytest.fixture
def here(monkeypatch):
    """Let cells run in this process, in a thousandth of the time that a kernel takes to start."""

    def execute(notebook, folder, seed, timeout, go_on):
        names: dict[str, object] = {}
        with notebooks.environment(COURSE_SEED=str(seed)):
            for cell in notebook.cells:
                try:
                    exec(cell.source, names)
                except Exception as error:
                    cell.outputs = [new_output("error", ename=type(error).__name__, evalue="")]
        charts.png = png  # what a kernel changes is put back
        return notebook

    png = charts.png
    monkeypatch.setattr(claims, "claim", claims.claim)
    monkeypatch.setattr(running, "execute", execute)


def write(folder: Path, *cells: str, name: str = "00_small") -> Path:
    folder.mkdir(exist_ok=True)
    tagged = new_code_cell(SET_UP, metadata={"tags": ["bootstrap"]})
    notebook = new_notebook(cells=[tagged, *map(new_code_cell, cells)])
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def ran(by_seed: dict[int, float], band: list[float | None], statement: str = "a share"):
    return [
        Run(
            Task("11", seed),
            [{"claim": "11.x", "statement": statement, "value": value, "band": band}],
            1.0,
            [],
        )
        for seed, value in by_seed.items()
    ]


# ---------------------------------------------------------------- a whole ledger


def test_a_ledger_is_written_and_taken_up_again(tmp_path, capsys, monkeypatch, here):
    folder = write(tmp_path / "notebooks", *CELLS)
    given = {"folder": tmp_path / "runs", "path": tmp_path / "claims.json", "notebooks": folder}
    command.ledger([70_203], ["0"], **given)
    assert re.search(r"^1 of 1 · 00 seed 70203: 3 claims, \d+ s · all done$", said(capsys), re.M)
    command.ledger([70_204, 70_203, 70_204], ["0"], **given)
    text = said(capsys)
    assert "1 of 2 runs are stored" in text and "2 of 2 · 00 seed 70204: 3 claims" in text

    monkeypatch.setattr(running, "execute", lambda *_, **__: pytest.fail("it was run again"))
    command.ledger([70_203, 70_204], None, **given)
    assert "of 2 ·" not in said(capsys)
    low, both, read = rows.read_rows(given["path"])
    assert low == {
        "claim": "00.low",
        "notebook": "00",
        "statement": "a share",
        "kind": "live",
        "band": [None, 0.5],
        "seeds": [70_203, 70_204],
        "values": [0.003, 0.004],
        "worst": 0.004,
        "median": 0.0035,
        "margin_sd": pytest.approx((0.5 - 0.0035) / (0.001 / 2**0.5)),
        "saboteur": None,
        "sabotaged": None,
    }
    assert both["margin_sd"] is None and both["band"] == [1, 3]
    assert read["kind"] == "recorded" and read["seeds"] == [70_203] and read["values"] == [7]

    write(folder, *CELLS[:2])  # the notebook is changed: what is stored is of no use
    with pytest.raises(pytest.fail.Exception, match="it was run again"):
        running.make(Task("00", 70_203), given["folder"], folder)
    assert not running._stored(Task("00", 70_203), given["folder"], folder)


def test_a_claim_with_another_band_is_judged_by_it_and_needs_no_new_run(
    tmp_path, capsys, monkeypatch, here
):
    before, first, after = CELLS
    folder = write(tmp_path / "notebooks", *CELLS)
    given = {"folder": tmp_path / "runs", "path": tmp_path / "claims.json", "notebooks": folder}
    command.ledger([70_203], None, **given)
    monkeypatch.setattr(running, "execute", lambda *_, **__: pytest.fail("it was run again"))
    write(folder, before, first.replace("below=0.5", "below=0.6"), after)
    command.ledger([70_203], None, **given)
    assert rows.read_rows(given["path"])[0]["band"] == [None, 0.6]
    write(folder, before, first.replace("below=0.5", "below=0.001"), after)
    with pytest.raises(LedgerRefused, match=r"00\.low"):
        command.ledger([70_203], None, **given)


def test_bounds_that_are_numbers_are_left_out_and_nothing_else():
    cell = 'claim("00.é", "é", x(above=2), above={}, below=high)\nclaim("00.b", "", x, below={})'
    assert without_bounds(cell.format(-0.5, 9)) == cell.format("...", "...")
    assert without_bounds("x = limit(above=2)") == "x = limit(above=2)"


def said(capsys) -> str:
    return capsys.readouterr().out


def test_a_broken_claim_is_recorded_the_next_ones_too_and_nothing_is_written(
    tmp_path, capsys, here
):
    folder = write(
        tmp_path / "notebooks",
        'from helpers.claims import claim\nclaim("00.over", "a share", 2, below=1)\n'
        'claim("00.then", "another", 2, above=1)',
    )
    path = tmp_path / "claims.json"
    with pytest.raises(LedgerRefused, match=r"do not hold under every seed: 00\.over\. Mend"):
        command.ledger([70_203], None, folder=tmp_path / "runs", path=path, notebooks=folder)
    assert not path.exists()
    text = said(capsys)
    assert re.search(r"00\.over .*below 1 +BROKEN", text) and "00.then" in text


def test_a_notebook_that_fails_is_named_when_all_others_are_done(tmp_path, here):
    folder = write(tmp_path / "notebooks", "assert 1 == 2", *CELLS)
    write(folder, *[cell.replace('"00.', '"01.') for cell in CELLS], name="01_sound")
    given = {"folder": tmp_path / "runs", "path": tmp_path / "claims.json", "notebooks": folder}
    with pytest.raises(LedgerRefused, match=r"00 seed 70203: cell \w+: AssertionError"):
        command.ledger([70_203], None, **given)
    assert [path.name[:8] for path in given["folder"].iterdir()] == ["01-70203"]


def test_an_interruption_loses_only_the_run_that_was_under_way(tmp_path, monkeypatch, here):
    folder, whole, begun = write(tmp_path / "notebooks", *CELLS), running.execute, []

    def interrupted(notebook, place, seed, *rest, **options):
        begun.append(seed)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return whole(notebook, place, seed, *rest, **options)

    monkeypatch.setattr(running, "execute", interrupted)
    tasks = [Task("00", seed) for seed in (70_203, 70_204, 70_205)]
    with pytest.raises(KeyboardInterrupt):
        running.run_all(tasks, 1, tmp_path / "runs", folder)
    runs = running.run_all(tasks, 1, tmp_path / "runs", folder)
    assert begun == [70_203, 70_204, 70_204, 70_205]
    assert [run.task for run in runs] == tasks and all(len(run.claims) == 3 for run in runs)


@pytest.mark.long
def test_two_jobs_give_what_one_gives(tmp_path):
    folder = write(tmp_path / "notebooks", *CELLS)
    tasks = [Task("00", seed) for seed in (70_203, 70_204)]
    one = running.run_all(tasks, 1, tmp_path / "one", folder)
    two = running.run_all(tasks, 2, tmp_path / "two", folder)
    assert [run.claims for run in one] == [run.claims for run in two]
    assert [run.task for run in two] == tasks


def test_the_rest_is_estimated_from_the_runs_of_the_same_notebook():
    done = [Run(Task("04", 1), [], 40.0, []), Run(Task("08", 1), [], 100.0, [])]
    runs = {run.task: run for run in done}
    left = [Task("04", 2), Task("04", 3), Task("08", 2), Task("09", 1)]  # 40, 40, 100 and 70
    told = running._progress(done[1], 2, left, runs, jobs=2)
    assert told == "2 of 6 · 08 seed 1: 0 claims, 100 s · about 2 min left"


def test_what_cannot_be_asked_is_refused(capsys):
    assert cli.main(["ledger", "--seeds", "3", "70201", "--notebooks", "08"]) == 1
    assert "were chosen with the seeds [3], so a claim" in capsys.readouterr().err
    assert cli.main(["ledger", "--jobs", "0", "--notebooks", "08"]) == 1
    assert "--jobs is 0; expected 1 or more" in capsys.readouterr().err
    assert cli.main(["ledger", "--notebooks", "77"]) == 1
    assert "0 notebooks called 77_*.ipynb" in capsys.readouterr().err


def test_the_twenty_seeds_have_chosen_nothing():
    assert command._fresh(command.SEEDS) == list(command.SEEDS) and len(command.SEEDS) == 20


def test_a_notebook_that_only_reads_records_is_run_once(tmp_path):
    folder = write(tmp_path / "notebooks", CELLS[2])
    write(folder, *CELLS, name="01_live")
    tasks = [t for seed in (5, 6) for t in command._tasks(seed, [5, 6], ["00", "01"], folder)]
    assert tasks == [Task("00", 5), Task("01", 5), Task("01", 6)]


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("values", "band", "worst", "margin"),
    [
        ([0.2, 0.4], [None, 0.9], 0.4, 0.6 / 0.02**0.5),
        ([0.2, 0.4], [0.1, 0.9], 0.2, 0.2 / 0.02**0.5),
        ([0.2, 0.34], [0.25, None], 0.2, 0.02 / 0.0098**0.5),
        ([8.0, 32.0], [2.0, None], 8.0, 3 / 2**0.5),  # in powers of 2: 3 and 5, from 1 on
        ([8.0, 32.0], [2.0, 80.0], 8.0, 18 / 288**0.5),
        ([0.2, 0.2], [0.1, None], 0.2, None),
    ],
)
def test_the_worst_value_and_the_margin(values, band, worst, margin):
    (row,) = rows.rows_of(ran(dict(enumerate(values, 70_201)), band))
    assert row["worst"] == worst and row["median"] == pytest.approx(sum(values) / 2)
    assert row["margin_sd"] == (None if margin is None else pytest.approx(margin))
    assert rows.holds(row) == (band[0] != 0.25)


def test_no_number_lies_in_a_band_and_an_edge_lies_outside():
    for value in (float("nan"), 1.0, 1.5):
        (row,) = rows.rows_of(ran({1: value}, [None, 1.0]))
        assert not rows.holds(row)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (ran({1: 2.0, 2: 3.0}, [1, None], "recorded: a mean"), "says 'recorded' and changes"),
        ([*ran({1: 2.0}, [1, None]), *ran({2: 2.0}, [1, None], "b")], "stated in several ways"),
        ([*ran({1: 2.0}, [1, None]), Run(Task("11", 2), [], 1.0, [])], "missing under the seeds"),
    ],
)
def test_runs_that_do_not_go_together_are_refused(runs, message):
    with pytest.raises(LedgerRefused, match=message):
        rows.rows_of(runs)


def test_rows_take_the_place_of_those_of_the_same_notebook(tmp_path):
    path = tmp_path / "claims.json"
    (row,) = rows.rows_of(ran({1: 2.0}, [1, None]))
    rows.write_rows([row, row | {"notebook": "04", "claim": "04.x"}], path)
    rows.write_rows([row | {"claim": "11.new"}], path)
    assert [r["claim"] for r in rows.read_rows(path)] == ["04.x", "11.new"]
    assert len(path.read_text(encoding="utf-8").splitlines()) == 4  # a row a line


def test_the_nearest_to_its_edge_stands_first_and_records_last():
    (row,) = rows.rows_of(ran({1: 2.0}, [1, None]))
    given = [
        row | {"kind": "recorded"},
        row,
        row | {"margin_sd": 9.0},
        row | {"margin_sd": -2.0},
    ]
    assert rows.worst_first(given) == [given[3], given[2], given[1], given[0]]


# ---------------------------------------------------------------- saboteurs


def test_a_saboteur_breaks_its_claim_and_its_run_ends_there(tmp_path):
    """In a kernel of its own, because a saboteur changes the course for good."""
    cells = (
        "import torch\nfrom helpers.attention import attend\nfrom helpers.claims import claim\n"
        "x = 9 * torch.eye(3)\nsharp = float(attend(x, x, x)[1].max())",
        'claim("11.two", "largest weight", sharp, above=0.9)',
        "raise ValueError('not reached')",
    )
    folder = write(tmp_path / "notebooks", *cells, name="11_small")
    task = Task("11", 70_201, "attention fixed to the mean")
    run = running.make(task, tmp_path / "runs", folder)
    assert run.faults == []
    (said,) = run.claims
    assert said["value"] == pytest.approx(1 / 3)
    found = rows.broken_by([run])
    assert found["11.two"] == ("attention fixed to the mean", said["value"], True)
    assert found["11.mlp"] == ("attention fixed to the mean", None, False)  # not reached
    (row,) = rows.rows_of(ran({1: 0.99}, [0.9, None]))
    (row,) = rows.with_saboteurs([row | {"claim": "11.two"}], [run])
    assert row["saboteur"] == "attention fixed to the mean"
    assert row["sabotaged"] == said["value"]


def test_a_claim_that_holds_under_its_saboteur_is_named(capsys):
    claim = {"claim": "11.two", "statement": "s", "value": 0.99, "band": [0.95, None]}
    run = Run(Task("11", 70_201, "attention fixed to the mean"), [claim], 1.0, [])
    with pytest.raises(LedgerRefused, match=r"not broken by their saboteurs: .*11\.two"):
        command._tell_saboteurs([run], [], NOTEBOOKS)
    assert re.search(r"11\.two +0\.99  HOLDS  attention fixed", capsys.readouterr().out)


def test_each_live_claim_has_one_saboteur_or_the_reason_why_it_has_none():
    """For a new claim: add it to a saboteur in helpers/authoring/ledger/saboteurs.py."""
    broken = [claim for saboteur in saboteurs.SABOTEURS.values() for claim in saboteur.breaks]
    assert len(broken) == len(set(broken))
    stated = [c for path in PATHS for c in claims_in(read_notebook(path))]
    live = {c.claim for c in stated if c.kind == "live"}
    assert {*broken, *saboteurs.DEMONSTRATIONS} == live
    assert not saboteurs.DEMONSTRATIONS.keys() & {*broken}


def test_a_demonstration_is_told_with_its_reason(capsys):
    command._tell_saboteurs([], ["08"], NOTEBOOKS)
    text = capsys.readouterr().out
    assert re.search(r"08\.pairs +a demonstration: it counts the multiplications", text)


def test_trainings_are_brief_but_those_that_a_claim_asks_about(monkeypatch):
    changed = []
    monkeypatch.setattr(learning, "replace", lambda old, new: changed.append(new))
    monkeypatch.setattr(learning, "give", lambda name, answer: None)
    monkeypatch.setattr(training, "fit", lambda model, batches, steps=None, **given: (steps, given))
    learning.few_steps(("whole",))
    (fit,) = changed
    assert fit(0, 0, 500, label="whole")[0] == 500
    assert fit(0, 0, 500, label="other")[0] == 50 and fit(0, 0, 5)[0] == 1
    assert fit(0, 0, cpu_seconds=30) == (None, {"cpu_seconds": 3})


def test_a_saboteur_is_let_in_and_its_trainings_are_brief_where_it_says_so(monkeypatch):
    told = []
    saboteur = saboteurs.Saboteur(lambda: told.append("changed"), ("03.x",), {"03": ("one",)})
    monkeypatch.setitem(saboteurs.SABOTEURS, "a change", saboteur)
    monkeypatch.setattr(learning, "few_steps", told.append)
    saboteurs.let_in("a change", "03")
    saboteurs.let_in("a change", "04")
    assert told == [("one",), "changed", "changed"]


def test_trainings_are_brief_in_notebooks_with_a_claim_to_break_and_have_these_labels():
    sources = {path.name[:2]: path.read_text(encoding="utf-8") for path in PATHS}
    for name, saboteur in saboteurs.SABOTEURS.items():
        assert saboteur.brief.keys() <= {claim[:2] for claim in saboteur.breaks}, name
        for number, labels in saboteur.brief.items():
            assert all(f'\\"{label}\\"' in sources[number] for label in labels), name


def test_a_saboteurs_run_is_made_anew_when_its_change_or_its_claims_are_others(monkeypatch):
    def code(change, breaks=("03.x",), brief=()):
        saboteur = saboteurs.Saboteur(change, breaks, dict(brief))
        monkeypatch.setitem(saboteurs.SABOTEURS, "a change", saboteur)
        return saboteurs.code_of("a change", "03")

    before = code(_one_change)
    assert code(_one_change, ("03.x", "04.x")) == before  # 04 has a run of its own
    assert "told = 2" in before  # it is called by the change, and belongs to it
    others = [
        code(_other_change),
        code(_one_change, ("03.x", "03.y")),
        code(_one_change, brief={"03": ()}),
        code(partial(_one_change, 1)),
        code(partial(_one_change, 2)),
    ]
    assert len({before, *others}) == 6


def _one_change(given=0):
    _called()


def _other_change():
    raise ValueError


def _called():
    told = 2
    return told


# ---------------------------------------------------------------- what notebooks state


def test_the_same_is_of_the_kind_of_the_claim_before():
    said = ["the same", "recorded: a mean", "the same on long ones", "a share", "the same again"]
    assert kinds_of(said) == ["live", "recorded", "recorded", "live", "live"]
    (run,) = ran({1: 2.0}, [1, None], "recorded: a mean")
    also = run.claims[0] | {"claim": "11.y", "statement": "the same on long ones"}
    first, second = rows.rows_of([Run(run.task, [*run.claims, also], 1.0, [])])
    assert first["kind"] == second["kind"] == "recorded"


def test_claims_are_read_from_code():
    source = (
        'claim("01.a", "a share", x, above=0.5)\n'
        'for n in 1, 2:\n    claim(\n        "01.b", f"recorded: {n} times", y, above=low, below=3)'
    )
    first, second = claims_in(new_notebook(cells=[new_code_cell(source)]))
    assert first == ("01.a", ("a share",), 0.5, None, {"above"}, "live")
    assert second[:5] == ("01.b", ("recorded: ", " times"), None, 3.0, {"above", "below"})
    assert second.kind == "recorded" and second.fits("recorded: 2 times")
    assert not second.fits("recorded: 2") and not first.fits("a share, now")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_ids_are_those_of_their_notebook_and_stand_once(path):
    stated = [claim.claim for claim in claims_in(read_notebook(path))]
    assert stated and len(stated) == len(set(stated))
    assert {claim[:3] for claim in stated} == {f"{path.name[:2]}."}


# ---------------------------------------------------------------- in step


def test_a_ledger_that_is_not_in_step_is_told_apart():
    source = 'claim("11.x", "a share", x, above=1)\nclaim("11.y", f"of {n}", x, below=high)'
    stated = claims_in(new_notebook(cells=[new_code_cell(source)]))
    (row,) = rows.rows_of(ran({1: 2.0}, [1, None]))
    other = row | {"claim": "11.y", "statement": "of 8", "band": [None, 3]}
    assert list(page.out_of_step([row, other], stated)) == []
    changed = {
        "11.y stands in the notebooks only": [row],
        "11.z stands in the ledger only": [row, other, row | {"claim": "11.z"}],
        "11.x is stated otherwise: 'a part'": [row | {"statement": "a part"}, other],
        "11.x has another band: above 2": [row | {"band": [2, None]}, other],
        "11.x has another band: below 9": [row | {"band": [1, 9]}, other],
        "11.y has another band: below None": [row, other | {"band": [None, None]}],
    }
    for said, given in changed.items():
        assert list(page.out_of_step(given, stated)) == [said]


def test_a_ledger_in_the_tree_is_in_step_with_notebooks_picture_and_readme():
    """As long as none is committed, its picture and its words must not be either."""
    ledger, image = rows.read_rows(), picture.beside(rows.CLAIMS)
    assert image.is_file() == bool(ledger)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (image.name in readme) == bool(ledger)
    if ledger:
        stated = [c for path in PATHS for c in claims_in(read_notebook(path))]
        assert list(page.out_of_step(ledger, stated)) == []
        assert all(map(rows.holds, ledger))
        with Image.open(image) as shown:
            assert shown.text[picture.KEY] == picture.checksum(rows.CLAIMS)
        assert f"![{picture.alt(ledger)}](data/results/{image.name})" in readme


def test_the_books_part_has_the_picture_and_a_line_for_each_claim(tmp_path):
    path = tmp_path / "claims.json"
    assert page.over_seeds(path) == ""
    rows.write_rows([*drawn(2), drawn(1)[0] | {"claim": "11.r", "kind": "recorded"}], path)
    picture.write(path)
    text = page.over_seeds(path)
    assert text.startswith("## Over 3 seeds") and '<img alt="3 claims, a line each' in text
    lines = text[text.index("|---") :].splitlines()[1:]
    assert [line.split("`")[1] for line in lines] == ["11.claim_0", "11.claim_1", "11.r"]
    assert lines[0].endswith("| a share | above 1 | 2 | 2.2 | 3.0 | none: a demonstration |  |")


def test_the_words_count_the_seeds_of_notebooks_that_ran_under_more(tmp_path):
    """The least is told for all, and the page names the notebooks that ran under more."""
    few = drawn(1)[0]
    more = few | {"claim": "12.claim", "notebook": "12", "seeds": [*few["seeds"], 4, 5]}
    path = tmp_path / "claims.json"
    rows.write_rows([few], path)
    picture.write(path)
    assert "further seeds" not in page.over_seeds(path)
    assert " has 3 dots, one a seed" in picture.alt([few])
    rows.write_rows([more], path)
    assert page.over_seeds(path).startswith("## Over 3 seeds\n")
    assert "Notebooks `12` were therefore run under 2 further seeds." in page.over_seeds(path)
    assert " has 3 dots or more, one a seed" in picture.alt([few, more])


# ---------------------------------------------------------------- the picture


def drawn(count: int) -> list[rows.Row]:
    (row,) = rows.rows_of(ran({1: 2.0, 2: 2.5, 3: 2.2}, [1, None]))
    return [row | {"claim": f"11.claim_{k}", "margin_sd": 3.0 + k} for k in range(count)]


def test_the_picture_holds_the_ledger_that_it_shows(tmp_path):
    path = tmp_path / "claims.json"
    rows.write_rows(drawn(3), path)
    with Image.open(picture.write(path)) as image:
        assert image.text[picture.KEY] == picture.checksum(path)
        assert image.width > 300


def test_the_picture_has_a_line_for_each_claim_the_nearest_on_top():
    fig = picture.figure(drawn(70))
    labels = [[text.get_text() for text in axes.get_yticklabels()] for axes in fig.axes]
    assert [len(column) for column in labels] == [35, 35]
    assert labels[0][:2] == ["11.claim_0 °", "11.claim_1 °"]
    top = fig.axes[0].collections
    dots = [c for c in top if len(c.get_offsets()) == 3 and c.get_offsets()[0][1] == 0]
    assert sorted(dots[0].get_offsets()[:, 0]) == pytest.approx(
        [(value - 1) / 0.2516611478423583 for value in (2.0, 2.2, 2.5)]
    )


def test_the_words_of_the_picture_count_what_it_shows():
    text = picture.alt([*drawn(3), drawn(1)[0] | {"kind": "recorded"}])
    assert text.startswith("4 claims, a line each") and "the 3 live ones has 3 dots" in text
    assert "1 of them stand nearer than 4" in text and "11.claim_0, at 3.0" in text
    assert text.endswith("1 read a record.")


def test_times_are_told_in_words():
    told = [running.duration(seconds) for seconds in (12, 89, 90, 3000, 9600)]
    assert told == ["12 s", "89 s", "2 min", "50 min", "2 h 40 min"]


def test_runs_are_stored_as_json(tmp_path):
    folder = write(tmp_path / "notebooks", *CELLS)
    run = Run(Task("00", 70_201), [{"claim": "00.low", "value": 0.4, "band": [None, 0.5]}], 3.5, [])
    running._store(run, tmp_path / "runs", folder)
    (path,) = (tmp_path / "runs").iterdir()
    assert json.loads(path.read_text(encoding="utf-8"))["seconds"] == 3.5
    assert running._stored(run.task, tmp_path / "runs", folder) == run
