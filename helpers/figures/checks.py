"""What the widgets accept: weights, words and links are checked and copied here, in one place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

ROWS_ARE, COLUMNS_ARE = "target words", "source words"  # of a map, unless said otherwise
TOLERANCE = 1e-3  # how far a row of weights may be from a sum of 1


def weights_array(
    weights: object, rows: int, columns: int, looked_at: str = "source words"
) -> np.ndarray:
    """Return attention weights as a new float array of shape (layers, heads, T, S).

    weights: tensor or array of shape (T, S) or (layers, heads, T, S). Each row (one target word)
    is >= 0 and sums to 1, or is zero throughout (nothing may be attended).
    rows, columns: the number of target words T and of source words S.
    looked_at: what the columns are, for the messages.

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
            hint = f" They look transposed: rows are target words, columns are {looked_at}."
        raise ValueError(
            f"weights have {array.shape[2]} rows and {array.shape[3]} columns; expected "
            f"{rows} rows (target words) and {columns} columns ({looked_at}).{hint}"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            "weights hold NaN or infinity. A softmax over a row that is masked throughout does "
            "that: give such a row zeros."
        )
    if array.min() < -1e-6:
        raise ValueError(
            f"the smallest weight is {array.min():.4g}; expected weights >= 0. "
            f"Are these scores? Take the softmax over the {looked_at} first."
        )
    sums = array.sum(-1)
    bad = (abs(sums - 1) > TOLERANCE) & (abs(sums) > 1e-6)
    if bad.any():
        layer, head, row = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"row {row} (layer {layer}, head {head}) sums to {sums[layer, head, row]:.4g}; "
            "expected 1, or 0 for a row with nothing to attend to. Take the softmax over the "
            f"last axis (the {looked_at}), and leave out the columns of padding, not their share."
        )
    return array.clip(min=0.0)


def number_table(
    values: object, name: str, sizes: tuple[str, str], most: tuple[int, int], least: int = 1
) -> np.ndarray:
    """Return a table of numbers, small enough to be drawn, as a new float array.

    sizes: the names of its two dimensions, for the message. most: the largest of each. least: of
    both. Raises ValueError for another shape, or NaN or infinity.
    """
    array = to_array(values, name)
    shape = ", ".join(sizes)
    if array.ndim != 2:
        raise ValueError(
            f"{name} have shape {array.shape}; expected ({shape}). Of a batch, take one: {name}[0]."
        )
    for size, letter, limit in zip(array.shape, sizes, most, strict=True):
        if not least <= size <= limit:
            raise ValueError(
                f"{name} have shape {array.shape}; expected ({shape}) with {letter} from "
                f"{least} to {limit}, so that all of it can be seen. Show a part of it."
            )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} hold NaN or infinity; expected finite numbers.")
    return array


def named(words: object, name: str, count: int) -> list[str]:
    """Return `count` words as a new list. Raises ValueError for another number of them."""
    listed = word_list(words, name)
    if len(listed) != count:
        raise ValueError(f"{name} holds {len(listed)} words; expected {count}, one for each.")
    return listed


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


def picture_array(picture: object) -> np.ndarray:
    """Return a picture as a new array (H, W, 3) uint8. Raises ValueError for anything else."""
    array = np.array(picture.detach().cpu().numpy() if hasattr(picture, "detach") else picture)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        hint = ""
        if array.ndim == 3 and array.shape[0] == 3:
            hint = " Its colours come first: take picture.transpose(1, 2, 0)."
        raise ValueError(
            f"picture has shape {array.shape}; expected (H, W, 3), height, width and the three "
            f"colours red, green, blue.{hint}"
        )
    if array.dtype != np.uint8:
        raise ValueError(
            f"picture holds {array.dtype}; expected uint8, whole numbers from 0 to 255. Numbers "
            "from 0 to 1 become that by (255 * picture).round().astype('uint8')."
        )
    return array


def cell_weights(weights: object, words: int) -> tuple[np.ndarray, int]:
    """Return weights over the cells of a picture as a new array (T, S), and the side of its grid.

    weights: (T, S), rows as for `weights_array`; S is the number of cells of a square grid.
    words: the number of words T. Raises ValueError where they are not so.
    """
    array = to_array(weights, "weights")
    if array.ndim != 2:
        raise ValueError(
            f"weights have shape {array.shape}; expected (T, S), a row for each word and a column "
            "for each cell. Of a batch, weights[0] is the first picture."
        )
    side = math.isqrt(array.shape[1])
    if not side or side * side != array.shape[1]:
        raise ValueError(
            f"weights have shape {array.shape}; expected (T, S) with S a square number, such as 16 "
            "for 4 rows and 4 columns of cells. Leave out what is no cell of the picture."
        )
    return weights_array(array, words, side * side, "cells")[0, 0], side


def cell_list(gold: object, words: Sequence[str], cells: int) -> list[int | None] | None:
    """Return the cell that each word speaks of, None where it speaks of none; None if not given.

    A last word "<end>" may be left out of `gold`: it speaks of none.
    Raises ValueError for another number of entries, or one that is no cell from 0 on.
    """
    if gold is None:
        return None
    if isinstance(gold, str) or not isinstance(gold, Iterable):
        raise ValueError(f"gold is {gold!r}; expected a list with a cell or None for each word.")
    listed = list(gold)
    if words[-1] == "<end>" and len(listed) == len(words) - 1:
        listed.append(None)
    if len(listed) != len(words):
        raise ValueError(
            f"gold holds {len(listed)} cells; expected {len(words)}, one for each word, None for "
            "a word that speaks of no cell."
        )
    for cell in listed:
        whole = isinstance(cell, int | np.integer) and not isinstance(cell, bool)
        if cell is not None and not (whole and 0 <= cell < cells):
            raise ValueError(
                f"gold holds {cell!r}; expected None or the number of a cell, from 0 (top left) "
                f"to {cells - 1} in reading order."
            )
    return [None if cell is None else int(cell) for cell in listed]


def height_in_pixels(height: int | None) -> int | None:
    """Return `height` if it is None or a whole number of pixels >= 120, else raise ValueError."""
    if height is None:
        return None
    if isinstance(height, bool) or not isinstance(height, int) or height < 120:
        raise ValueError(f"height is {height!r}; expected whole pixels, 120 or more, or None.")
    return height


def with_role(name: str, role: str) -> str:
    """Return what the rows or columns of a map are, with their role: "target words (queries)".

    Where the name is the role it stands alone. The browser says the same, by `withRole` in map.js.
    """
    return name if name == role else f"{name} ({role})"
