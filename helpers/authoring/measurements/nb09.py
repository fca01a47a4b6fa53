"""Notebook 09: the word before, within the trained places and beyond; the gender of a noun.

Steps and learning rate of the word before were chosen with seeds 0 to 4, on other lines than those
recorded; those of the gender with seeds 0 and 1 on the development set, for each model from the
same rates.
"""

from __future__ import annotations

from typing import Any

import torch

from helpers import corpus
from helpers.authoring.measurements.common import count_parameters
from helpers.settings import DEVICE, seed_everything
from helpers.tasks import (
    KINDS,
    LONGEST,
    PLACES,
    POSITION_KINDS,
    SHORTEST,
    GenderBatches,
    GenderReader,
    Lines,
    PreviousWordModel,
    ShiftedLoss,
    accuracy_by_place,
    collate_questions,
    gender_loss,
    gender_questions,
    previous_word_loss,
    score_genders,
)
from helpers.training import fit

STEPS, BATCH_SIZE, LR = 800, 64, 1e-2
TESTED = 500  # lines a length
LONGER = (32, 48, 64)
LATEST = PLACES - LONGEST  # so that lines of the longest kind end at the last place
TEST_SEED = 1000  # test lines are drawn with 1000 + seed

GENDER_PAIRS, GENDER_STEPS = 12_000, 600  # training pairs, of the 40,000
GENDER_RATES = (0.003, 0.01, 0.03)
# Model -> whether positions are added, and whether it chooses where to look.
GENDER_MODELS = {
    "attention": (True, True),
    "attention, no positions": (False, True),
    "the mean": (True, False),
}
GENDER_LR = dict.fromkeys(GENDER_MODELS, 0.01)


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
    return recorded | {"gender": measure_genders(seeds)}


def measure_genders(seeds: list[int]) -> dict[str, Any]:
    """Train each of `GENDER_MODELS` with each seed, and test it on sentences of two test sets."""
    data = corpus.load_corpus("lite")
    vocabulary = data.source_vocabulary
    test = [*data.test, *data.test_unseen]
    asked = collate_questions(test, vocabulary)
    kinds = [question.kind for pair in test for question in gender_questions(pair)]
    recorded: dict[str, Any] = {
        "settings": {
            "pairs": GENDER_PAIRS, "steps": GENDER_STEPS, "batch_size": BATCH_SIZE,
            "rates": list(GENDER_RATES), "lr": GENDER_LR,
        },
        "questions": {kind: kinds.count(kind) for kind in KINDS},
    }  # fmt: skip
    for name, (positions, looks) in GENDER_MODELS.items():
        runs: dict[str, Any] = {kind: {"right": [], "looked": [], "weight": []} for kind in KINDS}
        for seed in seeds:
            seed_everything(seed)
            model = GenderReader(len(vocabulary), positions, looks).to(DEVICE)
            batches = GenderBatches(data.train[:GENDER_PAIRS], vocabulary, BATCH_SIZE, seed)
            label = f"{name}, seed {seed}"
            fit(model, batches, GENDER_STEPS, GENDER_LR[name], loss=gender_loss, label=label)
            for kind, scores in score_genders(model, asked).items():
                for what, value in scores._asdict().items():
                    runs[kind][what].append(round(value, 4))
        recorded[name] = {"parameters": count_parameters(model), **runs}
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
