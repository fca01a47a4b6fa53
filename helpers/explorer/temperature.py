"""`Temperature`: a softmax in its three steps, with scores to drag and a factor before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from helpers.explorer.base import View
from helpers.explorer.static import paragraph, row, table
from helpers.figures.checks import to_array, word_list

# The factors that the slider offers: powers of two, so that the middle one is 1.
FACTORS = tuple(2.0 ** (k / 2) for k in range(-8, 9))
STATIC = (0.25, 0.5, 1.0, 2.0, 4.0)


class Temperature(View):
    """Bars of softmax(factor * scores); the factor is 1 / temperature.

    The learner drags the scores and the factor, and sees the exponentials, their sum, and what
    dividing by it leaves.
    scores: one number for each word of `words`. Raises ValueError where they do not fit.
    """

    def __init__(self, scores: Any, words: Sequence[str], title: str = "") -> None:
        words = word_list(words, "words")
        values = to_array(scores, "scores")
        if values.shape != (len(words),) or not all(map(math.isfinite, values)):
            raise ValueError(
                f"scores have shape {values.shape} or hold NaN; expected {len(words)} finite "
                "numbers, one for each word."
            )
        super().__init__(
            {
                "view": "temperature",
                "title": str(title),
                "words": words,
                "scores": values.round(4).tolist(),
                "factors": [round(factor, 4) for factor in FACTORS],
            }
        )

    def html(self) -> str:
        words, scores = self.state["words"], self.state["scores"]
        names = ("factor", "temperature", *words, "mean p (1 - p)")
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
        lines = []
        for factor in STATIC:
            weights = softmax(scores, factor)
            slope = sum(p * (1 - p) for p in weights) / len(weights)
            numbers = [f"{1 / factor:g}", *(f"{p:.2f}" for p in weights), f"{slope:.3f}"]
            cells = "".join(f"<td>{number}</td>" for number in numbers)
            lines.append(row(f"{factor:g}", cells))
        about = "Run the cell to drag the scores and the factor."
        caption = "Softmax weights of the same scores, multiplied by a factor first."
        return paragraph(self.state["title"], about) + table(caption, f"<tr>{head}</tr>", lines)

    def sentence(self) -> str:
        scores, words = self.state["scores"], self.state["words"]
        best = max(range(len(words)), key=lambda i: scores[i])
        low, high = (softmax(scores, factor)[best] for factor in (STATIC[0], STATIC[-1]))
        return (
            f"A softmax with a slider: the largest weight, of '{words[best]}', goes from "
            f"{low:.2f} at factor {STATIC[0]:g} to {high:.2f} at factor {STATIC[-1]:g}."
        )


def softmax(scores: Sequence[float], factor: float) -> list[float]:
    """Return the softmax of factor * scores as a list; factor > 0."""
    top = max(scores)
    powers = [math.exp(factor * (score - top)) for score in scores]
    return [power / sum(powers) for power in powers]
