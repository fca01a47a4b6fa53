"""A notebook's class route as slides of reveal.js, which need no network, kernel or server.

What is shown in class stands on the slides in large type: of each paragraph its first sentence,
which holds its point, and every list, formula, table, cell and picture. The whole text is in the
speaker's notes, with what the teaching guide says of the section. What fits on a slide only a
browser knows, so slides.js cuts each section into slides when the page is opened.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from nbconvert.filters import Highlight2HTML, strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from helpers.authoring import Refused
from helpers.authoring.book.building import write_scripts
from helpers.authoring.book.chapters import Chapter, chapters
from helpers.authoring.book.formulas import mathml
from helpers.authoring.book.live import live_html
from helpers.authoring.notebooks import find_notebook
from helpers.authoring.teaching import Lesson, Step, lessons
from helpers.settings import ROOT

DEFAULT = ROOT / "build" / "slides"
REVEAL = "6.0.2"  # reveal.js, as npm knows it
SECONDS = 120  # that npm may take to fetch it
LINES = 18  # of code or of printed text on one slide
SHORT = 60  # characters: a first sentence that is shorter takes the next one along
CLASS = "route:class"
_HERE = Path(__file__).parent
_PLUGINS = ("notes", "zoom")
_VENDORED = (
    *("dist/reveal.js", "dist/reveal.css", "LICENSE"),
    *(f"dist/plugin/{name}.js" for name in _PLUGINS),
)
_SCRIPTS = ("views.js", "settings.js", "translator.js", "transformer.js", "live.js")
_REVEAL_SCRIPTS = ("reveal/reveal.js", *(f"reveal/{name}.js" for name in _PLUGINS))
_HEADING = re.compile(
    r"^## (?:(\d+)\.? )?(.+?)(?: · (?:core|deeper|class|\d+ min).*)?$", re.MULTILINE
)
_SENTENCE = re.compile(r"(?<=[.?!:])\s+(?=[A-Z*`$(\"])")
_FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
_WHOLE = (
    "#",
    "- ",
    "* ",
    "|",
    "$$",
    ">",
    "<",
    "```",
    "![",
)  # how a block begins that is no paragraph


class _Renderer(IPythonRenderer):
    """Markdown as HTML, with formulas that a browser draws by itself."""

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return f'<span class="am-formula">{mathml(body.strip(), display="block")}</span>'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link that leaves the course; one to another notebook is its words alone."""
        return super().link(text, url, title) if url.startswith("http") else text


def build(number: str, out: Path = DEFAULT) -> Path:
    """Write the slides of the notebook of this number into `out`, and return their page.

    The page stands beside a folder of scripts and styles that all slides in `out` share.
    Raises NotebookRefused for a number without a notebook, and Refused for one without a class
    route, and where reveal.js is not in `out` yet and cannot be fetched.
    """
    path = find_notebook(number)
    chapter = next(one for one in chapters() if one.name == path.stem)
    html = page(chapter, lessons().get(chapter.number))
    static = out / "static"
    static.mkdir(parents=True, exist_ok=True)
    vendor(static / "reveal")
    write_scripts(static)
    for name in ("slides.css", "js/slides.js"):
        shutil.copy(_HERE / name, static)
    written = out / f"{chapter.name}.html"
    written.write_text(html, encoding="utf-8", newline="\n")
    return written


def vendor(folder: Path) -> None:
    """Put reveal.js into `folder`, by npm, unless this version is there already.

    Raises Refused, saying what to do, where npm is missing or cannot reach its registry.
    """
    mark = folder / f"version-{REVEAL}"
    if mark.exists():
        return
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", f"reveal.js@{REVEAL}", "--silent", "--fetch-retries=0"]
        try:
            subprocess.run(
                command, cwd=scratch, check=True, capture_output=True, text=True, timeout=SECONDS
            )
        except FileNotFoundError:
            raise Refused(
                "slides need npm, which comes with Node.js, and it was not found. Install Node.js "
                "and try again."
            ) from None
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = (getattr(error, "stderr", "") or str(error)).strip()
            raise Refused(
                f"npm could not fetch reveal.js {REVEAL}, which the slides are made with. It is "
                f"needed once, and is then kept in {folder}. Connect this machine to the network, "
                f"or copy that folder from another one. npm said:\n{said}"
            ) from error
        (package,) = Path(scratch).glob("*.tgz")
        with tarfile.open(package) as archive:
            archive.extractall(scratch, filter="data")
        folder.mkdir(parents=True, exist_ok=True)
        for name in _VENDORED:
            shutil.copy(Path(scratch, "package", name), folder)
    mark.touch()


def page(chapter: Chapter, lesson: Lesson | None) -> str:
    """Return the HTML page of a notebook's slides. Raises Refused if it has no class route."""
    sections = list(_sections(chapter.notebook))
    if not sections:
        raise Refused(
            f"{chapter.name} has no cells on the class route, so there is nothing to show. Give "
            f"the cells that a teacher shows the tag {CLASS}."
        )
    parts = [_title_slide(chapter, lesson)]
    for number, title, cells in sections:
        step = lesson.step(number) if lesson else None
        parts.append(_break_slide(number, title, step))
        blocks = "\n".join(block for cell in cells for block in _blocks(cell, chapter.number))
        parts.append(f'<section class="am-body">\n{blocks}\n</section>')
    return _PAGE.format(
        title=escape(f"{chapter.number} · {chapter.title}"),
        scripts="\n".join(
            f'<script defer src="static/{name}"></script>'
            for name in (*_SCRIPTS, *_REVEAL_SCRIPTS, "slides.js")
        ),
        slides="\n".join(parts),
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="static/reveal/reveal.css">
<link rel="stylesheet" href="static/explorer.css">
<link rel="stylesheet" href="static/slides.css">
{scripts}
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
</body>
</html>
"""


def _sections(notebook: NotebookNode) -> Iterator[tuple[int, str, list[NotebookNode]]]:
    """Yield number, title and cells of each section that has cells on the class route."""
    number, title, cells = 0, "", []
    for cell in notebook.cells:
        found = _HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if found:
            if cells:
                yield number, title, cells
            number, title, cells = int(found[1] or 0), found[2], []
        if CLASS in cell.metadata.get("tags", []):
            cells.append(cell)
    if cells:
        yield number, title, cells


def _title_slide(chapter: Chapter, lesson: Lesson | None) -> str:
    first = chapter.notebook.cells[0].source
    goals = "\n".join(line for line in first.splitlines() if line.startswith("- "))
    notes = html_of(lesson.text) if lesson else ""
    return (
        f'<section class="am-title-slide"><p class="am-number">{chapter.number}</p>'
        f"<h1>{escape(chapter.title)}</h1>{html_of(goals)}{_notes(notes)}</section>"
    )


def _break_slide(number: int, title: str, step: Step | None) -> str:
    minutes = f'<p class="am-minutes">{step.short} minutes</p>' if step and step.short else ""
    count = f'<p class="am-number">{number}</p>' if number else ""
    notes = html_of(step.note) if step else ""
    words = html_of(title).removeprefix("<p>").removesuffix("</p>")
    return f'<section class="am-break">{count}<h2>{words}</h2>{minutes}{_notes(notes)}</section>'


def _notes(html: str) -> str:
    return f'<aside class="notes">{html}</aside>' if html else ""


def _blocks(cell: NotebookNode, number: str) -> Iterator[str]:
    """Yield the pieces of a cell, none of which has to be cut."""
    if cell.cell_type == "markdown":
        text = _HEADING.sub("", cell.source, count=1).strip()
        shown = list(points(text))
        note = html_of(text) if text != "\n\n".join(shown) else ""
        for point in shown:
            yield _block("prose", html_of(point), note)
            note = ""
        return
    highlight = Highlight2HTML(pygments_lexer="python3")
    for piece in pieces(cell.source):
        yield _block("code", highlight(piece))
    if ".check(" in cell.source:
        return  # what a check says of an empty stub is not for the class
    for output in cell.outputs:
        yield from _output(output, number)


def _output(output: NotebookNode, number: str) -> Iterator[str]:
    data: dict[str, Any] = output.get("data", {})
    if "text/html" in data:
        html = live_html(number, data["text/html"], data)
        yield _block("view" if html != data["text/html"] else "figure", html)
        return
    text = strip_ansi(output.get("text", data.get("text/plain", ""))).strip("\n")
    for piece in pieces(text) if text else ():
        yield _block("output", f"<pre>{escape(piece)}</pre>")


def _block(kind: str, html: str, note: str = "") -> str:
    kept = f'<div class="am-note" hidden>{note}</div>' if note else ""
    return f'<div class="am-block am-{kind}">{html}{kept}</div>'


def points(text: str) -> Iterator[str]:
    """Yield what of a cell's Markdown stands on slides: its points, without what is folded."""
    return map(_point, _paragraphs(_FOLD.sub("", text)))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the blocks of Markdown, split at blank lines but not within a fence."""
    waiting: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        waiting.append(block)
        joined = "\n\n".join(waiting)
        if joined.count("```") % 2 == 0:
            waiting = []
            yield joined


def _point(block: str) -> str:
    """Return the first sentence of a paragraph, and any other block as it is."""
    numbered = re.match(r"\d+\. |\([a-z]\) ", block)
    if block.startswith(_WHOLE) or numbered or "$$" in block or "**Predict" in block:
        return block
    said = ""
    for sentence in _SENTENCE.split(block):
        said = f"{said} {sentence}".strip()
        if len(said) >= SHORT and said.count("(") <= said.count(")"):
            break
    return said


def pieces(text: str) -> list[str]:
    """Return code, or printed text, in pieces of at most LINES lines, cut at blank lines if any."""
    lines, found = re.sub(r"\n{3,}", "\n\n", text).split("\n"), []
    while len(lines) > LINES:
        blank = [n for n in range(LINES // 2, LINES + 1) if not lines[n].strip()]
        cut = blank[-1] if blank else LINES
        found.append("\n".join(lines[:cut]))
        lines = lines[cut:]
        while lines and not lines[0].strip():
            del lines[0]
    return [*found, "\n".join(lines)] if lines else found


def html_of(text: str) -> str:
    """Return Markdown as HTML, with its formulas as MathML."""
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(text)).strip()
