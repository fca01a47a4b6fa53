"""What the widgets accept: weights, words and links are checked and copied here, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

TOLERANCE = 1e-3  # how far a row of weights may be from a sum of 1


def weights_array(weights: object, rows: int, columns: int) -> np.ndarray:
    """Return attention weights as a new float array of shape (layers, heads, T, S).

    weights: tensor or array of shape (T, S) or (layers, heads, T, S). Each row (one target word)
    is >= 0 and sums to 1, or is zero throughout (nothing may be attended).
    rows, columns: the number of target words T and of source words S.

    Raises ValueError for another shape, NaN or infinity, negative weights, or other sums.
    """
    array = to_array(weights, "weights")
    if array.ndim == 2:
        array = array[None, None]
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(
            f"weights have shape {tuple(np.shape(weights))}; expected (T, S) or "
            "(layers, heads, T, S), none of them 0. Index or stack until they do: of a batch, "
            "weights[0] is the first sentence."
        )
    if array.shape[2:] != (rows, columns):
        hint = ""
        if array.shape[2:] == (columns, rows):
            hint = " They look transposed: rows are target words, columns are source words."
        raise ValueError(
            f"weights have {array.shape[2]} rows and {array.shape[3]} columns; expected "
            f"{rows} rows (target words) and {columns} columns (source words).{hint}"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            "weights hold NaN or infinity. A softmax over a row that is masked throughout does "
            "that: give such a row zeros."
        )
    if array.min() < -1e-6:
        raise ValueError(
            f"the smallest weight is {array.min():.4g}; expected weights >= 0. "
            "Are these scores? Take the softmax over the source words first."
        )
    sums = array.sum(-1)
    bad = (abs(sums - 1) > TOLERANCE) & (abs(sums) > 1e-6)
    if bad.any():
        layer, head, row = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"row {row} (layer {layer}, head {head}) sums to {sums[layer, head, row]:.4g}; "
            "expected 1, or 0 for a row with nothing to attend to. Take the softmax over the "
            "last axis (the source words), and leave out the columns of padding, not their share."
        )
    return array.clip(min=0.0)


def to_array(values: object, name: str) -> np.ndarray:
    """Return numbers, given as a torch tensor, an array or lists, as a new float64 array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} are {type(values).__name__} and cannot be read as numbers; "
            "expected a tensor, an array or nested lists of numbers."
        ) from error


def word_list(words: object, name: str) -> list[str]:
    """Return words as a new list of str. Raises ValueError if empty or if one is no string."""
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise ValueError(
            f"{name} is {words!r}; expected a list of words, such as {str(words).split()!r}."
        )
    listed = list(words)
    wrong = [word for word in listed if not isinstance(word, str)]
    if wrong or not listed:
        given = f"holds {wrong[0]!r}" if wrong else "is empty"
        raise ValueError(f"{name} {given}; expected a list of at least one word (str).")
    return listed


def link_list(links: object, rows: int, columns: int, name: str) -> list[tuple[int, int]]:
    """Return links (source position, target position) as a sorted list without repeats.

    rows, columns: the number of target and of source words. None means no links.
    Raises ValueError for a link that is no pair of positions inside the sentences.
    """
    checked = set()
    for link in links or ():
        if not isinstance(link, Sequence) or len(link) != 2:
            raise ValueError(
                f"{name} holds {link!r}; expected pairs (source position, target position)."
            )
        source, target = (int(position) for position in link)
        if not (0 <= source < columns and 0 <= target < rows):
            raise ValueError(
                f"{name} holds ({source}, {target}); expected a source position under {columns} "
                f"and a target position under {rows}, counted from 0, source first."
            )
        checked.add((source, target))
    return sorted(checked)


def height_in_pixels(height: int | None) -> int | None:
    """Return `height` if it is None or a whole number of pixels >= 120, else raise ValueError."""
    if height is None:
        return None
    if isinstance(height, bool) or not isinstance(height, int) or height < 120:
        raise ValueError(f"height is {height!r}; expected whole pixels, 120 or more, or None.")
    return height
