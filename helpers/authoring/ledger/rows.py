"""From runs to the rows of data/results/claims.json: a claim, its band, and its value by seed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from math import log
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from helpers.authoring.ledger.running import LedgerRefused, Run
from helpers.authoring.ledger.saboteurs import saboteur_of
from helpers.authoring.ledger.stated import kinds_of
from helpers.results import RESULTS

CLAIMS = RESULTS / "claims.json"
FACTOR = 2.0  # runs that differ by more are counted in logarithms
NEAR = 4.0  # standard deviations; a band that stands nearer is mended, or the claim restated

Row = dict[str, Any]


def rows_of(runs: Sequence[Run]) -> list[Row]:
    """Return a row for each claim of the runs without a saboteur, in the order of the notebooks.

    A recorded claim has one value, whatever the seed. Raises LedgerRefused for a claim that is
    missing under one seed, stated in two ways, or said to be recorded and changes with the seed.
    """
    found: dict[str, dict[int, Row]] = {}
    seeds: dict[str, set[int]] = {}
    for run in sorted(runs, key=lambda run: (run.task.notebook, run.task.seed)):
        if run.task.saboteur:
            continue
        seeds.setdefault(run.task.notebook, set()).add(run.task.seed)
        for claim in run.claims:
            found.setdefault(claim["claim"], {})[run.task.seed] = claim
    rows = []
    kinds = kinds_of(next(iter(by_seed.values()))["statement"] for by_seed in found.values())
    for (name, by_seed), kind in zip(found.items(), kinds, strict=True):
        if set(by_seed) != seeds[name[:2]]:
            missing = sorted(seeds[name[:2]] - set(by_seed))
            raise LedgerRefused(f"claim {name} is missing under the seeds {missing}")
        rows.append(_row(name, kind, by_seed))
    return rows


def _row(name: str, kind: str, by_seed: dict[int, Row]) -> Row:
    claims = list(by_seed.values())
    statements = sorted({claim["statement"] for claim in claims})
    if len(statements) > 1:
        raise LedgerRefused(f"claim {name} is stated in several ways: {statements}")
    values = [claim["value"] for claim in claims]
    names = sorted(by_seed)
    if kind == "recorded":
        if len({*values}) > 1:
            raise LedgerRefused(f"claim {name} says 'recorded' and changes with the seed: {values}")
        values, names = values[:1], names[:1]
    band = _narrowest([claim["band"] for claim in claims])
    return {
        "claim": name,
        "notebook": name[:2],
        "statement": statements[0],
        "kind": kind,
        "band": band,
        "seeds": names,
        "values": values,
        "worst": min(values, key=lambda value: room(value, band)),
        "median": median(values),
        "margin_sd": margin(values, band),
        "saboteur": None,
        "sabotaged": None,
    }


def _narrowest(bands: Iterable[list[float | None]]) -> list[float | None]:
    """Return the band that is within all of these; it may follow a run, as a share of its count."""
    lows, highs = zip(*bands, strict=True)
    low = max((bound for bound in lows if bound is not None), default=None)
    return [low, min((bound for bound in highs if bound is not None), default=None)]


def in_words(band: Sequence[float | None]) -> str:
    """Return a band as a claim prints it, such as "above 0.4 and below 0.8"."""
    bounds = zip(("above", "below"), band, strict=True)
    return " and ".join(f"{word} {bound:.4g}" for word, bound in bounds if bound is not None)


def room(value: float, band: Sequence[float | None]) -> float:
    """Return how far a value stands within its band; below 0 it stands outside."""
    low, high = band
    if low is None or high is None:
        return value - low if low is not None else (high or 0.0) - value
    return min(value - low, high - value)


def holds(row: Row) -> bool:
    """Return whether every value of a row lies in its band, which has no edges of its own."""
    return all(room(value, row["band"]) > 0 for value in row["values"])


def margin(values: Sequence[float], band: Sequence[float | None]) -> float | None:
    """Return how many standard deviations the mean stands within its band.

    None where the values do not differ, as there is nothing to measure with.
    """
    values, band = on_its_scale(values, band)
    spread = stdev(values) if len(values) > 1 else 0.0
    return room(mean(values), band) / spread if spread > 0 else None


def on_its_scale(
    values: Sequence[float], band: Sequence[float | None]
) -> tuple[list[float], list[float | None]]:
    """Return values and band as their distances are counted: as logarithms, or as they are.

    A number such as "380 times as often" has no upper bound, and differs from run to run by a
    factor. Its standard deviation says little, because one large value makes it large. So where the
    only bound is a positive lower one, and runs differ by `FACTOR` or more, logarithms count.
    """
    low, high = band
    by_factors = low is not None and low > 0 and high is None and min(values) > 0
    if not by_factors or max(values) < FACTOR * min(values):
        return [*values], [*band]
    return [log(value) for value in values], [log(low), None]


def broken_by(runs: Iterable[Run]) -> dict[str, tuple[str, float | None, bool]]:
    """Return for each claim that a saboteur has to break: its name, the value, whether it broke.

    The value is None where the sabotaged notebook did not get as far as the claim; that is no
    proof, so the claim did not break.
    """
    found: dict[str, tuple[str, float | None, bool]] = {}
    for claim, saboteur in saboteur_of().items():
        for run in runs:
            if run.task.saboteur == saboteur and run.task.notebook == claim[:2]:
                said = next((c for c in run.claims if c["claim"] == claim), None)
                value = said["value"] if said else None
                broke = said is not None and not room(said["value"], said["band"]) > 0
                found[claim] = saboteur, value, broke
    return found


def with_saboteurs(rows: Sequence[Row], runs: Sequence[Run]) -> list[Row]:
    """Return the rows with the saboteurs that broke their claims, and the value under each."""
    broken = {claim: found[:2] for claim, found in broken_by(runs).items() if found[2]}
    return [
        row
        | dict(zip(("saboteur", "sabotaged"), broken.get(row["claim"], (None, None)), strict=True))
        for row in rows
    ]


def read_rows(path: Path = CLAIMS) -> list[Row]:
    """Return the rows of the ledger; none if it has not been written."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def write_rows(rows: Sequence[Row], path: Path = CLAIMS) -> None:
    """Write the rows, a line each, in place of those of the same notebooks."""
    numbers = {row["notebook"] for row in rows}
    kept = [row for row in read_rows(path) if row["notebook"] not in numbers]
    merged = sorted([*kept, *rows], key=lambda row: row["notebook"])
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in merged)
    scratch = path.with_suffix(".part")
    scratch.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")
    os.replace(scratch, path)


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """Return live claims by how near they stand to their bands; then those that do not vary."""
    return sorted(
        rows,
        key=lambda row: (
            row["kind"] == "recorded",
            row["margin_sd"] is None,
            row["margin_sd"] or 0.0,
        ),
    )
