"""Notebook 09: the word before, with positions and without, within the trained places and beyond.

Steps and learning rate were chosen with seeds 0 to 4, on other lines than those recorded.
"""

from __future__ import annotations

from typing import Any

import torch

from helpers import corpus
from helpers.authoring.measurements.common import count_parameters
from helpers.settings import DEVICE, seed_everything
from helpers.tasks import (
    LONGEST,
    PLACES,
    POSITION_KINDS,
    SHORTEST,
    Lines,
    PreviousWordModel,
    ShiftedLoss,
    accuracy_by_place,
    previous_word_loss,
)
from helpers.training import fit

STEPS, BATCH_SIZE, LR = 800, 64, 1e-2
TESTED = 500  # lines a length
LONGER = (32, 48, 64)
LATEST = PLACES - LONGEST  # so that lines of the longest kind end at the last place
TEST_SEED = 1000  # test lines are drawn with 1000 + seed


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train each kind of positions with each seed, and those with positions from anywhere too."""
    vocabulary = len(corpus.load_corpus("lite").source_vocabulary)
    recorded: dict[str, Any] = {
        "settings": {
            "steps": STEPS, "batch_size": BATCH_SIZE, "lr": LR, "tested": TESTED,
            "latest": LATEST, "test_seed": TEST_SEED,
        },
        "parameters": {
            kind: count_parameters(PreviousWordModel(vocabulary, kind)) for kind in POSITION_KINDS
        },
    }  # fmt: skip
    for kind in POSITION_KINDS:
        recorded[kind] = _runs(kind, vocabulary, seeds, anywhere=False)
    for kind in POSITION_KINDS[1:]:
        recorded[f"{kind}, anywhere"] = _runs(kind, vocabulary, seeds, anywhere=True)
    return recorded


def _runs(kind: str, vocabulary: int, seeds: list[int], anywhere: bool) -> dict[str, list[Any]]:
    """One entry a seed; shares of words that are right.

    "trained": mean over all trained lengths. "by_length": at the longest trained length and at
    the longer ones. "by_place": places 1 ... in the longest lines of all. "moved": lines of the
    longest trained length that begin just behind the last trained place. "alike": mean cosine of
    two trained rows of the learned table by their distance, from 1 on.
    """
    found: dict[str, list[Any]] = {}
    for seed in seeds:
        seed_everything(seed)
        model = PreviousWordModel(vocabulary, kind).to(DEVICE)
        loss = ShiftedLoss(LATEST, seed) if anywhere else previous_word_loss
        label = f"{kind}{', anywhere' if anywhere else ''}, seed {seed}"
        fit(model, Lines(vocabulary, BATCH_SIZE, seed), STEPS, LR, loss=loss, label=label)
        for name, value in _scores(model, Lines(vocabulary, seed=TEST_SEED + seed)).items():
            found.setdefault(name, []).append(value)
        print({name: values[-1] for name, values in found.items() if name != "by_place"})
    return found


def _scores(model: PreviousWordModel, lines: Lines) -> dict[str, Any]:
    def right(length: int, **where: int) -> float:
        return accuracy_by_place(model, lines, length, TESTED, **where).mean().item()

    lengths = range(SHORTEST, LONGEST + 1)
    scores: dict[str, Any] = {
        "trained": round(sum(map(right, lengths)) / len(lengths), 4),
        "by_length": {str(n): round(right(n), 4) for n in (LONGEST, *LONGER)},
        "by_place": [round(x, 3) for x in accuracy_by_place(model, lines, PLACES, TESTED).tolist()],
        "moved": round(right(LONGEST, first=LONGEST), 4),
    }
    if model.kind == "learned":
        scores["alike"] = _alike(model.place(LONGEST).detach())
    return scores


def _alike(table: torch.Tensor) -> list[float]:
    rows = torch.nn.functional.normalize(table, dim=-1)
    cosines = rows @ rows.T  # (places, places)
    return [round(cosines.diagonal(d).mean().item(), 3) for d in range(1, len(table))]
