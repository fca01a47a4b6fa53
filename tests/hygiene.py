"""The rules that every committed notebook keeps, each a function from a notebook to its faults."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator

import nbformat
from nbformat import NotebookNode

from helpers.authoring.bootstrap import TAG, bootstrap_source
from helpers.authoring.notebooks import LARGEST

SHORTEST_ALT = 20  # characters
MEDIAN_LINES = 8
MOST_LINES = 40

_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|Users)/\w|[A-Z]:\\Users\\")
# Where packages come from is the reader's own setting; only PyTorch's CPU index may be named.
REGISTRY = re.compile(
    r"(?:--(?:extra-)?index-url|--registry|--channel|-i)[ =]+https?://(?!download\.pytorch\.org)\S+"
    r"|https?://\S+/simple\b"
)
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*("([^"]*)"|'([^']*)')""", re.IGNORECASE)
_TIMING = ("execution", "ExecuteTime", "papermill")
_WIDGETS = ("application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json")


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def _outputs(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for cell in _code(notebook):
        for output in cell.outputs:
            yield cell.get("id", "?"), output


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def not_executed_in_order(notebook: NotebookNode) -> list[str]:
    counts = [cell.execution_count for cell in _code(notebook)]
    if counts == list(range(1, len(counts) + 1)):
        return []
    return [f"executed in the order {counts}, expected 1 to {len(counts)}"]


def bad_ids(notebook: NotebookNode) -> list[str]:
    ids = [cell.get("id") for cell in notebook.cells]
    repeated = sorted({name for name in ids if name and ids.count(name) > 1})
    faults = [f"cell id {name} is used more than once" for name in repeated]
    return faults + [f"cell {n} has no id" for n, name in enumerate(ids, 1) if not name]


def errors(notebook: NotebookNode) -> list[str]:
    found = [(name, o) for name, o in _outputs(notebook) if o.output_type == "error"]
    return [f"cell {name} ended in {output.ename}" for name, output in found]


def stderr(notebook: NotebookNode) -> list[str]:
    found = [(name, o) for name, o in _outputs(notebook) if o.get("name") == "stderr"]
    return [f"cell {name} wrote to stderr: {output.text[:80]}" for name, output in found]


def timing(notebook: NotebookNode) -> list[str]:
    faults = [
        f"cell {cell.get('id')} has the metadata {key!r}"
        for cell in notebook.cells
        for key in _TIMING
        if key in cell.metadata
    ]
    return faults + [
        f"the notebook has the metadata {k!r}" for k in _TIMING if k in notebook.metadata
    ]


def widget_state(notebook: NotebookNode) -> list[str]:
    faults = ["the notebook's metadata hold widget state"] if "widgets" in notebook.metadata else []
    return faults + [
        f"cell {name} has an output of type {kind}"
        for name, output in _outputs(notebook)
        for kind in _WIDGETS
        if kind in output.get("data", {})
    ]


def images_without_alt(notebook: NotebookNode) -> list[str]:
    """Pictures are HTML with alt text; a bare image, or one in Markdown without, is a fault."""
    faults = []
    for name, output in _outputs(notebook):
        data = output.get("data", {})
        faults += [f"cell {name} shows a bare {k}" for k in data if k.startswith("image/")]
        faults += _poor_alts(name, _text(data.get("text/html", "")))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            faults += _poor_alts(cell.get("id", "?"), cell.source)
            for alt in re.findall(r"!\[([^\]]*)\]\(", cell.source):
                faults += [] if len(alt) >= SHORTEST_ALT else [_short(cell.get("id", "?"), alt)]
    return faults


def _poor_alts(name: str, html: str) -> list[str]:
    faults = []
    for tag in _IMAGE.findall(html):
        match = _ALT.search(tag)
        alt = (match[2] or match[3] or "") if match else ""
        if len(alt.strip()) < SHORTEST_ALT:
            faults.append(_short(name, alt))
    return faults


def _short(name: str, alt: str) -> str:
    return f"cell {name} has an image with the alt text {alt!r}; {SHORTEST_ALT} characters or more"


def other_bootstrap(notebook: NotebookNode) -> list[str]:
    tagged = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        return [f"{len(tagged)} cells have the tag {TAG!r}, expected one"]
    if tagged[0].source != bootstrap_source():
        return ["the set-up cell differs from the one that `python -m helpers bootstrap` writes"]
    return [] if tagged[0] is _code(notebook)[0] else ["the set-up cell is not the first to run"]


def too_large(notebook: NotebookNode) -> list[str]:
    size = len(nbformat.writes(notebook, indent=1).encode())
    return [f"{size:,} bytes, over {LARGEST:,}"] if size > LARGEST else []


def no_language(notebook: NotebookNode) -> list[str]:
    name = notebook.metadata.get("language_info", {}).get("name")
    kernel = notebook.metadata.get("kernelspec", {}).get("name")
    if (name, kernel) == ("python", "python3"):
        return []
    return [f"language {name!r} and kernel {kernel!r}, expected 'python' and 'python3'"]


def long_cells(notebook: NotebookNode) -> list[str]:
    lines = {
        cell.get("id"): sum(bool(line.strip()) for line in cell.source.splitlines())
        for cell in _code(notebook)
        if TAG not in cell.metadata.get("tags", [])  # set-up is folded away, and not for reading
    }
    found = [(name, count) for name, count in lines.items() if count > MOST_LINES]
    faults = [f"cell {name} has {count} lines, over {MOST_LINES}" for name, count in found]
    median = statistics.median(lines.values()) if lines else 0
    if median > MEDIAN_LINES:
        faults.append(f"the median code cell has {median:g} lines, over {MEDIAN_LINES}")
    return faults


def machine_paths(notebook: NotebookNode) -> list[str]:
    return [f"{w} names a path of one machine: {m}" for w, m in _search(notebook, _MACHINE_PATH)]


def registry_hosts(notebook: NotebookNode) -> list[str]:
    return [f"{where} names a package registry: {m}" for where, m in _search(notebook, REGISTRY)]


def _search(notebook: NotebookNode, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for cell in notebook.cells:
        # base64 of a picture may hold any letters, so only what is not data is searched
        texts = [cell.source]
        for output in cell.get("outputs", []):
            values = [output.get("text", ""), *output.get("traceback", [])]
            values += [v for k, v in output.get("data", {}).items() if k.startswith("text/")]
            texts += [re.sub(r"data:[^\"']*", "", _text(value)) for value in values]
        for text in texts:
            if match := pattern.search(text):
                yield f"cell {cell.get('id')}", match[0]


def trailing_semicolons(notebook: NotebookNode) -> list[str]:
    return [
        f"cell {cell.get('id')} ends in a semicolon"
        for cell in _code(notebook)
        if cell.source.rstrip().endswith(";")
    ]


RULES: tuple[Callable[[NotebookNode], list[str]], ...] = (
    not_executed_in_order,
    bad_ids,
    errors,
    stderr,
    timing,
    widget_state,
    images_without_alt,
    other_bootstrap,
    too_large,
    no_language,
    long_cells,
    machine_paths,
    registry_hosts,
    trailing_semicolons,
)


def faults(notebook: NotebookNode) -> list[str]:
    """Return the faults that any of `RULES` finds, in words; none for a notebook to commit."""
    return [fault for rule in RULES for fault in rule(notebook)]
