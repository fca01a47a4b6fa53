"""`SoftDictionary`: a query and keys as arrows in the plane to drag, and the blend of values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.explorer.base import View
from helpers.explorer.static import paragraph
from helpers.figures.charts import figure_html
from helpers.figures.checks import named, number_table, to_array
from helpers.figures.diagrams.lookups import in_the_plane

ENTRIES, NUMBERS = 6, 4  # the most that can be told apart: keys, and numbers of a value
REACH = 2.0  # how far from the centre an arrow can be dragged in each direction
TEMPERATURES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0)
STATIC = (1.0, 0.3, 0.05)
QUERY = "query"  # what the query's arrow is called


class SoftDictionary(View):
    """One query that looks at keys in the plane; the answer is the blend of their values.

    The learner drags the query, the keys and the temperature, and sees the weights and the answer.
    query: (2,). keys: (source, 2). values: (source, d_v). words: a name for each entry, all
    different. From 2 to 6 entries, d_v from 1 to 4, and each number of the query and the keys from
    -2 to 2. Nothing that is given is kept or changed. Raises ValueError where the sizes do not fit.
    """

    def __init__(
        self, query: Any, keys: Any, values: Any, words: Sequence[str], title: str = ""
    ) -> None:
        keys = number_table(keys, "keys", ("source", "2"), (ENTRIES, 2), least=2)
        values = number_table(values, "values", ("source", "d_v"), (ENTRIES, NUMBERS))
        query, words = to_array(query, "query"), named(words, "words", len(keys))
        if query.shape != (2,) or len(values) != len(keys):
            raise ValueError(
                f"query has shape {query.shape}, keys {keys.shape} and values {values.shape}; "
                "expected (2,) for the query, and one row of values for each key."
            )
        if not max(abs(query).max(), abs(keys).max()) <= REACH:
            raise ValueError(
                f"the query or a key has a number beyond {REACH:g}, or NaN; expected numbers from "
                f"-{REACH:g} to {REACH:g}, so that every arrow can be seen. Shorten the arrows."
            )
        if len({*words, QUERY}) <= len(words):
            raise ValueError(
                f"words are {words}; expected words that all differ, and none called {QUERY!r}, "
                "because each arrow is chosen by its name."
            )
        super().__init__(
            {
                "view": "soft_dictionary",
                "title": str(title),
                "words": words,
                "query": query.round(4).tolist(),
                "keys": keys.round(4).tolist(),
                "values": values.round(4).tolist(),
                "reach": REACH,
                "temperatures": list(TEMPERATURES),
            }
        )

    def html(self) -> str:
        query, keys, values = self._tensors()
        figure = in_the_plane(query, keys, values, self.state["words"], STATIC)
        about = "Run the cell to drag the query and the keys, and to change the temperature."
        return paragraph(self.state["title"], about) + figure_html(figure, self.sentence())

    def sentence(self) -> str:
        query, keys, values = self._tensors()
        said = []
        for temperature in STATIC:
            weights = torch.softmax(keys @ query / temperature, dim=0)
            said.append(
                f"At temperature {temperature:g} the weights are {_numbers(weights, 2)}, and the "
                f"answer is {_numbers(weights @ values, 1)}."
            )
        names = ", ".join(self.state["words"])
        return f"Arrows from one point: a query, and the keys {names}. {' '.join(said)}"

    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        names = "query", "keys", "values"
        query, keys, values = (torch.from_numpy(np.array(self.state[name])) for name in names)
        return query, keys, values


def _numbers(numbers: Iterable[float], digits: int) -> str:
    return f"({', '.join(f'{float(number):.{digits}f}' for number in numbers)})"
