"""The commands of `python -m helpers`, for those who write the course, and `doctor` for all.

What a command needs is imported when it runs: `doctor` has to work where PyTorch does not, and
set_threads has to come before anything else imports torch.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from helpers.authoring import Refused
from helpers.start import set_threads

_ABOUT = """\
To study the course you need none of these commands. `doctor` tells what to send along with a
question; the others are for those who write it.

  doctor           look at this machine: versions, cores, threads, memory, speed, folders
  refresh NN ...   execute notebooks under seed 0 and write them back in their one form
  bootstrap        write the current first cell into every notebook, without executing
  measure NN       make the long runs of a notebook and store them in data/results/
  ledger           run notebooks under many seeds, and store how far claims are from their bands
  data             rebuild data/en-fr from the grammar
  models           train the shipped models in data/models anew, or those named
  book             build the course as a book that opens in a browser, without a kernel
  edition WHICH    write the notebooks for students, or solved and with notes for the instructor
  slides NN ...    make slides of what is shown in class, which open in a browser
  grade FOLDER     judge the notebooks that a class handed in, each answer in a process of its own
  export WHICH     write the exercises as assignments for nbgrader or otter-grader
  benchmark WHICH  time the layers, or train translators on real sentences
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 1 if something was refused."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except Refused as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="python -m helpers COMMAND ...",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    doctor = commands.add_parser("doctor", help="look at this machine")
    doctor.set_defaults(run=_doctor)

    refresh = commands.add_parser("refresh", help="execute notebooks and write them back")
    refresh.add_argument("numbers", nargs="+", metavar="NN", help="such as 04, or 'all'")
    refresh.set_defaults(run=_refresh)

    bootstrap = commands.add_parser("bootstrap", help="write the first cell, without executing")
    bootstrap.set_defaults(run=_bootstrap)

    measure = commands.add_parser("measure", help="make and store the long runs of a notebook")
    measure.add_argument("number", metavar="NN", help="such as 04")
    measure.add_argument(
        "--seeds", nargs="+", type=int, default=list(range(8)), metavar="S", help="default: 0 to 7"
    )
    measure.set_defaults(run=_measure)

    ledger = commands.add_parser("ledger", help="run notebooks under many seeds")
    ledger.add_argument(
        "--seeds", nargs="+", type=int, metavar="S", help="default: twenty that have chosen nothing"
    )
    ledger.add_argument("--notebooks", nargs="+", metavar="NN", help="such as 04; default: all")
    ledger.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1)")
    ledger.add_argument(
        "--sabotage",
        action="store_true",
        help="break claims on purpose; without --seeds nothing else is run",
    )
    ledger.set_defaults(run=_ledger)

    data = commands.add_parser("data", help="rebuild data/en-fr from the grammar")
    data.set_defaults(run=_data)
    models = commands.add_parser("models", help="train the shipped models anew")
    models.add_argument("names", nargs="*", metavar="NAME", help="such as 'word values'")
    models.set_defaults(run=_models)

    book = commands.add_parser("book", help="build the course as a book for a browser")
    book.add_argument("--out", type=Path, help="the folder to write into (default: build/book)")
    book.add_argument("--pdf", action="store_true", help="write book.pdf too; needs Chromium")
    book.set_defaults(run=_book)

    edition = commands.add_parser("edition", help="write the student's or instructor's notebooks")
    edition.add_argument("which", choices=["student", "instructor"], help="for whom")
    edition.add_argument(
        "--notebooks", nargs="+", default=[], metavar="NN", help="such as 04; default: all"
    )
    edition.add_argument("--out", type=Path, help="the folder to write into (default: build/WHICH)")
    edition.add_argument("--execute", action="store_true", help="execute them, a minute for each")
    edition.set_defaults(run=_edition)

    slides = commands.add_parser("slides", help="make slides of what is shown in class")
    slides.add_argument("numbers", nargs="+", metavar="NN", help="such as 04")
    slides.add_argument("--out", type=Path, help="the folder to write into (default: build/slides)")
    slides.set_defaults(run=_slides)

    grade = commands.add_parser("grade", help="judge the notebooks that a class handed in")
    grade.add_argument("folder", type=Path, help="holds the notebooks, in folders or not")
    grade.add_argument("--out", type=Path, default=Path("grades.csv"), help="default: grades.csv")
    grade.add_argument("--seconds", type=int, help="processor time for each answer (default 30)")
    grade.add_argument("--by-the-clock", type=float, help="seconds for each answer (default 180)")
    grade.add_argument("--memory", type=int, help="MB for each answer (default 1024)")
    grade.set_defaults(run=_grade)

    export = commands.add_parser("export", help="write assignments for another grader")
    export.add_argument("which", choices=["nbgrader", "otter"], help="for which grader")
    export.add_argument(
        "--notebooks", nargs="+", default=[], metavar="NN", help="such as 04; default: all"
    )
    export.add_argument("--out", type=Path, help="the folder to write into (default: build/WHICH)")
    export.set_defaults(run=_export)

    benchmark = commands.add_parser("benchmark", help="time the layers, or train translators")
    benchmark.add_argument("which", choices=["layers", "translation"], help="what to measure")
    benchmark.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    benchmark.add_argument("--json", type=Path, help="also write the numbers to this file")
    benchmark.add_argument("--data", type=Path, help="translation: folder that holds train.en ...")
    benchmark.add_argument("--cpu-seconds", type=float, help="translation: time for each model")
    benchmark.add_argument("--models", nargs="+", help="translation: only these (default all)")
    benchmark.add_argument("--seed", type=int, default=0, help="translation: seed (default 0)")
    benchmark.set_defaults(run=_benchmark, refuse=benchmark.error)
    return parser


def _doctor(options: argparse.Namespace) -> None:
    from helpers.authoring import doctor

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a path may hold what this console cannot show
    for line in doctor.report():
        print(line, flush=True)


def _refresh(options: argparse.Namespace) -> None:
    from helpers.authoring import notebooks

    if options.numbers == ["all"]:
        paths = sorted(notebooks.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    else:
        paths = [notebooks.find_notebook(number, notebooks.NOTEBOOKS) for number in options.numbers]
    for path in paths:
        print(f"{path.name} ...", flush=True)
        start = time.perf_counter()
        try:
            notebooks.refresh(path)
        except notebooks.NotebookRefused as refusal:
            raise notebooks.NotebookRefused(f"{path.name} stays as it was.\n{refusal}") from None
        size = path.stat().st_size / 1000
        print(f"{path.name}: {time.perf_counter() - start:.0f} s, {size:.0f} kB")


def _bootstrap(options: argparse.Namespace) -> None:
    from helpers.authoring import notebooks
    from helpers.authoring.bootstrap import put_bootstrap

    for path in sorted(notebooks.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        notebook = put_bootstrap(notebooks.read_notebook(path))
        notebooks.write_notebook(notebook, path)
        print(f"{path.name}: first cell written")


def _measure(options: argparse.Namespace) -> None:
    set_threads()
    from helpers.authoring import recording

    measure = recording.find_measurement(options.number)
    path = recording.record(options.number, measure, options.seeds)
    print(f"Stored in {path}")


def _ledger(options: argparse.Namespace) -> None:
    set_threads()
    from helpers.authoring.ledger import command

    command.ledger(options.seeds, options.notebooks, options.jobs, options.sabotage)


def _data(options: argparse.Namespace) -> None:
    from helpers.corpus.grammar import build
    from helpers.settings import DATA

    build(DATA / "en-fr")
    print(f"Rebuilt {DATA / 'en-fr'}")


def _models(options: argparse.Namespace) -> None:
    set_threads()
    from helpers.authoring.pretraining import PRETRAINING, build
    from helpers.settings import DATA

    if unknown := set(options.names) - set(PRETRAINING):
        raise Refused(f"there is no model {sorted(unknown)}; there are {', '.join(PRETRAINING)}")
    build(options.names)
    print(f"Rebuilt {DATA / 'models'}")


def _book(options: argparse.Namespace) -> None:
    set_threads()
    from helpers.authoring.book import building

    out = options.out or building.DEFAULT
    warnings = building.build(out, options.pdf)
    if warnings:
        raise Refused("the book has faults:\n" + "\n".join(warnings))
    print(f"Open {out / 'index.html'}")


def _edition(options: argparse.Namespace) -> None:
    from helpers.authoring import editions

    paths = editions.write(options.which, options.notebooks, options.out, options.execute)
    print(f"Wrote {len(paths)} notebooks into {paths[0].parent}")


def _slides(options: argparse.Namespace) -> None:
    set_threads()
    try:
        from helpers.authoring.book import slides
    except ImportError as error:
        raise Refused(
            f"slides need a package that is not here ({error}). Install the extra: "
            "pip install -e '.[book]'"
        ) from error
    for number in options.numbers:
        print(f"Open {slides.build(number, options.out or slides.DEFAULT)}")


def _grade(options: argparse.Namespace) -> None:
    set_threads()
    from helpers.authoring import grading
    from helpers.authoring.grading import reporting

    asked = {
        "seconds": options.seconds,
        "by_the_clock": options.by_the_clock,
        "memory": options.memory and options.memory << 20,
    }
    limits = grading.Limits()._replace(**{k: v for k, v in asked.items() if v is not None})
    marks = grading.grade(options.folder, limits)
    page = reporting.write(marks, options.out)
    print(f"Wrote {options.out}, and {page} without names")


def _export(options: argparse.Namespace) -> None:
    from helpers.authoring.grading import exporting

    paths = exporting.write(options.which, options.notebooks, options.out)
    print(f"Wrote {len(paths)} assignments, the first one as {paths[0]}")


def _benchmark(options: argparse.Namespace) -> None:
    import torch

    from helpers.authoring.benchmarks import layers, translation

    torch.set_num_threads(options.threads)
    if options.which == "layers":
        found = layers.layers()
        print(layers.report(found))
    else:
        if options.data is None or options.cpu_seconds is None:
            options.refuse("translation needs --data DIR and --cpu-seconds N")
        found = translation.translation(
            options.data, options.cpu_seconds, options.threads, options.models, options.seed
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
