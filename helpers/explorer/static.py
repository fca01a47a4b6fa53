"""Static views: HTML tables that JupyterLab shows unchanged in a notebook it does not trust.

Its sanitizer keeps tables, captions, `scope`, `bgcolor`, `title` and plain inline styles with
colours written out; it strips SVG, style sheets, scripts, roles and theme variables. Text
outside the shaded cells therefore takes no colour of its own, so that the theme's applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from helpers.figures.checks import COLUMNS_ARE, ROWS_ARE, with_role
from helpers.palette import FRAME, RIM, ink_on, shade

SHOWN_FROM = 0.095  # weights that round to 0.1 or more carry their number
_TABLE = "table-layout:auto;border-collapse:separate;border-spacing:2px;margin:4px 0"
_WIDE = 14  # from more columns on, the text is smaller


def attention_table(
    weights: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    gold: Iterable[tuple[int, int]] = (),
    possible: Iterable[tuple[int, int]] = (),
    title: str = "",
    note: str = "",
    marks: Sequence[str] = (),
    rows_are: str = ROWS_ARE,
    columns_are: str = COLUMNS_ARE,
) -> str:
    """Return a map as a shaded table, queries as rows, with a caption that says what is seen.

    weights: (T, S). gold, possible: links (source position, target position).
    note: a closing sentence of the caption, for instance which head this is.
    marks: a text for each row, put behind its cells; none for no such column.
    rows_are, columns_are: what the rows and columns are, in the plural.
    """
    gold, possible = set(gold), set(possible)
    heads = "".join(f'<th scope="col" style="text-align:center">{escape(w)}</th>' for w in columns)
    lines = [
        row(
            word,
            "".join(
                _cell(float(weights[t, s]), (s, t) in gold, (s, t) in possible)
                for s in range(len(columns))
            )
            + (f'<td style="text-align:left">{escape(marks[t])}</td>' if marks else ""),
            align="right",
        )
        for t, word in enumerate(rows)
    ]
    about = [
        "Yellow is 1 and dark blue is 0. Weights below 0.1 are coloured, but not printed. "
        + looks_most(weights, rows, columns)
    ]
    if gold:
        linked = {t for _, t in gold}
        hits = sum((int(weights[t].argmax()), t) in gold for t in linked)
        about.append(
            f"Gold links are outlined{', possible ones dashed' if possible else ''}: {hits} of "
            f"{len(linked)} linked {escape(rows_are)} put their largest weight on one."
        )
    if note:
        about.append(note)
    caption = (
        f"Attention weights. Rows: {len(rows)} {escape(with_role(rows_are, 'queries'))}. "
        f"Columns: {len(columns)} {escape(with_role(columns_are, 'keys'))}."
    )
    last = '<th scope="col" style="text-align:left">mark</th>' if marks else ""
    head = f'<tr><td style="border:0"></td>{heads}{last}</tr>'
    size = 14 if len(columns) <= _WIDE else 12
    return paragraph(title, *about) + table(caption, head, lines, size)


def looks_most(weights: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> str:
    """Return the sharpest row of a map in words: who looks at whom, and how much."""
    t = int(weights.max(-1).argmax())
    s = int(weights[t].argmax())
    word, other = escape(rows[t]), escape(columns[s])
    return f"The largest weight: '{word}' looks at '{other}' with {weights[t, s]:.2f}."


def paragraph(title: str, *about: str) -> str:
    """Return a bold title, escaped here, and sentences that are HTML already."""
    name = f"<b>{escape(title)}</b><br>" if title else ""
    return f'<p style="max-width:760px;margin:0 0 4px 0">{name}{" ".join(about)}</p>'


def table(caption: str, head: str, lines: Sequence[str], size: int = 14) -> str:
    """Return a table of rows `lines` under the row `head`, all HTML already; text in `size` px."""
    return (
        f'<table style="{_TABLE};font-size:{size}px">'
        f'<caption style="text-align:left;padding:0 0 6px 0">{caption}</caption>'
        f"<thead>{head}</thead><tbody>{''.join(lines)}</tbody></table>"
    )


def row(head: str, cells: str, align: str = "left") -> str:
    """Return a table row; the text `head` is escaped here, `cells` are HTML already."""
    # The row's own background keeps JupyterLab's stripes and hover away from the shading.
    return (
        '<tr style="background-color:transparent">'
        f'<th scope="row" style="text-align:{align}">{escape(head)}</th>{cells}</tr>'
    )


def heads(names: Iterable[str]) -> str:
    """Return the first row of a table: an empty corner, then a heading for each column."""
    cells = "".join(
        f'<th scope="col" style="text-align:center">{escape(name)}</th>' for name in names
    )
    return f'<tr><td style="border:0"></td>{cells}</tr>'


def shaded(text: str, colour: str | None = None) -> str:
    """Return a cell of a table with a text, escaped here, on a colour "#rrggbb" or on none."""
    if colour is None:
        return f'<td style="text-align:center">{escape(text)}</td>'
    style = f"color:{ink_on(colour)};text-align:center"
    return f'<td bgcolor="{colour}" style="{style}">{escape(text)}</td>'


def weight_cells(weights: Iterable[float]) -> str:
    """Return a cell for each attention weight, shaded, all with their numbers."""
    return "".join(shaded(f"{weight:.2f}", shade(round(weight, 2))) for weight in weights)


def _cell(weight: float, gold: bool, possible: bool) -> str:
    colour = shade(round(weight, 2))
    style = ""
    text = ""
    if weight >= SHOWN_FROM:
        style = f"color:{ink_on(colour)};text-align:center;"
        text = f"{weight:.2f}"
    kind = ""
    if gold or possible:
        line = "solid" if gold else "dashed"
        style += f"border:3px {line} {FRAME};outline:1px {line} {RIM}"
        kind = f' title="{"gold" if gold else "possible"} link"'
    style = f' style="{style}"' if style else ""
    return f'<td bgcolor="{colour}"{kind}{style}>{text}</td>'
