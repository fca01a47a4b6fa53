"""Execute a notebook and write it in the one form in which notebooks are committed."""

from __future__ import annotations

import copy
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.authoring import Refused
from helpers.authoring.bootstrap import put_bootstrap
from helpers.settings import ROOT
from helpers.start import VARIABLES

NOTEBOOKS = ROOT / "notebooks"
LARGEST = 700_000  # bytes on disk
CELL_SECONDS = 300
ONE_THREAD = dict.fromkeys(VARIABLES, "1")

_CELL_METADATA = ("tags", "jupyter")
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_STILL_MARK = re.compile(r"<style data-still=.*?</style>")  # of explorer/base.py
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# Without the exact version, so that a refresh on another Python changes nothing here.
_LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}


class NotebookRefused(Refused):
    """A notebook cannot be written as it is; the message names the cell and what to do."""


def find_notebook(number: str, folder: Path = NOTEBOOKS) -> Path:
    """Return the notebook whose name starts with `number`, such as "04" or "4".

    Raises NotebookRefused, listing the notebooks there are, if it is not exactly one.
    """
    prefix = f"{number.zfill(2)}_"
    found = sorted(folder.glob(f"{prefix}*.ipynb"))
    if len(found) != 1:
        names = sorted(path.name for path in folder.glob("[0-9][0-9]_*.ipynb"))
        raise NotebookRefused(
            f"{len(found)} notebooks called {prefix}*.ipynb in {folder}; "
            f"there are: {', '.join(names) or 'none'}"
        )
    return found[0]


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook as nbformat 4.5. Raises NotebookRefused if it is not one."""
    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError) as error:
        raise NotebookRefused(f"{path.name} is not a notebook: {error}") from error


def write_notebook(notebook: NotebookNode, path: Path, largest: int = LARGEST) -> None:
    """Write `notebook` to `path` in one step, so that a reader never sees half of it.

    Raises NotebookRefused, leaving `path` as it was, if it would be over `largest` bytes.
    """
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, indent=1).rstrip("\n") + "\n"
    size = len(text.encode())
    if size > largest:
        raise NotebookRefused(
            f"{path.name} would be {size:,} bytes, over the limit of {largest:,}: "
            "fewer or smaller figures, or less printed"
        )
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_text(text, encoding="utf-8", newline="\n")
    os.replace(scratch, path)


def refresh(path: Path, seed: int = 0, timeout: int = CELL_SECONDS) -> NotebookNode:
    """Put the bootstrap cell in, execute under `seed`, normalise, and write back to `path`.

    timeout: seconds that one cell may take. Returns the notebook as written.
    Raises NotebookRefused, leaving the file as it was, if a cell fails or writes to stderr, if
    the notebook gets too large, or if the file was saved or removed in the meantime.
    """
    before = path.read_bytes()
    notebook = put_bootstrap(read_notebook(path))
    executed = normalise(execute(notebook, path.parent, seed, timeout))
    refuse_stderr(executed)
    if not path.is_file() or path.read_bytes() != before:
        raise NotebookRefused(
            "The file was changed while the notebook was executed, and that change is kept. "
            "Refresh it again."
        )
    write_notebook(executed, path)
    return executed


def execute(
    notebook: NotebookNode,
    folder: Path,
    seed: int = 0,
    timeout: int = CELL_SECONDS,
    go_on: bool = False,
) -> NotebookNode:
    """Return a copy of `notebook` executed in `folder` by this very Python, under `seed`.

    With one thread, whatever the environment says, as that is what readers have.
    go_on: whether the next cell is run where one fails; the error is then among its outputs.
    Raises NotebookRefused with the cell's source and error if a cell fails or takes longer than
    `timeout` seconds.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    notebook = copy.deepcopy(notebook)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        allow_errors=True,
        store_widget_state=False,
        record_timing=False,
        # Kernels warn about unencrypted sockets at every start; these never leave the machine.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    manager = client.create_kernel_manager()
    # The kernelspec on the path may belong to another environment; the kernel must be this one.
    manager.kernel_spec.argv[0] = sys.executable
    number = 0
    fixed = {"COURSE_SEED": str(seed), "COURSE_PROGRESS": ""}  # what was solved here is nobody's
    with environment(**fixed, **ONE_THREAD), client.setup_kernel():
        for position, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            number += 1
            try:
                client.execute_cell(cell, position, execution_count=number)
            except (CellTimeoutError, DeadKernelError) as error:
                what = str(error).splitlines()[0]
                raise NotebookRefused(f"{_describe(notebook, position)}\n{what}") from None
            for output in cell.outputs:
                if output.output_type == "error" and not go_on:
                    fault = f"{output.ename}: {output.evalue}"
                    raise NotebookRefused(f"{_describe(notebook, position)}\n{fault}")
    return notebook


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Return a copy that holds nothing of the run but what a reader sees.

    Ids are kept, and added or replaced where missing or repeated. Execution counts run from 1.
    Timing, widget state and the front end's metadata go; so do live views, where the static
    fallback stays in the same output, or the still picture in the one before. Pieces of one
    stream are joined, and what was overwritten after a carriage return is dropped, as on a
    terminal.
    """
    notebook = copy.deepcopy(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": _LANGUAGE})
    count, seen = 0, set()
    for position, cell in enumerate(notebook.cells):
        kept = {key: cell.metadata[key] for key in _CELL_METADATA if key in cell.metadata}
        cell.metadata = nbformat.from_dict(kept)
        if not cell.get("id") or cell["id"] in seen:
            cell["id"] = hashlib.sha256(f"{position} {cell.source}".encode()).hexdigest()[:12]
        seen.add(cell["id"])
        cell.source = cell.source.rstrip()
        if cell.cell_type != "code":
            continue
        count += bool(cell.source)
        cell.execution_count = count if cell.source else None
        outputs = [_normal_output(output, count) for output in _join_streams(cell.outputs)]
        cell.outputs = [output for output in outputs if not _is_blank(output)]
    return notebook


def terminal_text(text: str) -> str:
    """Return what a terminal would show of `text`: a carriage return goes back and overwrites."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip() if "\r" in line else shown)
    return "\n".join(lines)


def refuse_stderr(notebook: NotebookNode) -> None:
    """Raise NotebookRefused, naming the cell, if one wrote to stderr: a warning is a fault."""
    for position, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise NotebookRefused(
                    f"{_describe(notebook, position)}\nIt wrote to stderr: {output.text.strip()}"
                )


def _describe(notebook: NotebookNode, position: int) -> str:
    cell = notebook.cells[position]
    lines = cell.source.splitlines()
    shown = "\n".join(f"    {line}" for line in lines[:8] + ["..."] * (len(lines) > 8))
    return f"Cell {position + 1} (id {cell.get('id')}):\n{shown}\n"


def _join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    for output in joined:
        if output.output_type == "stream":
            output.text = terminal_text(output.text)
    return joined


def _normal_output(output: NotebookNode, count: int) -> NotebookNode:
    if output.output_type == "execute_result":
        output.execution_count = count
    if "data" in output:
        output.data.pop(_WIDGET_VIEW, None)
        if "text/html" in output.data:
            output.data["text/html"] = _STILL_MARK.sub("", output.data["text/html"])
        output.metadata = nbformat.from_dict({})
    return output


def _is_blank(output: NotebookNode) -> bool:
    """Return whether nothing is left to be seen: a live view, whose still picture is before it."""
    return "data" in output and not any(output.data.values())


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables, which the kernel inherits, and put the old ones back."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
