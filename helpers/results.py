"""The results of the long runs, recorded in data/results/ by `python -m helpers measure`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from math import log, sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from helpers.settings import DATA

RESULTS = DATA / "results"
CLAIMS = RESULTS / "claims.json"  # each claim over many seeds, by `python -m helpers ledger`
FACTOR = 2.0  # runs that differ by more are counted in logarithms
NEAR = 4.0  # standard deviations; a band that stands nearer is mended, or the claim restated


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
    return _read(path, dict, remedy)


def load_ledger(path: Path = CLAIMS) -> list[dict[str, Any]]:
    """Return what each claim was under twenty seeds or more, a row a claim.

    A row has "claim", "notebook", "statement", "kind" ("live" or "recorded"), "band" ([low, high],
    None where there is no such bound), "seeds", "values", "worst", "median", "margin_sd" (how many
    standard deviations the mean stands within the band), "saboteur" (the change that broke the
    claim) and "sabotaged" (the value that it gave).
    Raises ResultsError if there is no ledger, or the file is damaged or cannot be read.
    """
    return _read(path, list, "Make it with `python -m helpers ledger`, or take the file from git.")


def seeds_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return under how many seeds each notebook of a ledger ran that makes claims anew."""
    return {row["notebook"]: len(row["seeds"]) for row in rows if row["kind"] == "live"}


def _read(path: Path, kind: type, remedy: str) -> Any:
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(f"There are no recorded results in {path}. {remedy}") from None
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {error.strerror or error}. {remedy}") from None
    except ValueError as error:
        raise ResultsError(f"{path} is damaged: {error}. {remedy}") from None
    if not isinstance(recorded, kind):
        wanted = "a JSON object" if kind is dict else "a list of rows"
        raise ResultsError(f"{path} holds a {type(recorded).__name__}, not {wanted}. {remedy}")
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


def room(value: float, band: Sequence[float | None]) -> float:
    """Return how far a value stands within its band; below 0 it stands outside."""
    low, high = band
    if low is None or high is None:
        return value - low if low is not None else (high or 0.0) - value
    return min(value - low, high - value)


def margin(values: Sequence[float], band: Sequence[float | None]) -> float | None:
    """Return how many standard deviations the mean stands within its band.

    None where the values do not differ, as there is nothing to measure with.
    """
    values, band = _on_its_scale(values, band)
    spread = stdev(values) if len(values) > 1 else 0.0
    return room(mean(values), band) / spread if spread > 0 else None


def in_deviations(values: Sequence[float], band: Sequence[float | None]) -> list[float] | None:
    """Return for each value how many standard deviations of all it stands within its band.

    None where the values do not differ.
    """
    values, band = _on_its_scale(values, band)
    spread = stdev(values) if len(values) > 1 else 0.0
    return [room(value, band) / spread for value in values] if spread > 0 else None


def _on_its_scale(
    values: Sequence[float], band: Sequence[float | None]
) -> tuple[list[float], list[float | None]]:
    """Return values and band as their distances are counted: as logarithms, or as they are.

    A number such as "380 times as often" has no upper bound, and differs from run to run by a
    factor. Its standard deviation says little, because one large value makes it large. So where the
    only bound is a positive lower one, and runs differ by `FACTOR` or more, logarithms count.
    """
    low, high = band
    least, most = min(values), max(values)
    if low is None or low <= 0 or high is not None or least <= 0 or most < FACTOR * least:
        return [*values], [*band]
    return [log(value) for value in values], [log(low), None]
