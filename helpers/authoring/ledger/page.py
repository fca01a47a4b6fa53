"""The ledger's part of the book: what each claim was under the seeds, and whether it is in step."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from helpers.authoring.ledger import picture
from helpers.authoring.ledger.rows import CLAIMS, Row, read_rows, worst_first
from helpers.authoring.ledger.stated import Stated
from helpers.claims import in_words
from helpers.results import seeds_of

# Bands that were moved outward when the runs of the ledger in the tree had been seen.
MOVED = ("03.null", "03.shortest", "10.trigram")
_HEAD = (
    "| claim | what was measured | band | worst | median | deviations to the edge | saboteur "
    "| under it |\n|---|---|---|---|---|---|---|---|"
)
_ABOUT = """\
Each notebook was run under {seeds} seeds that nobody had used before, in order to choose or to
check something. A line of the picture is a claim, and each dot is a run. The distance to the edge
of the band is counted in standard deviations of these runs, so that claims of different sizes can
stand beside each other. A number that differs from run to run by a factor, such as "380 times as
often", is counted by its logarithm. A dot in the red part would lie outside the band. A claim that
reads a record has one value, whatever the seed, and so has a result that no seed changes.

A **saboteur** is a change under which the claim has to fail, such as a mask that is ignored. The
last column tells the value that it gave, which lies outside the band. A live claim without a
saboteur shows what happens, but would perhaps hold for a broken model too.

Every run lay inside its band. The bands of {moved} were moved outward afterwards all the same,
because they stood nearer than four deviations, where one run in some thousands would lie outside.
So these seeds have chosen how wide those bands are.{later}"""
_LATER = (
    " Notebooks {numbers} were therefore run under {more} further seeds. These have chosen "
    "nothing, and all their runs lay inside too. The numbers below count them."
)


def over_seeds(path: Path = CLAIMS) -> str:
    """Return the page's part on all seeds as Markdown, '' if no ledger has been written."""
    rows = read_rows(path)
    if not rows:
        return ""
    counts = seeds_of(rows)
    seeds = min(counts.values())
    later = {number: count for number, count in counts.items() if count > seeds}
    again = _LATER.format(numbers=_listed(later), more=max(later.values()) - seeds) if later else ""
    data = base64.b64encode(picture.beside(path).read_bytes()).decode("ascii")
    image = f'<img alt="{escape(picture.alt(rows))}" src="data:image/png;base64,{data}">'
    table = "\n".join([_HEAD, *map(_line, worst_first(rows))])
    about = _ABOUT.format(seeds=seeds, moved=_listed(MOVED), later=again)
    return f"## Over {seeds} seeds\n\n{about}\n\n{image}\n\n{table}"


def _listed(names: Iterable[str]) -> str:
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} and {last}" if most else last


def _line(row: Row) -> str:
    margin = "" if row["margin_sd"] is None else f"{row['margin_sd']:.1f}"
    numbers = f"{row['worst']:.4g} | {row['median']:.4g} | {margin}"
    statement = row["statement"].replace("|", "\\|")
    by = row["saboteur"] or ("" if row["kind"] == "recorded" else "none: a demonstration")
    value = "" if row["sabotaged"] is None else f"{row['sabotaged']:.4g}"
    band = in_words(row["band"])
    return f"| `{row['claim']}` | {statement} | {band} | {numbers} | {by} | {value} |"


def out_of_step(rows: Sequence[Row], stated: Iterable[Stated]) -> Iterator[str]:
    """Yield what the rows of a ledger say otherwise than the notebooks, which is to be nothing.

    stated: the claims of all notebooks. A statement or a bound that a run fills in is compared by
    what is written of it.
    """
    by_name = {claim.claim: claim for claim in stated}
    for name in sorted(by_name.keys() ^ {row["claim"] for row in rows}):
        where = "the notebooks" if name in by_name else "the ledger"
        yield f"{name} stands in {where} only"
    for row in rows:
        claim = by_name.get(row["claim"])
        if claim is None:
            continue
        if not claim.fits(row["statement"]):
            yield f"{claim.claim} is stated otherwise: {row['statement']!r}"
        bounds = zip(("above", "below"), row["band"], (claim.low, claim.high), strict=True)
        for word, bound, own in bounds:
            if (bound is not None) != (word in claim.given) or own not in (None, bound):
                yield f"{claim.claim} has another band: {word} {bound}"
