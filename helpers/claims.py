"""`claim` states a measured result and is held to it; `predict` asks the reader beforehand."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

from helpers.settings import course_seed

_ID = re.compile(r"\d\d\.[a-z0-9_]+")
_RANGE = re.compile(r"\((-?[\d.]+) to (-?[\d.]+)\)")  # as in "what share (0 to 1)"


class _ShownAlone(Exception):
    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the message alone, as the code is not what went wrong."""
        return [str(self)]


class ClaimError(_ShownAlone, AssertionError):
    """A claim does not hold; the message names it, its value and its band."""


class LedgerError(_ShownAlone, RuntimeError):
    """A claim holds, but could not be written to the file that COURSE_CLAIMS names."""


class PredictionError(_ShownAlone, ValueError):
    """What is predicted cannot answer the question; the message says what can."""


_predictions: dict[str, float] = {}


def predict(id: str, question: str, guess: float | None = None) -> None:
    """Ask for a prediction before a result is seen; the claim with the same id answers it.

    id: the claim's id. guess: the reader's number, None if they have not written one.
    A question that names its scale, such as "(-1 to 1)", takes only a number on it, and one that
    asks for a share takes 0 to 1. Raises PredictionError for another guess, and for no number.
    """
    print(question)
    if guess is None:
        _predictions.pop(id, None)
        print("No prediction yet: replace None by a number, run this cell, then go on.")
        return
    if isinstance(guess, bool) or not isinstance(guess, int | float) or not math.isfinite(guess):
        raise PredictionError(
            f"the prediction is {guess!r}; expected a number such as 0.5, or None"
        )
    low, high, why = _scale(question)
    if not low <= guess <= high:
        percent = 0 <= guess <= 100 and (low, high) == (0, 1)
        hint = f" For {guess:g} % write {guess / 100:g}." if percent else ""
        raise PredictionError(
            f"the prediction is {guess:g}; expected a number from {low:g} to {high:g}, because "
            f"{why}.{hint}"
        )
    _predictions[id] = float(guess)
    print(f"You predict {guess:g}. The answer comes where this is measured.")


def _scale(question: str) -> tuple[float, float, str]:
    """Return the least and the largest answer to a question, and why no other can be right."""
    named = _RANGE.search(question)
    if named:
        return float(named[1]), float(named[2]), "the question names this scale"
    if re.search(r"\bshare\b", question):
        return 0.0, 1.0, "the question asks for a share"
    return -math.inf, math.inf, ""


def claim(
    id: str,
    statement: str,
    value: float,
    above: float | None = None,
    below: float | None = None,
) -> None:
    """Print `value` beside its band, record it, and fail if it lies outside.

    id: two digits of the notebook, a dot and a name, such as "03.longest".
    statement: what was measured, in words, with its unit.
    value: the measured number. above, below: the band, exclusive; one of them at least.

    With the environment variable `COURSE_CLAIMS` set, one JSON line is appended to the file it
    names, whether the claim holds or not: {"claim", "statement", "value", "band", "seed"}.
    Raises ClaimError outside the band (NaN is outside every band), LedgerError where the file
    cannot be written, after the value is printed and checked, and ValueError where the claim could
    not fail: no band, or an empty one.
    """
    if not _ID.fullmatch(id):
        raise ValueError(f"claim id {id!r}: expected two digits, a dot and a name, as '03.longest'")
    if above is None and below is None:
        raise ValueError(f"claim {id}: give above=, below= or both; without a band it cannot fail")
    if above is not None and below is not None and above >= below:
        raise ValueError(f"claim {id}: the band is empty, above={above} is not under below={below}")
    value = float(value)
    band = in_words((above, below))
    holds = (above is None or value > above) and (below is None or value < below)
    holds = holds and not math.isnan(value)
    print(f"{'✓' if holds else '✗'} {statement}: {value:.4g}   (claimed: {band})")
    if id in _predictions:
        guess = _predictions[id]
        print(f"  You predicted {guess:g}, which is {abs(guess - value):.2g} away.")
    unwritten = _record(id, statement, value, [above, below])
    if not holds:
        raise ClaimError(
            f"claim {id} does not hold: {statement} is {value:.6g}, claimed {band}. "
            "If you changed a cell above, this is what your change did; "
            f"if not, restart the kernel and run all cells from the top. {unwritten}".rstrip()
        )
    if unwritten:
        raise LedgerError(f"claim {id} holds. {unwritten}")


def in_words(band: Sequence[float | None]) -> str:
    """Return a band [low, high] as a claim prints it, such as "above 0.4 and below 0.8"."""
    bounds = zip(("above", "below"), band, strict=True)
    return " and ".join(f"{word} {bound:.4g}" for word, bound in bounds if bound is not None)


def _record(id: str, statement: str, value: float, band: list[float | None]) -> str:
    """Append the claim to the file of COURSE_CLAIMS; return '' or why that could not be done."""
    path = os.environ.get("COURSE_CLAIMS")
    if not path:
        return ""
    line = {
        "claim": id,
        "statement": statement,
        "value": value,
        "band": band,
        "seed": course_seed(),
    }
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        return (
            f"It could not be written to COURSE_CLAIMS={path}: {error.strerror or error}. Set "
            "COURSE_CLAIMS to the path of a file in a folder that exists and has room, or unset "
            "it, and run this cell again."
        )
    return ""
