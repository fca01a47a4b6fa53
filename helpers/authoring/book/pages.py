"""The pages made from the course itself: glossary, formulas, lineage, ledger, interface."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import escape

from nbformat import NotebookNode

from helpers.authoring.book.chapters import Chapter
from helpers.authoring.ledger import page
from helpers.settings import ROOT

DOCS = ROOT / "docs"
# The modules that most notebooks import, in the order in which they are met.
FRONT_ROW = (
    "attention",
    "training",
    "decoding",
    "metrics",
    "claims",
    "results",
    "settings",
    "start",
    "palette",
)
_ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+) \| ([\d, ]+) \|$", re.MULTILINE)
_FORMULA = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_HEADING = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)
_LINEAGE = re.compile(r"\*\*The lineage of `attend`\.?\*\*\.?\s*(.+?)(?:\n\n|\Z)", re.DOTALL)
_CLAIMED = re.compile(r"^✓ (.+): (\S+) +\(claimed: (.+)\)$", re.MULTILINE)
_MARK = re.compile(r" · (core|deeper|class|\d+ min|difficulty).*$")


def glossary_rows() -> list[tuple[str, str, str, list[str]]]:
    """Return the rows of docs/glossary.md: term, Korean, meaning, numbers of notebooks."""
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    rows = [(a, b, c, d.split(", ")) for a, b, c, d in _ROW.findall(text)]
    return sorted(rows, key=lambda row: row[0].strip("`<").lower())


def terms() -> dict[str, str]:
    """Return each name under which a term is looked for, in lower case, with the term itself."""
    found = {}
    for term, *_ in glossary_rows():
        if "<" not in term:  # which a reference to a term could not hold
            found |= {name.lower(): term.replace("`", "") for name in _names(term)}
    return found


def _names(term: str) -> list[str]:
    """Return the names under which a term is looked for: "AER" of "error rate (AER)" too."""
    bare = re.sub(r" \(of .+?\)", "", term)
    short = re.findall(r"\(([^)]+)\)", bare)
    return [*re.sub(r" \([^)]+\)", "", bare).split(", "), *short]


def glossary(all_chapters: list[Chapter]) -> str:
    """Return the glossary as definitions that the search puts first, with links to notebooks."""
    names = {chapter.number: chapter.name for chapter in all_chapters}
    head, _, _ = (DOCS / "glossary.md").read_text(encoding="utf-8").partition("\n|")
    parts = [head.strip(), "", "::::{glossary}"]
    for term, korean, meaning, numbers in glossary_rows():
        links = ", ".join(f"[{n}]({names[n]}.ipynb)" for n in numbers)
        parts += [
            term.replace("`", ""),
            f'  <span lang="ko">{escape(korean)}</span>. {meaning} ({links})',
            "",
        ]
    return "\n".join([*parts, "::::", ""])


def formula_sheet(all_chapters: list[Chapter]) -> str:
    """Return every formula that stands by itself in a notebook, under the heading it belongs to."""
    parts = [(DOCS / "formulas.md").read_text(encoding="utf-8").strip()]
    for chapter in all_chapters:
        found = list(_formulas(chapter))
        if not found:
            continue
        parts.append(f"## [{chapter.number} · {chapter.title}]({chapter.name}.ipynb)")
        before = ""
        for heading, formula in found:
            if heading != before:
                parts.append(f"**{heading}**")
            parts.append(f"$$\n{formula.strip()}\n$$")
            before = heading
    return "\n\n".join(parts) + "\n"


def _formulas(chapter: Chapter) -> Iterator[tuple[str, str]]:
    heading = chapter.title
    for cell in _markdown(chapter):
        for piece in re.split(r"(?m)(?=^#{2,3} )", cell.source):
            if named := _HEADING.match(piece):
                heading = re.sub(r"^[\d.]+\s*·?\s*", "", _MARK.sub("", named[1])).replace("`", "")
            for formula in _FORMULA.findall(piece):
                yield heading, formula


def lineage(all_chapters: list[Chapter]) -> str:
    """Return the poster: what each notebook changes in what is given to `attend`."""
    parts = [(DOCS / "lineage.md").read_text(encoding="utf-8"), '<div class="am-lineage">']
    for chapter in all_chapters:
        for cell in _markdown(chapter):
            for text in _LINEAGE.findall(cell.source):
                link = f"[{chapter.number} · {chapter.title}]({chapter.name}.ipynb)"
                parts += ['<div class="am-generation">', f"**{link}**", text, "</div>"]
    return "\n\n".join([*parts, "</div>", ""])


def ledger(all_chapters: list[Chapter]) -> str:
    """Return each claim of the notebooks as they were last run: what was measured, and its band."""
    parts = [(DOCS / "ledger.md").read_text(encoding="utf-8").strip()]
    for chapter in all_chapters:
        rows = [
            f"| {_cell(said)} | {value} | {_cell(band)} |"
            for text in _printed(chapter)
            for said, value, band in _CLAIMED.findall(text)
        ]
        if rows:
            title = f"## [{chapter.number} · {chapter.title}]({chapter.name}.ipynb)"
            head = "| what was measured | value | claimed |\n|---|---|---|"
            parts.append("\n".join([title, "", head, *rows]))
    return "\n\n".join([*parts, page.over_seeds()]).rstrip() + "\n"


def _cell(text: str) -> str:
    return re.sub(r"([|*_<$`\[])", r"\\\1", text)


def interface() -> str:
    """Return the front row of helpers/: each function and class with its own words."""
    parts = [(DOCS / "interface.md").read_text(encoding="utf-8").strip()]
    for name in FRONT_ROW:
        text = (ROOT / "helpers" / f"{name}.py").read_text(encoding="utf-8")
        tree = ast.parse(text)
        about = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
        parts.append(f"## `helpers.{name}`\n\n{about}")
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                stub = _stub(node, text.splitlines())
                parts.append(f"### `{node.name}`\n\n```python\n{stub}\n```")
    return "\n\n".join(parts) + "\n"


def _stub(node: ast.FunctionDef | ast.ClassDef, lines: list[str]) -> str:
    """Return a definition as it is written, up to the end of its docstring."""
    first, kept = node.body[0], node.lineno
    if ast.get_docstring(node) is not None and first.end_lineno:
        kept = first.end_lineno
    elif first.lineno > node.lineno:
        kept = first.lineno - 1
    return "\n".join(lines[node.lineno - 1 : kept])


def _markdown(chapter: Chapter) -> Iterator[NotebookNode]:
    return (c for c in chapter.notebook.cells if c.cell_type == "markdown")


def _printed(chapter: Chapter) -> Iterator[str]:
    for cell in chapter.notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                yield output.text
