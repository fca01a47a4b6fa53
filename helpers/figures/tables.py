"""`table` and `folded_table`: rows of numbers and words as plain text in straight columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from numbers import Integral, Real

from IPython.display import publish_display_data

GAP = "  "  # between two columns


def table(
    rows: Iterable[Sequence[object]],
    header: Sequence[str] = (),
    digits: int | Sequence[int] = 3,
) -> None:
    """Print `rows`, a line each, under an optional `header`; nothing is escaped.

    rows: one or more, all with the same number of cells. A cell is a string, a whole number
    (printed with commas between thousands), any other number (with `digits` decimals), or None
    for a cell that stays empty.
    digits: decimals of all columns, or a sequence with one entry for each column.
    A column that holds a number stands to the right, and any other to the left; so does its header.

    Raises ValueError where the number of cells or of digits differs, or where there is no row, and
    TypeError for a cell of another type.
    """
    print("\n".join(lines_of(rows, header, digits)))


def folded_table(
    summary: str,
    rows: Iterable[Sequence[object]],
    header: Sequence[str] = (),
    digits: int | Sequence[int] = 3,
) -> None:
    """Show a table as `table` does, folded beneath `summary`: the numbers of a figure.

    Where nothing can be unfolded, the table stands there as plain text.
    """
    text = "\n".join(lines_of(rows, header, digits))
    page = f"<details><summary>{escape(summary)}</summary>"
    page += f'<pre style="overflow-x:auto">{escape(text)}</pre></details>'
    publish_display_data({"text/html": page, "text/plain": f"{summary}\n{text}"})


def lines_of(
    rows: Iterable[Sequence[object]],
    header: Sequence[str] = (),
    digits: int | Sequence[int] = 3,
) -> list[str]:
    """Return the lines that `table` prints."""
    body = [list(row) for row in rows]
    if not body:
        raise ValueError("table got no rows; expected at least one")
    size = len(header) or len(body[0])
    for number, row in enumerate(body, start=1):
        if len(row) != size:
            raise ValueError(
                f"row {number} has {len(row)} cells; expected {size}, as many as "
                f"{'the header' if header else 'the first row'} has. Use None for an empty cell."
            )
    places = [digits] * size if isinstance(digits, int) else list(digits)
    if len(places) != size:
        raise ValueError(
            f"digits has {len(places)} entries for {size} columns; expected one for each column, "
            "or one number for all"
        )
    to_right = [
        any(isinstance(cell, Real) for cell in column) for column in zip(*body, strict=True)
    ]
    lines = [[_text(cell, n) for cell, n in zip(row, places, strict=True)] for row in body]
    if header:
        lines.insert(0, list(header))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    made = []
    for line in lines:
        cells = zip(line, widths, to_right, strict=True)
        texts = (f"{c:>{w}}" if right else f"{c:<{w}}" for c, w, right in cells)
        made.append(GAP.join(texts).rstrip())
    return made


def _text(cell: object, digits: int) -> str:
    if cell is None or isinstance(cell, str):
        return cell or ""
    if isinstance(cell, Integral):
        return f"{int(cell):,}"
    if isinstance(cell, Real):
        return f"{float(cell):,.{digits}f}"
    raise TypeError(
        f"a cell is {cell!r}, a {type(cell).__name__}; expected a string, a number or None. Turn a "
        "tensor of one number into a number by float()."
    )
