"""`MaskEditor`: a mask to click, and the weights that it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import torch

from helpers.attention import masked_softmax
from helpers.explorer.base import View
from helpers.explorer.static import heads, paragraph, row, shaded, table, weight_cells
from helpers.figures.checks import named, number_table

MOST = 10  # queries and keys: more cells are too small to hit
ALLOWED, FORBIDDEN = "✓", "✗"


class MaskEditor(View):
    """A grid of what may be attended, to click, and the softmax weights that follow.

    scores: (T, S), T and S from 1 to 10. rows: T queries. columns: S keys.
    mask: (T, S) of booleans, True = may be attended; everything may if None.
    `editor.mask` is the mask as it stands, for the next cell; where widgets do not run, the first.
    Nothing that is given is kept or changed. Raises ValueError or TypeError for another mask.
    """

    def __init__(
        self,
        scores: Any,
        rows: Sequence[str],
        columns: Sequence[str],
        mask: Any = None,
        title: str = "",
    ) -> None:
        numbers = number_table(scores, "scores", ("T", "S"), (MOST, MOST))
        allowed = np.ones(numbers.shape, dtype=bool) if mask is None else _booleans(mask)
        if allowed.shape != numbers.shape:
            raise ValueError(
                f"the mask has shape {allowed.shape} and the scores {numbers.shape}; expected the "
                "same: one row a query, one column a key. Of a batch, take one: mask[0]."
            )
        super().__init__(
            {
                "view": "mask_editor",
                "title": str(title),
                "rows": named(rows, "rows", numbers.shape[0]),
                "columns": named(columns, "columns", numbers.shape[1]),
                "scores": numbers.round(4).tolist(),
                "mask": allowed.astype(int).tolist(),
            }
        )

    @property
    def mask(self) -> torch.Tensor:
        """The mask as the learner has left it, (T, S), boolean, a new tensor each time."""
        chosen = self.live.chosen if self.live is not None else {}
        return torch.tensor(chosen.get("mask", self.state["mask"])).bool()

    def html(self) -> str:
        state, mask = self.state, self.mask
        rows, columns = state["rows"], state["columns"]
        weights = masked_softmax(torch.tensor(state["scores"]).double(), mask)
        empty = ~mask.any(dim=1)
        grid = [
            row(word, "".join(shaded(ALLOWED if cell else FORBIDDEN) for cell in line), "right")
            for word, line in zip(rows, mask.tolist(), strict=True)
        ]
        lines = []
        for t, word in enumerate(rows):
            note = "<td>empty row: zeros</td>" if empty[t] else ""
            lines.append(row(word, weight_cells(weights[t].tolist()) + note, "right"))
        about = (escape(describe(mask, rows, columns)), "Run the cell to click cells of the mask.")
        which = (
            f"The mask: {ALLOWED} may be attended, {FORBIDDEN} may not. Rows ask, columns answer."
        )
        return (
            paragraph(state["title"], *about)
            + table(which, heads(columns), grid)
            + table(
                "The weights: a softmax over what is allowed in each row.", heads(columns), lines
            )
        )

    def sentence(self) -> str:
        rows, columns = self.state["rows"], self.state["columns"]
        words = describe(self.mask, rows, columns)
        return f"A mask of {len(rows)} queries and {len(columns)} keys to click. {words}"


def describe(mask: torch.Tensor, rows: Sequence[str], columns: Sequence[str]) -> str:
    """Return in words which mask this is: a known one, what leaks, what is empty.

    mask: (T, S), True = may be attended. rows, columns: T and S names. Where T = S, position t of
    the rows is position t of the columns; else nothing is said of the future.
    The browser says the same, by `maskWords` in mask_editor.js.
    """
    ordered = mask.shape[0] == mask.shape[1]
    causal = torch.ones_like(mask).tril()
    future = (mask & ~causal).nonzero().tolist()
    hidden = _padded(mask)
    padding = torch.ones_like(mask)
    padding[:, mask.shape[1] - hidden :] = False
    last = f"the last {hidden} columns are" if hidden > 1 else "the last column is"

    if not mask.any():
        return "Nothing is allowed: every row is empty, and its weights are zeros."
    if mask.all():
        text = "No mask: every query may look at every key"
        text += ", the future included." if ordered and future else "."
    elif ordered and mask.equal(causal):
        text = "Causal: each query sees itself and what came before."
    elif hidden and mask.equal(padding):
        text = f"Padding: {last} hidden from every query"
        text += "; the future is open." if ordered and future else "."
    elif ordered and mask.equal(causal & padding):
        text = f"Causal and padding: no future, and {last} hidden from every query."
    elif ordered and mask.equal(causal.tril(-1)):
        text = "Causal without the diagonal: each query sees what came before, but not itself."
    elif ordered and mask.equal(~causal):
        text = "The causal mask inverted: what should be forbidden is allowed."
    elif ordered and mask.equal(causal.T):
        text = "The wrong triangle: each query sees itself and what comes after."
    elif ordered and future:
        t, s = future[0]
        first = "the first where" if len(future) > 1 else "where"
        text = f"Leaking: {_cells(len(future))} of the future allowed, {first} "
        text += f"'{rows[t]}' sees '{columns[s]}'."
    elif ordered:
        text = f"No leak, but {_cells(int((causal & ~mask).sum()))} of the past forbidden as well."
    else:
        text = f"A mask without a name: {int(mask.sum())} of {_cells(mask.numel())} allowed."
    padded = mask.equal(padding) or (ordered and mask.equal(causal & padding))
    return text + _faults(mask, rows, ordered, hidden if padded else 0)


def _faults(mask: torch.Tensor, rows: Sequence[str], ordered: bool, hidden: int) -> str:
    """Return a sentence on empty rows, and one on other words that may not look at themselves.

    hidden: how many words at the end are padding, of which nothing else can be expected.
    """
    empty = ~mask.any(dim=1)
    real = torch.arange(mask.shape[1]) < mask.shape[1] - hidden  # (S,), False on padding
    blind = ~mask.diagonal() & ~empty & real if ordered else torch.zeros(1).bool()
    text = ""
    if empty.any():
        names = ", ".join(f"'{rows[t]}'" for t in empty.nonzero().flatten().tolist())
        text += f" Empty, so all zeros: {names}."
    if blind.any():
        names = ", ".join(f"'{rows[t]}'" for t in blind.nonzero().flatten().tolist())
        text += f" Not allowed to look at itself: {names}."
    return text


def _padded(mask: torch.Tensor) -> int:
    """Return how many columns at the end are forbidden to every query; 0 if all columns are."""
    open_columns = mask.any(dim=0).nonzero().flatten()
    return mask.shape[1] - 1 - int(open_columns[-1]) if len(open_columns) else 0


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"


def _booleans(mask: Any) -> np.ndarray:
    """Return a mask as a new boolean array. Raises TypeError for numbers."""
    array = np.array(mask.detach().cpu().numpy() if hasattr(mask, "detach") else mask)
    if array.dtype != bool:
        raise TypeError(
            f"the mask has dtype {array.dtype}; expected booleans, True = may be attended. For a "
            "mask of 0 and 1, pass mask.bool()."
        )
    return array
