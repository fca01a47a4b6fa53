"""The ledger of claims to point at: its places, its words, its static table."""

from __future__ import annotations

import re

import pytest

from helpers.explorer import ClaimLedger
from helpers.results import ResultsError, load_ledger


def a_row(claim: str, values: list[float], margin: float | None, **more: object) -> dict:
    common = {"statement": "a share <b>", "kind": "live", "band": [1.0, None], "saboteur": None}
    own = {
        "claim": claim,
        "notebook": claim[:2],
        "values": values,
        "seeds": list(range(len(values))),
    }
    middle = sorted(values)[len(values) // 2]
    told = {"worst": min(values), "median": middle, "margin_sd": margin, "sabotaged": None}
    return common | own | told | more


FAR = a_row("04.far", [2.0, 2.2, 2.1], 11.0, saboteur="mask ignored", sabotaged=0.25)
NEAR = a_row("11.near", [1.1, 1.3, 1.2], 2.0)
SAME = a_row("03.same", [7.0], None, kind="recorded", band=[1.0, 9.0])


def test_what_stands_nearest_comes_first_and_what_never_varies_last() -> None:
    view = ClaimLedger([SAME, FAR, NEAR], title="claims")
    near, far, same = view.state["claims"]
    assert [one["claim"] for one in (near, far, same)] == ["11.near", "04.far", "03.same"]
    assert near["places"] == pytest.approx([1.0, 3.0, 2.0]) and same["places"] is None
    assert near["said"].startswith("a share <b>: claimed above 1. Worst of 3 runs 1.1, median 1.2.")
    assert near["said"].endswith("The mean lies 2.0 standard deviations within.")
    assert same["said"].endswith("claimed above 1 and below 9. It is 7 under every seed.")
    assert far["broken"] == "Broken by 'mask ignored', which gave 0.25." and not near["broken"]
    assert view.sentence() == "3 claims; 2 of them measured anew under 3 seeds."


def test_what_stands_farther_in_than_the_picture_goes_is_drawn_at_its_end() -> None:
    (claim,) = ClaimLedger([a_row("04.x", [900.0, 900.1], 9e9, band=[0.0, 1e9])]).state["claims"]
    assert claim["places"] == [100.0, 100.0]


def test_the_static_table_holds_the_nearest_ones() -> None:
    html = ClaimLedger([SAME, FAR, NEAR]).html()
    assert re.findall(r'scope="row"[^>]*>([^<]+)<', html) == ["11.near", "04.far"]
    assert "a share &lt;b&gt;" in html and "all 3 claims" in html


def test_no_rows_and_no_ledger_are_named(tmp_path) -> None:
    with pytest.raises(ValueError, match="rows is empty"):
        ClaimLedger([])
    with pytest.raises(ResultsError, match=r"no recorded results in .*helpers ledger"):
        load_ledger(tmp_path / "claims.json")
    (tmp_path / "claims.json").write_text('{"a": 1}')
    with pytest.raises(ResultsError, match="holds a dict, not a list of rows"):
        load_ledger(tmp_path / "claims.json")
