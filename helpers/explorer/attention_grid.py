"""`AttentionGrid`: one attention layer in numbers, each of which a slider can change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from helpers.attention import masked_softmax, scaled_dot
from helpers.explorer.base import View
from helpers.explorer.static import heads, paragraph, row, shaded, table, weight_cells
from helpers.explorer.temperature import FACTORS
from helpers.figures.checks import named, number_table

MOST = 6  # positions and numbers in each direction: more cannot be read at once
REACH = 4.0  # the slider goes from minus this to this, further where a given number does


class AttentionGrid(View):
    """E = QK^T / sqrt(D), A = softmax(E) and Y = AV in tables that follow every change at once.

    queries: (T, D). keys: (S, D). values: (S, V). T, S, D and V from 1 to 6.
    rows: T names of the queries; columns: S names of the keys; q0, q1, ... and k0, k1, ... if None.
    The learner chooses a number of Q, K or V and moves it with a slider, and sees which of E, A
    and Y move with it; a second slider multiplies E by a factor before the softmax, from a soft
    look-up to a hard one. Nothing that is given is kept or changed.
    Raises ValueError where the sizes do not fit, or are too large to be seen.
    """

    def __init__(
        self,
        queries: Any,
        keys: Any,
        values: Any,
        rows: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        title: str = "",
    ) -> None:
        most = (MOST, MOST)
        tables = {
            "Q": number_table(queries, "queries", ("T", "D"), most),
            "K": number_table(keys, "keys", ("S", "D"), most),
            "V": number_table(values, "values", ("S", "V"), most),
        }
        wide, tall = tables["Q"].shape, tables["K"].shape
        if wide[1] != tall[1]:
            raise ValueError(
                f"queries have shape {wide} and keys {tall}; expected the same number D of "
                "columns: a query and a key are multiplied number by number."
            )
        if tables["V"].shape[0] != tall[0]:
            raise ValueError(
                f"keys have shape {tall} and values {tables['V'].shape}; expected the same number "
                "S of rows: each key needs exactly one value."
            )
        rows = [f"q{t}" for t in range(wide[0])] if rows is None else rows
        columns = [f"k{s}" for s in range(tall[0])] if columns is None else columns
        largest = max(float(abs(numbers).max()) for numbers in tables.values())
        super().__init__(
            {
                "view": "attention_grid",
                "title": str(title),
                "rows": named(rows, "rows", wide[0]),
                "columns": named(columns, "columns", tall[0]),
                "reach": float(max(REACH, np.ceil(largest))),
                "factors": [round(factor, 4) for factor in FACTORS],
                **{name: numbers.round(4).tolist() for name, numbers in tables.items()},
            }
        )

    def html(self) -> str:
        state, given = self.state, self.tables()
        rows, columns = state["rows"], state["columns"]
        width = {name: range(given[name].shape[1]) for name in "KV"}
        asked = [
            *(f"Q {d}" for d in width["K"]),
            *(f"E {column}" for column in columns),
            *(f"A {column}" for column in columns),
            *(f"Y {v}" for v in width["V"]),
        ]
        looked = [f"{name} {place}" for name in "KV" for place in width[name]]
        answers = []
        for t, name in enumerate(rows):
            query, scores, output = (_cells(given[part][t]) for part in "QEY")
            weights = weight_cells(given["A"][t].tolist())
            answers.append(row(name, query + scores + weights + output, align="right"))
        pairs = [
            row(name, _cells(given["K"][s]) + _cells(given["V"][s]), align="right")
            for s, name in enumerate(columns)
        ]
        about = (
            "E = QKᵀ / √dₖ, A = softmax(E) along each row, Y = AV.",
            "Run the cell to change a number and see what moves with it.",
        )
        keys = "What is looked up: a key and a value for each position."
        queries = "A row for each query: its numbers, scores, weights and output."
        return (
            paragraph(state["title"], *about)
            + table(keys, heads(looked), pairs)
            + table(queries, heads(asked), answers)
        )

    def tables(self) -> dict[str, np.ndarray]:
        """Return Q, K, V as they are shown at first, and E, A and Y that follow from them."""
        queries, keys, values = (torch.tensor(self.state[name]).double() for name in "QKV")
        scores = scaled_dot(queries, keys)  # (T, S)
        weights = masked_softmax(scores)  # (T, S)
        parts = (queries, keys, values, scores, weights, weights @ values)
        return {name: part.numpy() for name, part in zip("QKVEAY", parts, strict=True)}

    def sentence(self) -> str:
        state, weights = self.state, self.tables()["A"]
        t, s = np.unravel_index(weights.argmax(), weights.shape)
        return (
            f"An attention layer in numbers: {len(state['rows'])} queries look at "
            f"{len(state['columns'])} keys, most of all '{state['rows'][t]}' at "
            f"'{state['columns'][s]}' with {weights[t, s]:.2f}."
        )


def _cells(numbers: np.ndarray) -> str:
    return "".join(shaded(f"{number:.2f}") for number in numbers)
