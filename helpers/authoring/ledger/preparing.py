"""What a kernel of the ledger does behind a notebook's first cell."""

from __future__ import annotations

from typing import Any

import helpers.claims
import helpers.figures.charts

_claim = helpers.claims.claim


def prepare(saboteur: str = "", number: str = "") -> None:
    """Let no claim stop the notebook of this number, and let the saboteur of this name in.

    Call it before the notebook imports from the course.
    """
    helpers.claims.claim = _claim_and_go_on
    helpers.figures.charts.png = _unpainted  # a fifth of a run's time, and no part of a claim
    if saboteur:
        from helpers.authoring.ledger.saboteurs import let_in  # it takes seconds to import

        let_in(saboteur, number)


def _claim_and_go_on(*arguments: Any, **options: Any) -> None:
    """Record a claim; one that does not hold is recorded too, and the next one is asked for."""
    try:
        _claim(*arguments, **options)
    except helpers.claims.ClaimError as broken:
        print(broken)


def _unpainted(*_: Any, **__: Any) -> bytes:
    return b""
