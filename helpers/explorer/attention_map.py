"""`explore`: an attention map for one sentence pair, to hover, click and drive by keyboard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from helpers.explorer.base import View
from helpers.explorer.static import attention_table, paragraph
from helpers.figures.checks import (
    COLUMNS_ARE,
    ROWS_ARE,
    height_in_pixels,
    link_list,
    weights_array,
    word_list,
)

Links = Iterable[tuple[int, int]]


def explore(
    weights: Any,
    rows: Sequence[str],
    columns: Sequence[str],
    gold: Links | None = None,
    possible: Links | None = None,
    title: str = "",
    height: int | None = None,
    rows_are: str | None = None,
    columns_are: str | None = None,
    above: bool = False,
) -> AttentionMap:
    """Return an attention map to be shown as the last line of a cell.

    weights: tensor or array (T, S), or (layers, heads, T, S); every row sums to 1, or is zero.
    rows: the T names of the queries. columns: the S names of the keys.
    gold: Sure links (source position, target position), outlined. possible: further links, dashed;
    those that are gold too are drawn as gold.
    height: pixels after which the map scrolls; None for its natural height.
    rows_are, columns_are: what the rows and columns are, in the plural, such as "words that look"
    or "keys"; None for target words and source words, whose rows are the steps of a decoder.
    above: whether the same map already stands above as a still picture; the static view then only
    names it, because a second table would repeat what was just seen.
    Nothing that is given is kept or changed. Raises ValueError that says what to do.
    """
    return AttentionMap(
        weights, rows, columns, gold, possible, title, height, rows_are, columns_are, above
    )


class AttentionMap(View):
    """The map and the lines of one sentence pair; see `explore` for the arguments."""

    def __init__(
        self,
        weights: Any,
        rows: Sequence[str],
        columns: Sequence[str],
        gold: Links | None = None,
        possible: Links | None = None,
        title: str = "",
        height: int | None = None,
        rows_are: str | None = None,
        columns_are: str | None = None,
        above: bool = False,
    ) -> None:
        rows, columns = word_list(rows, "rows"), word_list(columns, "columns")
        self.weights = weights_array(weights, len(rows), len(columns))  # (layers, heads, T, S)
        self.weights.flags.writeable = False
        self.above = above
        sure = link_list(gold, len(rows), len(columns), "gold")
        further = link_list(possible, len(rows), len(columns), "possible")
        state = {
            "view": "attention_map",
            "title": str(title),
            "rows": rows,
            "columns": columns,
            "rows_are": _kind(rows_are, "rows_are", ROWS_ARE),
            "columns_are": _kind(columns_are, "columns_are", COLUMNS_ARE),
            "row": "step" if rows_are is None else "row",
            "weights": self.weights.round(4).tolist(),
            "gold": [list(link) for link in sure],
            "possible": [list(link) for link in further if link not in sure],
            "height": height_in_pixels(height),
        }
        super().__init__(state)

    def html(self) -> str:
        state = self.state
        layers, heads = self.weights.shape[:2]
        note = f"Run the cell to point at the map and to move a slider over its {state['row']}s."
        if self.above:
            return paragraph(state["title"], f"The map above, to be explored. {note}")
        if layers * heads > 1:
            # A table shows one layer and head; the last layer is the one that feeds the output.
            note += f" Shown: head 1 of {heads} in layer {layers} of {layers}."
        return attention_table(
            self.weights[-1, 0],
            state["rows"],
            state["columns"],
            [(s, t) for s, t in state["gold"]],
            [(s, t) for s, t in state["possible"]],
            state["title"],
            note,
            rows_are=state["rows_are"],
            columns_are=state["columns_are"],
        )

    def sentence(self) -> str:
        state = self.state
        target, source = " ".join(state["rows"]), " ".join(state["columns"])
        return f"Attention map of '{target}' (rows) over '{source}' (columns)."


def _kind(given: str | None, name: str, usual: str) -> str:
    """Return what the rows or columns are, the usual if it is not said."""
    if given is None:
        return usual
    if not isinstance(given, str) or not given.strip():
        raise ValueError(f"{name} is {given!r}; expected what they are, such as 'queries'.")
    return given.strip()
