"""From runs to the rows of data/results/claims.json: a claim, its band, and its value by seed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from helpers.authoring.ledger.running import LedgerRefused, Run
from helpers.authoring.ledger.saboteurs import saboteur_of
from helpers.authoring.ledger.stated import kinds_of
from helpers.results import CLAIMS, margin, room

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


def holds(row: Row) -> bool:
    """Return whether every value of a row lies in its band, which has no edges of its own."""
    return all(room(value, row["band"]) > 0 for value in row["values"])


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
