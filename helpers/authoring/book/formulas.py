"""Formulas as MathML, which browsers draw themselves: no script, no fonts, nothing to fetch."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

_WORDS = re.compile(r"(<mtext\b[^>]*>)(.*?)(?=</mtext>)", re.DOTALL)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer under the name "mathml"; Sphinx calls this."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    formula = mathml(node.astext(), display="block")
    writer.body.append(
        f'<div class="math" tabindex="0" role="group" aria-label="formula">{formula}</div>'
    )
    raise nodes.SkipNode


def mathml(formula: str, display: str = "inline") -> str:
    """Return MathML. The converter leaves the "<" of a word such as <start> as it is, a tag."""
    return _WORDS.sub(
        lambda found: found[1] + found[2].replace("<", "&lt;"), convert(formula, display=display)
    )
