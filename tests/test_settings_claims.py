"""The seed, and `claim`: what it prints, records and rejects."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.claims import ClaimError, LedgerError, PredictionError, claim, predict
from helpers.settings import DATA, DEVICE, LARGEST_SEED, ROOT, course_seed, seed_everything


@pytest.mark.parametrize(
    ("text", "seed"), [(None, 0), ("7", 7), (" 12 ", 12), (f"{2**63 - 1}", 2**63 - 1)]
)
def test_course_seed(monkeypatch: pytest.MonkeyPatch, text: str | None, seed: int) -> None:
    monkeypatch.delenv("COURSE_SEED", raising=False)
    if text is not None:
        monkeypatch.setenv("COURSE_SEED", text)
    assert course_seed() == seed


@pytest.mark.parametrize("text", ["", "seven", "-1", "1.5", "1e3", f"{2**63}", f"{2**64}"])
def test_odd_course_seed_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COURSE_SEED", text)
    with pytest.raises(ValueError, match=r"expected a whole number .* to 2\*\*63 - 1") as refused:
        course_seed()
    assert repr(text) in str(refused.value)


def test_a_seed_too_long_to_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_SEED", "9" * 10_000)
    with pytest.raises(ValueError, match="expected a whole number") as refused:
        course_seed()
    assert len(str(refused.value)) < 300


def test_torch_takes_the_largest_seed_and_a_thousand_more() -> None:
    torch.Generator().manual_seed(LARGEST_SEED - 1 + 1000)


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_seed_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_SEED", "3")
    assert seed_everything() == 3
    three = draws()
    assert seed_everything(4) == 4
    four = draws()
    assert all(a != b for a, b in zip(three, four, strict=True))
    seed_everything(3)
    assert draws() == three
    seed_everything(2**33)  # more than NumPy takes


def test_places() -> None:
    assert (ROOT / "pyproject.toml").is_file() and DATA == ROOT / "data"
    assert DEVICE.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("value", "above", "below", "holds"),
    [
        (0.5, 0.4, None, True),
        (0.5, None, 0.6, True),
        (0.5, 0.4, 0.6, True),
        (0.5, 0.5, None, False),
        (0.5, None, 0.5, False),
        (0.7, 0.4, 0.6, False),
        (0.3, 0.4, 0.6, False),
        (math.nan, 0.4, None, False),
        (math.inf, 0.4, None, True),
        (math.inf, None, 0.4, False),
    ],
)
def test_claim_holds_or_fails_and_prints_either_way(
    capsys: pytest.CaptureFixture[str],
    value: float,
    above: float | None,
    below: float | None,
    holds: bool,
) -> None:
    if holds:
        claim("03.longest", "exact match", value, above, below)
    else:
        with pytest.raises(ClaimError, match=r"claim 03\.longest does not hold: exact") as failed:
            claim("03.longest", "exact match", value, above, below)
        assert failed.value._render_traceback_() == [str(failed.value)]
    said = capsys.readouterr().out
    assert said.startswith("✓" if holds else "✗") and f"{value:.4g}" in said
    assert all(f"{bound:g}" in said for bound in (above, below) if bound is not None)


def test_claim_takes_a_tensor(capsys: pytest.CaptureFixture[str]) -> None:
    claim("03.tensor", "a tensor of one value", torch.tensor(0.25), below=0.5)
    assert "a tensor of one value: 0.25 " in capsys.readouterr().out


def test_the_claim_answers_the_prediction(capsys: pytest.CaptureFixture[str]) -> None:
    predict("03.guessed", "What share of the longest sentences will be exact?", 0.5)
    claim("03.guessed", "exact match", 0.25, below=0.5)
    said = capsys.readouterr().out
    assert "What share of the longest" in said and "You predicted 0.5, which is 0.25 away" in said
    predict("03.guessed", "And now?")
    claim("03.guessed", "exact match", 0.25, below=0.5)
    said = capsys.readouterr().out
    assert "No prediction yet" in said and "You predicted" not in said


@pytest.mark.parametrize("guess", ["0.5", True, [0.5], float("nan")])
def test_an_odd_prediction_is_named(guess: object) -> None:
    with pytest.raises(PredictionError, match="expected a number") as refused:
        predict("03.guessed", "How many?", guess)
    assert refused.value._render_traceback_() == [str(refused.value)]


@pytest.mark.parametrize(
    ("question", "guess", "message"),
    [
        ("Which share is right?", 50, "0 to 1, because the question asks for a share. For 50 %"),
        ("Which share is right?", 50, r"write 0\.5\.$"),
        ("Exact match (0 to 1)?", 1.01, "0 to 1, because the question names this scale"),
        ("The difference in share (-1 to 1)?", -1.5, r"from -1 to 1, .* names this scale\.$"),
    ],
)
def test_a_prediction_off_the_scale_is_refused(question: str, guess: float, message: str) -> None:
    with pytest.raises(PredictionError, match=message):
        predict("03.guessed", question, guess)


@pytest.mark.parametrize(
    ("question", "guess"),
    [("Which share?", 1), ("A difference (-1 to 1)?", -0.5), ("How many BLEU behind?", -3)],
)
def test_a_prediction_on_the_scale_is_kept(
    question: str, guess: float, capsys: pytest.CaptureFixture[str]
) -> None:
    predict("03.kept", question, guess)
    assert f"You predict {guess:g}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "band", "message"),
    [
        ("03.longest", {}, "cannot fail"),
        ("03.longest", {"above": 0.6, "below": 0.4}, "empty"),
        ("03.longest", {"above": 0.4, "below": 0.4}, "empty"),
        ("3.longest", {"above": 0.4}, "two digits"),
        ("03.", {"above": 0.4}, "two digits"),
        ("03 longest", {"above": 0.4}, "two digits"),
    ],
)
def test_a_claim_that_could_not_fail_is_refused(name: str, band: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        claim(name, "exact match", 0.5, **band)


def test_ledger_gets_a_line_for_each_claim_that_holds_or_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "claims.jsonl"
    monkeypatch.setenv("COURSE_CLAIMS", str(path))
    monkeypatch.setenv("COURSE_SEED", "9")
    claim("03.longest", "exact match on 20-24 words", 0.125, below=0.15)
    with pytest.raises(ClaimError):
        claim("04.all", "é", 1, above=2)
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first == {
        "claim": "03.longest",
        "statement": "exact match on 20-24 words",
        "value": 0.125,
        "band": [None, 0.15],
        "seed": 9,
    }
    assert second["band"] == [2, None] and second["statement"] == "é"


# A folder, a file in a folder that is not there, and, where the system has one, a full disk.
UNWRITABLE = [
    ".",
    "no-such-folder/claims.jsonl",
    *(["/dev/full"] if Path("/dev/full").exists() else []),
]


@pytest.mark.parametrize("place", UNWRITABLE)
def test_a_ledger_that_cannot_be_written_loses_no_result(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
) -> None:
    monkeypatch.setenv("COURSE_CLAIMS", str(tmp_path / place))
    with pytest.raises(LedgerError, match="claim 03.longest holds. .* COURSE_CLAIMS=") as refused:
        claim("03.longest", "exact match", 0.125, below=0.15)
    assert capsys.readouterr().out.startswith("✓ exact match: 0.125")
    assert refused.value._render_traceback_() == [str(refused.value)]
    with pytest.raises(ClaimError, match="does not hold.* COURSE_CLAIMS="):
        claim("03.longest", "exact match", 0.25, below=0.15)
    assert capsys.readouterr().out.startswith("✗ exact match: 0.25")


def test_a_claim_is_checked_without_asserts_too() -> None:
    failing = "from helpers.claims import claim; claim('03.a', 'b', 1, above=2); print('went on')"
    command = [sys.executable, "-O", "-c", failing]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 1 and "ClaimError: claim 03.a does not hold" in done.stderr


def test_without_a_ledger_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSE_CLAIMS", raising=False)
    monkeypatch.chdir(tmp_path)
    claim("03.longest", "exact match", 0.1, below=0.15)
    assert list(tmp_path.iterdir()) == []
