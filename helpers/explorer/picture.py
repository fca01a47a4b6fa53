"""`Looks`: a picture and its caption; pick a word, see where it looks."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from helpers.explorer.base import View
from helpers.explorer.static import paragraph, row, shaded, table, weight_cells
from helpers.figures.checks import cell_list, cell_weights, named, picture_array, word_list
from helpers.palette import ROLE_COLOURS, VEIL

MOST_WORDS = 40
PNG_BYTES = 12_000  # a picture that takes more is made smaller
LARGEST, SMALLEST = 512, 32  # pixels of the longer side that are tried
ON_GOLD, OFF_GOLD = "●", "▲"  # as in the gallery of maps


class Looks(View):
    """A picture under a veil that is clear where the chosen word of its caption looks.

    picture: (H, W, 3) uint8. words: the T words of the caption, from 1 to 40; the last one may be
    "<end>". weights: (T, S), rows of sum 1 or 0, over the S cells of a square grid on the picture,
    in reading order. gold: for each word the cell that it speaks of, or None; "<end>" may be left
    out. said: T words that the model says in place of `words`, where they differ. still: place of
    the word whose look the still picture shows; without it the picture is bare.
    Nothing that is given is kept or changed. Raises ValueError where these do not fit.
    """

    def __init__(
        self,
        picture: Any,
        words: Sequence[str],
        weights: Any,
        gold: Sequence[int | None] | None = None,
        said: Sequence[str] | None = None,
        title: str = "",
        still: int | None = None,
    ) -> None:
        array = picture_array(picture)  # (H, W, 3)
        words = word_list(words, "words")
        if len(words) > MOST_WORDS:
            raise ValueError(
                f"words holds {len(words)} words; expected at most {MOST_WORDS}, so that all of "
                "them can be seen. Show a part of the caption."
            )
        looks, side = cell_weights(weights, len(words))  # (T, S)
        if still is not None and not 0 <= still < len(words):
            raise ValueError(
                f"still is {still}; expected the place of one of the {len(words)} words, from 0 to "
                f"{len(words) - 1}, or None"
            )
        cells = cell_list(gold, words, side * side)
        self._still = still
        bare = array if still is None else veiled(array, looks[still], cells and cells[still])
        self._picture = address(bare)  # of the still form
        super().__init__(
            {
                "view": "picture",
                "title": str(title),
                "picture": address(array),
                "shape": list(array.shape[:2]),
                "side": side,
                "veil": VEIL,
                "words": words,
                "said": words if said is None else named(said, "said", len(words)),
                "weights": looks.round(4).tolist(),
                "gold": cells,
            }
        )

    def html(self) -> str:
        state, side = self.state, self.state["side"]
        told = state["gold"] is not None
        names = ["word", "largest weight", "of the cell"]
        names += ["gold cell"] if told else []
        names += ["the model says"] if state["said"] != state["words"] else []
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in names)
        lines = [
            row(word, weight_cells([max(state["weights"][t])]) + self._places(t))
            for t, word in enumerate(state["words"])
        ]
        about = ["Run the cell to pick a word and see where it looks."]
        if told:
            about.append(
                f"{self._hits()} {ON_GOLD} looks most at its gold cell, {OFF_GOLD} at another."
            )
        height, width = state["shape"]
        caption = f"The cells are the {side} rows and {side} columns of the picture."
        text = f"Picture with the caption: {' '.join(state['words'])}"
        if self._still is not None:
            word = state["words"][self._still]
            about.append(f"The picture shows the look at the word {word!r}.")
            text += f". A cell is the darker the less the word {word!r} looks at it"
        # Narrow pictures keep to the height of square ones.
        size = round(240 * min(1.0, width / height))
        picture = f'<p><img alt="{escape(text)}" src="{self._picture}" width="{size}"></p>'
        return (
            paragraph(state["title"], *about) + picture + table(caption, f"<tr>{head}</tr>", lines)
        )

    def _places(self, t: int) -> str:
        """Return the table cells of word t that come after its largest weight, as HTML."""
        state, side = self.state, self.state["side"]
        most = top(state["weights"][t])
        texts = ["none" if most is None else place(most, side)]
        if state["gold"] is not None:
            gold = state["gold"][t]
            mark = ON_GOLD if gold == most else OFF_GOLD
            texts.append("none" if gold is None else f"{place(gold, side)} {mark}")
        if state["said"] != state["words"]:
            says = state["said"][t]
            texts.append("" if says == state["words"][t] else f"✗ {says}")
        return "".join(shaded(text) for text in texts)

    def _hits(self) -> str:
        """Return how many of the words that have a gold cell look at it most, as a sentence."""
        linked = [
            (top(weights), gold)
            for weights, gold in zip(self.state["weights"], self.state["gold"], strict=True)
            if gold is not None
        ]
        hits = sum(most == gold for most, gold in linked)
        return f"{hits} of {len(linked)} words that have a gold cell look at it most."

    def sentence(self) -> str:
        state = self.state
        side, number = state["side"], len(state["words"])
        what = f"A picture of {side} by {side} cells, looked at word by word, {number} in all"
        if state["gold"] is not None:
            return f"{what}: {self._hits()}"
        t = max(range(number), key=lambda t: max(state["weights"][t]))
        most = top(state["weights"][t])
        if most is None:
            return f"{what}: none looks anywhere."
        share = state["weights"][t][most]
        return f"{what}: '{state['words'][t]}' looks at {place(most, side)} with {share:.2f}."


def top(weights: Sequence[float]) -> int | None:
    """Return the cell of the largest weight, the first of equals; None where all are 0."""
    most = max(range(len(weights)), key=lambda cell: weights[cell])
    return most if weights[most] > 0 else None


def place(cell: int, side: int) -> str:
    """Return where a cell of a square grid lies, counted from 1, as in 'row 1, column 3'."""
    return f"row {cell // side + 1}, column {cell % side + 1}"


def veiled(picture: np.ndarray, weights: np.ndarray, gold: int | None) -> np.ndarray:
    """Return a picture (H, W, 3) that is the darker the less it is looked at, as in the live view.

    weights: of the cells of a square grid, (S,). gold: the cell that gets a frame, if any.
    """
    side = round(len(weights) ** 0.5)
    down, across = (np.arange(length) * side // length for length in picture.shape[:2])
    cell_of = down[:, None] * side + across  # (H, W)
    seen = picture * (1 - VEIL * (1 - np.asarray(weights)[cell_of]))[..., None]
    if gold is not None:
        thick = max(1, min(picture.shape[:2]) // side // 16)
        inside = np.pad(cell_of == gold, thick)
        core = inside.copy()
        for axis in (0, 1):  # what is left of the cell when its rim is taken off
            for shift in (-thick, thick):
                core &= np.roll(inside, shift, axis)
        rim = (inside & ~core)[thick:-thick, thick:-thick]
        seen[rim] = list(bytes.fromhex(ROLE_COLOURS["gold link"][1:]))
    return seen.round().astype(np.uint8)


def address(picture: np.ndarray) -> str:
    """Return a picture (H, W, 3) uint8 as a "data:" address."""
    return "data:image/png;base64," + base64.b64encode(small_png(picture)).decode("ascii")


def small_png(picture: np.ndarray) -> bytes:
    """Return a picture (H, W, 3) uint8 as a PNG of at most 128 colours and PNG_BYTES.

    It is made smaller until it fits, but not below SMALLEST pixels on its longer side.
    """
    image = Image.fromarray(picture)
    image.thumbnail((LARGEST, LARGEST))
    while True:
        data = io.BytesIO()
        few = image.quantize(128, method=Image.Quantize.MEDIANCUT, dither=0)
        few.save(data, format="PNG", optimize=True)
        if data.tell() <= PNG_BYTES or max(image.size) <= SMALLEST:
            return data.getvalue()
        image = image.resize([max(1, round(0.75 * size)) for size in image.size])
