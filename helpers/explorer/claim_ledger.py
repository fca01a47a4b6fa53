"""`ClaimLedger`: how far each claim of the course stands from the edge of its band, run by run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from helpers.claims import in_words
from helpers.explorer.base import View
from helpers.explorer.static import paragraph, row, table
from helpers.results import NEAR, in_deviations, seeds_of

FARTHEST = 100.0  # standard deviations; what stands farther in is drawn here
STATIC_ROWS = 10  # the static table shows so many of the claims that stand nearest


class ClaimLedger(View):
    """A line for each claim, a dot for each run; pointing at a line tells the claim in words.

    rows: as `load_ledger` returns them. A claim without any spread, such as one that reads a
    record, has one mark at the far end. Claims that stand nearest come first.
    Raises ValueError where there are no rows.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], title: str = "") -> None:
        if not rows:
            raise ValueError("rows is empty; expected the claims that `load_ledger` returns.")
        self.rows = sorted(rows, key=lambda one: (one["margin_sd"] is None, one["margin_sd"] or 0))
        super().__init__(
            {
                "view": "claim_ledger",
                "title": str(title),
                "near": NEAR,
                "farthest": FARTHEST,
                "claims": [_claim(one) for one in self.rows],
            }
        )

    def html(self) -> str:
        varied = [one for one in self.rows if one["margin_sd"] is not None]
        names = ("claim", "what was measured", "claimed", "worst run", "deviations to the edge")
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in names)
        lines = []
        for one in varied[:STATIC_ROWS]:
            numbers = (f"{one['worst']:.4g}", f"{one['margin_sd']:.1f}")
            texts = (one["statement"], in_words(one["band"]), *numbers)
            cells = "".join(f'<td style="text-align:left">{escape(text)}</td>' for text in texts)
            lines.append(row(one["claim"], cells))
        about = f"Run the cell to point at all {len(self.rows)} claims."
        caption = "The claims whose runs come nearest to the edge of their band."
        return paragraph(self.state["title"], about) + table(caption, f"<tr>{head}</tr>", lines)

    def sentence(self) -> str:
        live = [one for one in self.rows if one["kind"] == "live"]
        counts = set(seeds_of(live).values())
        seeds = f"{min(counts, default=0)} seeds" + " or more" * (len(counts) > 1)
        return f"{len(self.rows)} claims; {len(live)} of them measured anew under {seeds}."


def _claim(one: Mapping[str, Any]) -> dict[str, Any]:
    places = in_deviations(one["values"], one["band"])
    return {
        "claim": one["claim"],
        "notebook": one["notebook"],
        "places": places and [round(min(place, FARTHEST), 2) for place in places],
        "said": _said(one),
        "broken": _broken(one),
    }


def _said(one: Mapping[str, Any]) -> str:
    """Return a claim in words: what was measured, what is claimed, and what the runs gave."""
    text = f"{one['statement']}: claimed {in_words(one['band'])}. "
    if one["margin_sd"] is None:
        return text + f"It is {one['worst']:.4g} under every seed."
    return text + (
        f"Worst of {len(one['seeds'])} runs {one['worst']:.4g}, median {one['median']:.4g}. "
        f"The mean lies {one['margin_sd']:.1f} standard deviations within."
    )


def _broken(one: Mapping[str, Any]) -> str:
    """Return in words what broke the claim, '' for a claim that nothing has broken."""
    if one["saboteur"] is None:
        return ""
    return f"Broken by '{one['saboteur']}', which gave {one['sabotaged']:.4g}."
