"""The words of every section, as a script for the search page, which so needs to fetch nothing.

Sphinx fetches each page that its search has found to show some words of it. A browser refuses that
to a page that was opened from a file. So the words lie in one script, which js/search.js reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

TEXTS = "search-texts.js"
_MARK = re.compile(r" · (core|deeper|class)\b.*$")  # a section's route and its minutes
_HIDDEN = (nodes.math, nodes.raw)  # which are not read as they are written


def setup(app: Sphinx) -> dict[str, Any]:
    """Give the search page its scripts, and write the words at the end; Sphinx calls this."""
    app.connect("html-page-context", _add_scripts)
    app.connect("build-finished", _write_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _add_scripts(app: Sphinx, pagename: str, *_context: Any) -> None:
    if pagename == "search":
        for name in (TEXTS, "search.js"):
            app.add_js_file(name, loading_method="defer")


def _write_texts(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None:
        return
    parts = {name: texts(app.env.get_doctree(name)) for name in sorted(app.env.found_docs)}
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    path = Path(app.outdir, "_static", TEXTS)
    path.write_text(f"window.AttentionTexts = {text};\n", encoding="utf-8", newline="\n")


def texts(page: nodes.document) -> list[list[str]]:
    """Return [anchor, title, words] of each section and each defined term of a page, in order.

    The words are those of the paragraphs, without code, outputs and long formulas.
    """
    found: dict[str, list[str]] = {}
    for section in page.findall(nodes.section):
        found[section["ids"][0]] = [section["ids"][0], _MARK.sub("", section[0].astext()), ""]
    for term in page.findall(nodes.term):
        if term["ids"]:
            found[term["ids"][0]] = [term["ids"][0], _words(term), ""]
    for paragraph in page.findall(nodes.paragraph):
        part = found.get(_anchor(paragraph))
        if part:
            part[2] = f"{part[2]} {_words(paragraph)}".strip()
    return list(found.values())


def _anchor(node: nodes.Node) -> str:
    """Return the anchor of the section or of the defined term that a node stands in."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.definition_list_item):
            term = node[0]
            if isinstance(term, nodes.Element) and term["ids"]:
                return term["ids"][0]
        elif isinstance(node, nodes.section):
            return node["ids"][0]
    return ""


def _words(element: nodes.Element) -> str:
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: nodes.Element) -> Iterator[str]:
    """Yield the texts in an element; a formula that needs commands is left out."""
    for text in element.findall(nodes.Text):
        if not isinstance(text.parent, _HIDDEN):
            yield str(text)
        elif isinstance(text.parent, nodes.math):
            yield str(text) if "\\" not in text else "…"
