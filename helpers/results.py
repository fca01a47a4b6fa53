"""The results of the long runs, recorded in data/results/ by `python -m helpers measure`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from helpers.settings import DATA

RESULTS = DATA / "results"


class ResultsError(RuntimeError):
    """A recorded result is missing or unreadable; the message says how to make it anew."""


def results_path(number: str, folder: Path = RESULTS) -> Path:
    """Return where the results of notebook `number`, such as "04", are stored."""
    if not (isinstance(number, str) and number.isdecimal() and len(number) == 2):
        raise ValueError(f"results of notebook {number!r}: expected two digits, such as '04'")
    return folder / f"{number}.json"


def load_results(number: str, folder: Path = RESULTS) -> dict[str, Any]:
    """Return the recorded results of notebook `number`, such as "04".

    The keys are those of `measure` in helpers/authoring/measurements/ and, of every recording,
    "settings", "seeds", "seconds" (of the whole run) and "versions" (of Python and packages).
    Raises ResultsError if there are none, or the file is damaged or cannot be read.
    """
    path = results_path(number, folder)
    remedy = f"Record them with `python -m helpers measure {number}`, or take the file from git."
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(f"There are no recorded results in {path}. {remedy}") from None
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {error.strerror or error}. {remedy}") from None
    except ValueError as error:
        raise ResultsError(f"{path} is damaged: {error}. {remedy}") from None
    if not isinstance(recorded, dict):
        raise ResultsError(f"{path} holds a {type(recorded).__name__}, not a JSON object. {remedy}")
    return recorded


def spread(values: Sequence[float], deviations: float = 5.0) -> tuple[float, float]:
    """Return the band in which one more run of the same kind should lie.

    values: one a seed, three or more. deviations: how many of the true standard deviations the band
    goes to each side. A few runs tell the true one only roughly, so the largest is taken that they
    leave possible with 95 % confidence: 1.8 times their own for eight runs.
    """
    if len(values) < 3:
        raise ValueError(f"{len(values)} recorded values tell no spread; record three seeds")
    reach = deviations * largest_deviation(len(values)) * stdev(values)
    return mean(values) - reach, mean(values) + reach


def largest_deviation(count: int) -> float:
    """Return how many times its measured value a standard deviation may be, with 95 % confidence.

    count: the number of values that it was measured with, of a normal distribution. Their variance
    follows chi-squared; for its quantile of 5 % the approximation of Wilson and
    Hilferty (1931) is good, and on the safe side for two or three values.
    """
    free = count - 1
    quantile = free * (1 - 2 / (9 * free) - 1.645 * sqrt(2 / (9 * free))) ** 3
    return sqrt(free / quantile)
