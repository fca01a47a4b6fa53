"""A notebook as committed, made into a page: nothing is executed, and nothing of it is lost."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

import helpers
from helpers.authoring.book.boxes import with_boxes
from helpers.authoring.book.live import live_html
from helpers.authoring.bootstrap import TAG, address
from helpers.authoring.notebooks import NOTEBOOKS, read_notebook
from helpers.exercises import REGISTRY, Exercise

PICTURES = "_static/pictures"
_IMAGE = re.compile(r'src="data:image/(png|jpeg|gif);base64,([^"]+)"')
_TITLE = re.compile(r"^# (\d\d) · (.+)$", re.MULTILINE)
_TASK = "exercise:"
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


@dataclass(frozen=True)
class Chapter:
    """A notebook of the course: its number and title, its file's name without the ending."""

    number: str
    title: str
    name: str

    @property
    def path(self) -> Path:
        """Where the notebook lies."""
        return NOTEBOOKS / f"{self.name}.ipynb"

    @cached_property
    def notebook(self) -> NotebookNode:
        """The notebook as committed, read once, because several pages are made from it."""
        return read_notebook(self.path)


def chapters() -> list[Chapter]:
    """Return the notebooks in their order. Raises ValueError for one without its title."""
    found = []
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        title = _TITLE.search(read_notebook(path).cells[0].source)
        if title is None:
            raise ValueError(f"{path.name} begins without a title; expected '# NN · The title'.")
        found.append(Chapter(title[1], title[2], path.stem))
    return found


def page(chapter: Chapter, all_chapters: list[Chapter], terms: dict[str, str], out: Path) -> str:
    """Return the text of a notebook that Sphinx makes a page of.

    terms: what the glossary has, from a name in lower case to the term. out: the folder into which
    the pictures of the outputs are written, because a picture in a file of its own is loaded when
    it is seen.
    """
    notebook = copy.deepcopy(chapter.notebook)
    cells: list[NotebookNode] = []
    waiting: Exercise | None = None
    linked: set[str] = set()
    for cell in with_boxes(chapter.number, notebook.cells):
        tags = cell.metadata.get("tags", [])
        if TAG in tags:  # which only a kernel needs
            continue
        if cell.cell_type == "markdown":
            cell.source = _with_terms(cell.source.replace("../docs/", ""), terms, linked)
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            _prepare(output, chapter.number, out)
        if waiting and f"{waiting.short_name}.check(" in cell.source:
            cells.append(new_markdown_cell(help_for(waiting)))
            waiting = None
        for tag in tags:
            if tag.startswith(_TASK):
                waiting = REGISTRY[tag.removeprefix(_TASK)]
    head, *rest = cells[0].source.split("\n", 1)
    where = f"{head}\n\n{path_html(chapter, all_chapters)}\n\n{doors_html(chapter)}\n\n"
    cells[0].source = where + "".join(rest)
    notebook.cells = cells
    return nbformat.writes(notebook)


def help_for(exercise: Exercise) -> str:
    """Return the hints of an exercise as folds, one behind the other, and its answer folded."""
    rungs = [
        _fold(f"Hint {number} of {len(exercise.hints)}", _plain(hint))
        for number, hint in enumerate(exercise.hints, 1)
    ]
    answer = f"```python\n{exercise.source.rstrip()}\n```\n\n**Why:** {_plain(exercise.why)}"
    # Each hint lies within the one before, so that a reader asks for them one at a time.
    ladder = _fold("The answer of the course", answer)
    for rung in reversed(rungs):
        ladder = rung.replace("\n\n</details>", f"\n\n{ladder}\n\n</details>")
    return ladder


def _fold(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary>\n\n{text}\n\n</details>"


def _plain(text: str) -> str:
    """Return text of a hint as Markdown that shows it as it is, line by line."""
    if "\n" in text or "  " in text:
        return f"```text\n{text.strip()}\n```"
    return re.sub(r"([\\*_<\[\]$])", r"\\\1", text) if "`" not in text else text


def path_html(chapter: Chapter, all_chapters: list[Chapter]) -> str:
    """Return the figure of where one is: a stop for each notebook, this one marked."""
    stops = "".join(
        f'<li><a href="{one.name}.html" title="{escape(one.title)}"'
        + (' aria-current="page"' if one == chapter else "")
        + f'><span class="am-visually-hidden">{escape(one.title)}, </span>{one.number}</a></li>'
        for one in all_chapters
    )
    return f'<nav class="am-path" aria-label="Where you are in the course"><ol>{stops}</ol></nav>'


def doors_html(chapter: Chapter) -> str:
    """Return the links that open the notebook where it can be run, and the one to keep it."""
    repository = address().removeprefix("https://github.com/")
    version, file = f"v{helpers.__version__}", f"notebooks/{chapter.name}.ipynb"
    links = {
        "Run it in Colab": (
            f"https://colab.research.google.com/github/{repository}/blob/{version}/{file}"
        ),
        "Run it in Binder": (
            f"https://mybinder.org/v2/gh/{repository}/{version}?labpath={quote(file, safe='')}"
        ),
        "Download the notebook": f"_static/notebooks/{chapter.name}.ipynb",
    }
    items = "".join(f'<a href="{url}">{escape(text)}</a>' for text, url in links.items())
    return f'<p class="am-doors">{items}</p>'


def _with_terms(text: str, terms: dict[str, str], linked: set[str]) -> str:
    """Return Markdown in which a bold term of the glossary, where it comes first, is a link."""

    def link(found: re.Match[str]) -> str:
        term = found[1].strip(" .,:").lower()
        if term not in terms or term in linked:
            return found[0]
        linked.add(term)
        return f"**{{term}}`{found[1]} <{terms[term]}>`**"

    return _BOLD.sub(link, text)


def _prepare(output: NotebookNode, number: str, out: Path) -> None:
    """Bring the HTML of an output to life, and take its pictures out into files, in place."""
    data = output.get("data", {})
    if "text/html" not in data:
        return
    html = live_html(number, data["text/html"], data)
    output.data = nbformat.from_dict({"text/html": _IMAGE.sub(lambda m: _file(m, out), html)})


def _file(found: re.Match[str], out: Path) -> str:
    kind, text = found[1], found[2]
    content = base64.b64decode(text)
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
    folder = out / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return f'src="{PICTURES}/{name}" loading="lazy"'
