"""`python -m helpers ledger`: what it runs, what it says, what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from helpers.authoring.ledger import picture
from helpers.authoring.ledger.rows import (
    CLAIMS,
    Row,
    broken_by,
    holds,
    rows_of,
    with_saboteurs,
    worst_first,
    write_rows,
)
from helpers.authoring.ledger.running import RUNS, LedgerRefused, Run, Task, run_all
from helpers.authoring.ledger.saboteurs import DEMONSTRATIONS, saboteur_of
from helpers.authoring.ledger.stated import Stated, claims_in
from helpers.authoring.notebooks import NOTEBOOKS, find_notebook, read_notebook
from helpers.claims import in_words
from helpers.results import NEAR, RESULTS, load_results

SEEDS = tuple(range(70_201, 70_221))  # twenty that have chosen nothing
# Whoever wrote a notebook has seen it under the first ten; under the others bands were tried.
LOOKED_AT = (*range(10), *range(70_101, 70_111))


def ledger(
    seeds: Sequence[int] | None = None,
    numbers: Sequence[str] | None = None,
    jobs: int = 1,
    sabotage: bool = False,
    folder: Path = RUNS,
    path: Path = CLAIMS,
    notebooks: Path = NOTEBOOKS,
) -> None:
    """Run notebooks under seeds, or under saboteurs, and write the rows of their claims to `path`.

    seeds: `SEEDS` by default; without seeds, `sabotage` runs the saboteurs alone, and writes
    nothing. numbers: of the notebooks, such as "04"; all by default. jobs: runs at a time.
    Raises LedgerRefused, and leaves `path` as it was, for a seed that chose something, for a claim
    that does not hold, and for a saboteur under which its claim holds.
    """
    numbers = _numbers(numbers, notebooks)
    if seeds is None and not sabotage:
        seeds = SEEDS
    seeds = _fresh(seeds or [])
    honest = [task for seed in seeds for task in _tasks(seed, seeds, numbers, notebooks)]
    sabotaged = _sabotaged(numbers, notebooks)
    runs = run_all([*honest, *sabotaged * sabotage], jobs, folder, notebooks)
    if sabotage:
        _tell_saboteurs(runs, numbers, notebooks)
    if not seeds:
        return
    rows = with_saboteurs(rows_of(runs), runs)
    _tell_rows(rows)
    if broken := [row["claim"] for row in rows if not holds(row)]:
        raise LedgerRefused(
            f"these claims do not hold under every seed: {', '.join(broken)}. Mend the model or "
            "restate the claim. A band that is only widened would let a broken model pass."
        )
    write_rows(rows, path)
    picture.write(path)
    print(f"Wrote {path} and {picture.beside(path)}")


def _numbers(numbers: Sequence[str] | None, notebooks: Path) -> list[str]:
    if numbers:
        return [find_notebook(number, notebooks).name[:2] for number in numbers]
    return sorted(path.name[:2] for path in notebooks.glob("[0-9][0-9]_*.ipynb"))


def _fresh(seeds: Sequence[int]) -> list[int]:
    """Return the seeds in order, each once, unless one of them has chosen something."""
    used = set(LOOKED_AT)
    for recording in RESULTS.glob("[0-9][0-9].json"):
        used.update(load_results(recording.stem)["seeds"])
    if chosen := sorted(used & set(seeds)):
        raise LedgerRefused(
            f"settings and bands were chosen with the seeds {chosen}, so a claim that holds under "
            "them proves little; expected others, such as 70201"
        )
    return sorted(set(seeds))


def _tasks(seed: int, seeds: list[int], numbers: list[str], notebooks: Path) -> list[Task]:
    """Return what to run under a seed: what only reads records is run under the first one alone."""
    return [
        Task(number, seed)
        for number in numbers
        if seed == seeds[0] or any(c.kind == "live" for c in _claims(number, notebooks))
    ]


def _claims(number: str, notebooks: Path) -> list[Stated]:
    return claims_in(read_notebook(find_notebook(number, notebooks)))


def _sabotaged(numbers: list[str], notebooks: Path) -> list[Task]:
    """Return a run for each saboteur and notebook with a claim to break, under the first seed."""
    there = {stated.claim for number in numbers for stated in _claims(number, notebooks)}
    pairs = {(claim[:2], name) for claim, name in saboteur_of().items() if claim in there}
    return [Task(number, SEEDS[0], name) for number, name in sorted(pairs)]


def _tell_saboteurs(runs: list[Run], numbers: list[str], notebooks: Path) -> None:
    """Print claim, saboteur and value; raise LedgerRefused where a claim holds all the same."""
    found = broken_by(runs)
    for claim, (name, value, broke) in sorted(found.items()):
        said = "not reached" if value is None else f"{value:.4g}"
        print(f"{claim:20} {said:>12}  {'fails' if broke else 'HOLDS'}  {name}")
    live = {c.claim for n in numbers for c in _claims(n, notebooks) if c.kind == "live"}
    for claim in sorted(live - set(found)):
        why = DEMONSTRATIONS.get(claim, "no saboteur has been found for it")
        print(f"{claim:20} a demonstration: {why}")
    if idle := sorted(claim for claim, (_, _, broke) in found.items() if not broke):
        raise LedgerRefused(
            f"these claims are not broken by their saboteurs: {', '.join(idle)}. Choose a saboteur "
            "that goes to the claim's reason, or state the claim more sharply."
        )


def _tell_rows(rows: list[Row]) -> None:
    for row in worst_first(rows):
        band = in_words(row["band"])
        margin = "     -" if row["margin_sd"] is None else f"{row['margin_sd']:6.1f}"
        near = "near" if row["margin_sd"] is not None and row["margin_sd"] < NEAR else ""
        state = near if holds(row) else "BROKEN"
        print(f"{row['claim']:20} {row['worst']:>10.4g} {margin} sd  {band:24} {state}".rstrip())
