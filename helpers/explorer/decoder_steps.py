"""`DecoderSteps`: a decoder with attention, one word at a time, with every number it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from helpers.explorer.base import View
from helpers.explorer.static import paragraph, row, table
from helpers.figures.checks import height_in_pixels, to_array, weights_array, word_list


@dataclass(frozen=True)
class Step:
    """What a decoder computes for one target word, over S source words and V context values.

    previous: the word fed, "<start>" first. scores: e_{t,i}, (S,). weights: a_{t,i}, (S,).
    context: c_t, (V,). output: the word produced. probability: the model's, in [0, 1].
    """

    previous: str
    scores: Any
    weights: Any
    context: Any
    output: str
    probability: float


class DecoderSteps(View):
    """The decoder of one sentence, step by step until "<end>".

    steps: a `Step`, or a dict with the same names, per target word.
    source: the S source words. height: pixels after which the picture scrolls.
    Raises ValueError for a step that is incomplete, of another size, or whose weights do not
    sum to 1. Nothing that is given is kept or changed.
    """

    def __init__(
        self,
        steps: Sequence[Step | Mapping[str, Any]],
        source: Sequence[str],
        title: str = "",
        height: int | None = None,
    ) -> None:
        source = word_list(source, "source")
        if not len(steps):
            raise ValueError("steps is empty; expected one step for each word produced.")
        checked = [_checked(step, number, len(source)) for number, step in enumerate(steps, 1)]
        sizes = {len(step["context"]) for step in checked}
        if len(sizes) > 1:
            raise ValueError(f"contexts have sizes {sorted(sizes)}; expected one size for all.")
        state = {
            "view": "decoder_steps",
            "title": str(title),
            "source": source,
            "steps": checked,
            "height": height_in_pixels(height),
        }
        super().__init__(state)

    def html(self) -> str:
        names = ("step", "word fed", "largest weights", "sum of weights", "word produced")
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in names)
        lines = [self._line(number, step) for number, step in enumerate(self.state["steps"], 1)]
        about = (
            f"The decoder over '{escape(' '.join(self.state['source']))}': at each step the word "
            "it is fed, the three source words with the largest weights, the sum of all weights, "
            "and the word it produces with its probability. Run the cell to move a slider over the "
            "steps and to see the scores."
        )
        caption = f"{len(lines)} steps of the decoder."
        return paragraph(self.state["title"], about) + table(caption, f"<tr>{head}</tr>", lines)

    def _line(self, number: int, step: dict[str, Any]) -> str:
        source, weights = self.state["source"], step["weights"]
        order = sorted(range(len(weights)), key=lambda i: -weights[i])[:3]
        largest = ", ".join(f"'{source[i]}' {weights[i]:.2f}" for i in order)
        produced = f"{step['output']} ({step['probability']:.2f})"
        cells = (step["previous"], largest, f"{sum(weights):.2f}", produced)
        return row(
            str(number),
            "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in cells),
        )

    def sentence(self) -> str:
        steps = self.state["steps"]
        produced = " ".join(step["output"] for step in steps)
        return f"A decoder in {len(steps)} steps over its source; it produces '{produced}'."


def _checked(step: Step | Mapping[str, Any], number: int, size: int) -> dict[str, Any]:
    """Return one step as JSON-ready values, rounded for the picture."""
    given = dict(step) if isinstance(step, Mapping) else dict(vars(step))
    missing = [name for name in Step.__dataclass_fields__ if name not in given]
    if missing:
        raise ValueError(
            f"step {number} lacks {', '.join(missing)}; expected "
            f"{', '.join(Step.__dataclass_fields__)}."
        )
    try:
        weights = weights_array(to_array(given["weights"], "weights").reshape(1, -1), 1, size)
    except ValueError as error:
        raise ValueError(f"step {number}: {error}") from error
    scores = _vector(given["scores"], "scores", number)
    context = _vector(given["context"], "context", number)
    if scores.shape != (size,):
        raise ValueError(f"step {number}: {scores.size} scores for {size} source words.")
    probability = float(given["probability"])
    if not 0 <= probability <= 1 + 1e-6:
        raise ValueError(f"step {number}: probability is {probability:.4g}; expected 0 to 1.")
    return {
        "previous": str(given["previous"]),
        "scores": scores.round(3).tolist(),
        "weights": weights[0, 0, 0].round(4).tolist(),
        "context": context.round(3).tolist(),
        "output": str(given["output"]),
        "probability": round(probability, 4),
    }


def _vector(values: Any, name: str, number: int) -> np.ndarray:
    array = to_array(values, name)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError(
            f"step {number}: {name} have shape {array.shape} or hold NaN; expected a vector of "
            "finite numbers. Index the batch away, as in scores[0]."
        )
    return array
