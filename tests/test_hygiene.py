"""The state in which notebooks are committed, and the shape of the code behind them."""

from __future__ import annotations

import ast
import copy
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import helpers
from helpers.authoring.bootstrap import put_bootstrap
from helpers.authoring.notebooks import NOTEBOOKS, normalise
from helpers.settings import ROOT
from tests import hygiene

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
LONG_FILE = 400  # lines
ALT = "a map of weights with one row a word"
IMAGE = f'<img alt="{ALT}" src="data:image/png;base64,AAAA">'


def test_there_are_notebooks() -> None:
    assert PATHS, f"no notebook in {NOTEBOOKS}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_has_no_faults(path: Path) -> None:
    assert path.stat().st_size <= hygiene.LARGEST
    assert hygiene.faults(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_is_in_the_one_form(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    written = nbformat.writes(normalise(notebook), indent=1).rstrip("\n") + "\n"
    assert path.read_text(encoding="utf-8") == written


def clean() -> NotebookNode:
    """Return a small notebook without a fault."""
    cells = [
        new_markdown_cell("# Title"),
        new_code_cell("print(1)", outputs=[new_output("stream", name="stdout", text="1\n")]),
        new_code_cell("show()", outputs=[new_output("display_data", data={"text/html": IMAGE})]),
        new_markdown_cell(f"![{ALT}](picture.png)"),
    ]
    return normalise(put_bootstrap(new_notebook(cells=cells)))


def test_a_clean_notebook_has_no_faults() -> None:
    assert hygiene.faults(clean()) == []


def change(**values: object) -> Callable[[NotebookNode], None]:
    """Return a fault planted in the cell after the bootstrap cell."""
    return lambda notebook: notebook.cells[2].update(values)


def output(*args: object, **values: object) -> Callable[[NotebookNode], None]:
    made = new_output(*args, **values)
    return lambda notebook: notebook.cells[2].outputs.append(made)


def html(text: str) -> Callable[[NotebookNode], None]:
    return output("display_data", data={"text/html": text})


def source(text: str, cell: int = 2) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[cell].update(source=text)


WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "HBox()"}
PLANTED = [
    (hygiene.not_executed_in_order, change(execution_count=7)),
    (hygiene.not_executed_in_order, change(execution_count=None)),
    (hygiene.bad_ids, lambda notebook: notebook.cells[3].update(id=notebook.cells[2].id)),
    (hygiene.bad_ids, lambda notebook: notebook.cells[3].pop("id")),
    (hygiene.errors, output("error", ename="ValueError", evalue="x", traceback=[])),
    (hygiene.stderr, output("stream", name="stderr", text="UserWarning: careful")),
    (hygiene.timing, change(metadata={"execution": {"iopub.status.busy": "now"}})),
    (hygiene.timing, lambda notebook: notebook.metadata.update(papermill={})),
    (hygiene.widget_state, lambda notebook: notebook.metadata.update(widgets={})),
    (hygiene.widget_state, output("display_data", data=WIDGET)),
    (hygiene.images_without_alt, output("display_data", data={"image/png": "AAAA"})),
    (hygiene.images_without_alt, output("execute_result", data={"image/svg+xml": "<svg/>"})),
    (hygiene.images_without_alt, html('<img src="data:image/png;base64,AAAA">')),
    (hygiene.images_without_alt, html('<IMG alt="short" src="x.png">')),
    (hygiene.images_without_alt, html(f"{IMAGE}<img alt='' src='x.png'>")),
    (hygiene.images_without_alt, source("![](picture.png)", cell=4)),
    (hygiene.images_without_alt, source('<img src="picture.png">', cell=4)),
    (hygiene.other_bootstrap, lambda notebook: notebook.cells.pop(1)),
    (hygiene.other_bootstrap, source("import helpers", cell=1)),
    (hygiene.other_bootstrap, lambda notebook: notebook.cells.append(notebook.cells.pop(1))),
    (hygiene.other_bootstrap, lambda notebook: notebook.cells.append(notebook.cells[1])),
    (hygiene.too_large, output("stream", name="stdout", text="x" * 800_000)),
    (hygiene.no_language, lambda notebook: notebook.metadata.pop("language_info")),
    (hygiene.no_language, lambda notebook: notebook.metadata.kernelspec.update(name="venv")),
    (hygiene.long_cells, source("x = 1\n" * 41)),
    (hygiene.machine_paths, source("open('/home/me/data.tsv')")),
    (hygiene.machine_paths, source("See /work/main for more.", cell=0)),
    (hygiene.machine_paths, output("stream", name="stdout", text="in /tmp/x\n")),
    (hygiene.machine_paths, html("<p>/root/course</p>")),
    (hygiene.registry_hosts, source("pip install -i" + " https://example.org/x y", cell=0)),
    (
        hygiene.registry_hosts,
        output("stream", name="stdout", text="at https://example.org" + "/simple"),
    ),
    (hygiene.trailing_semicolons, source("plot(x);")),
]


@pytest.mark.filterwarnings("ignore::nbformat.warnings.DuplicateCellId")
@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
@pytest.mark.parametrize(("rule", "plant"), PLANTED)
def test_planted_fault_is_found_by_its_rule(
    rule: Callable[[NotebookNode], list[str]], plant: Callable[[NotebookNode], None]
) -> None:
    notebook = copy.deepcopy(clean())
    plant(notebook)
    assert rule(notebook), f"{rule.__name__} found nothing"
    others = {r.__name__ for r in hygiene.RULES if r(notebook)} - {rule.__name__}
    assert others <= {"not_executed_in_order", "other_bootstrap", "bad_ids"}, (
        "more than was planted"
    )


def test_a_median_cell_over_the_limit_is_found() -> None:
    notebook = clean()
    notebook.cells += [new_code_cell("x = 1\n" * 9, id=f"long{n}") for n in range(3)]
    assert "median" in hygiene.long_cells(notebook)[0]


def test_every_rule_is_tried() -> None:
    assert {rule for rule, _ in PLANTED} == set(hygiene.RULES)


def test_picture_data_that_looks_like_a_path_is_no_fault() -> None:
    notebook = clean()
    html(f'<img alt="{ALT}" src="data:image/png;base64,AA/tmp/AA">')(notebook)
    assert hygiene.faults(notebook) == []


def test_no_registry_is_named_in_the_tree() -> None:
    kinds = {".py", ".md", ".toml", ".txt", ".yml", ".cff", ".js", ".css", ""}
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        # Caches and environments are hidden folders; of those, only .ci belongs to the course.
        hidden = any(part[0] == "." and part != ".ci" for part in parts[:-1])
        if hidden or path.suffix not in kinds or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        assert not hygiene.REGISTRY.search(text), path


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=lambda a: a[0])
def test_ruff(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "ruff", *arguments, "--output-format=concise", "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


PACKAGE = ROOT / "helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    """Return the part of the package that a file belongs to: its module or subpackage."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_long_files_are_pointed_out() -> None:
    """A warning and not a failure, as a limit would draw the boundaries instead of the ideas."""
    for path in MODULES:
        if lines(path) > LONG_FILE:
            name = path.relative_to(ROOT).as_posix()
            warnings.warn(f"{name} has {lines(path)} lines: is it about one idea?", stacklevel=1)


def layers(docstring: str) -> list[set[str]]:
    """Return the parts of the package, by layer, in the order in which they may be imported."""
    text = re.search(r"Imports point one way:(.*?)\.(?:\s|$)", docstring, flags=re.DOTALL)[1]
    return [set(re.findall(r"\w+", layer)) for layer in text.split("->")]


def imported_parts(code: str) -> set[str]:
    """Return the parts of the package that this source imports, at the top or in a function."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "helpers":
            names = [f"helpers.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import; write the whole name"
            names = [node.module]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("helpers.")}
    return found - {"__version__"}


def wrong_ways(imports: dict[str, set[str]], order: list[set[str]]) -> list[str]:
    """Return the imports of a later layer, and the cycles within one layer."""
    rank = {name: number for number, layer in enumerate(order) for name in layer}
    edges = {(a, b) for a, names in imports.items() for b in names if a != b}
    faults = [f"{a} imports {b}" for a, b in sorted(edges) if rank.get(b, 0) > rank.get(a, 0)]
    reached = set(edges)
    while more := {(a, d) for a, b in reached for c, d in edges if b == c} - reached:
        reached |= more
    return faults + [f"{a} imports itself by way of others" for a, b in sorted(reached) if a == b]


ORDER = layers(helpers.__doc__)


def test_every_part_of_the_package_has_a_layer() -> None:
    parts = {part(path) for path in MODULES} - {"__init__", "__main__"}
    assert parts == set().union(*ORDER), (
        "name each part once in the docstring of helpers/__init__.py"
    )
    assert sum(map(len, ORDER)) == len(parts)


def test_imports_point_one_way() -> None:
    imports: dict[str, set[str]] = {}
    for path in MODULES:
        if part(path) not in ("__init__", "__main__"):
            found = imported_parts(path.read_text(encoding="utf-8"))
            imports.setdefault(part(path), set()).update(found)
    assert wrong_ways(imports, ORDER) == []


def test_imports_the_other_way_and_cycles_are_found() -> None:
    order = layers("Imports point one way: settings -> corpus,\ngrammar -> figures. And more.")
    assert order == [{"settings"}, {"corpus", "grammar"}, {"figures"}]
    assert wrong_ways({"corpus": {"settings", "grammar"}, "figures": {"settings"}}, order) == []
    assert wrong_ways({"settings": {"figures"}}, order) == ["settings imports figures"]
    assert wrong_ways({"corpus": {"grammar"}, "grammar": {"corpus"}}, order) != []
    code = "def f():\n    from helpers import figures\nimport helpers.corpus\nimport torch"
    assert imported_parts(code) == {"figures", "corpus"}


SHELVES = ("corpus", "models", "tasks", "analysis", "figures")


@pytest.mark.parametrize("shelf", SHELVES)
def test_every_module_of_a_shelf_is_listed_with_a_line(shelf: str) -> None:
    """In the shelf's own page, and in the tree of CONTRIBUTING.md, in the same words."""
    folder = PACKAGE / shelf
    page = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    listed = set(re.findall(r"^(\w+)/?  +\S", page, flags=re.MULTILINE))
    there = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    there |= {path.parent.name for path in folder.glob("*/__init__.py")}
    assert listed == there
    tree = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    assert {name for name in there if not re.search(rf"^    {name}(\.py|/) ", tree, re.M)} == set()
