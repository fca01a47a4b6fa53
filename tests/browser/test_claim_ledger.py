"""The ledger of claims in a real JupyterLab: pointing, keys, one notebook, a phone."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

SETUP = """\
from helpers.explorer import ClaimLedger

def row(claim, values, margin):
    one = {"claim": claim, "notebook": claim[:2], "values": values, "seeds": [1, 2]}
    one |= {"statement": "share of <script>", "kind": "live", "band": [1.0, None]}
    one |= {"worst": min(values), "median": values[0], "margin_sd": margin}
    return one | {"saboteur": "mask ignored", "sabotaged": 0.25}

rows = [row(f"{n:02}.claim", [2 + n / 50, 2.2 + n / 40], 10.0 + n) for n in range(40)]
view = ClaimLedger([*rows, row("40.same", [7.0], None)], title="Claims")
"""


@pytest.fixture(scope="module")
def ledger(lab: object, open_notebook: Callable[..., object]) -> Locator:
    lab.theme("JupyterLab Light")
    lab.write("ledger.ipynb", [nbformat.v4.new_code_cell(text) for text in (SETUP, "view")])
    notebook = open_notebook("ledger.ipynb")
    notebook.run_all(2)
    page: Page = notebook.page
    page.wait_for_selector(".am-ledger")
    return page.locator(".am-root")


def test_the_pointer_and_the_keys_tell_a_claim(ledger: Locator) -> None:
    says = ledger.locator(".am-readout")
    expect(says).to_contain_text("00.claim share of <script>: claimed above 1. Worst of 2 runs 2")
    ledger.locator(".am-claim").nth(3).hover()
    expect(says).to_contain_text("03.claim")
    expect(says).to_contain_text("Broken by 'mask ignored', which gave 0.25.")
    ledger.locator(".am-claim").nth(3).click()
    ledger.locator(".am-stage").focus()
    ledger.page.keyboard.press("ArrowDown")
    ledger.page.mouse.move(1, 1)
    expect(says).to_contain_text("04.claim")
    ledger.page.keyboard.press("End")
    expect(says).to_contain_text("40.same")
    expect(says).to_contain_text("It is 7 under every seed.")
    box = ledger.locator(".am-scroll").bounding_box()
    last = ledger.locator(".am-claim.am-on").bounding_box()
    assert box["y"] <= last["y"] and last["y"] + last["height"] <= box["y"] + box["height"] + 1


def test_one_notebook_can_be_chosen(ledger: Locator) -> None:
    ledger.locator("select").select_option(label="07")
    expect(ledger.locator(".am-claim")).to_have_count(1)
    expect(ledger.locator(".am-readout")).to_contain_text("07.claim")
    ledger.locator("select").select_option(label="all notebooks")
    expect(ledger.locator(".am-claim")).to_have_count(41)
