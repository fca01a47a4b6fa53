"""Notebook 05: four product scores in one decoder, over seeds, on the test set."""

from __future__ import annotations

from typing import Any

from helpers import corpus, metrics
from helpers.authoring.measurements.common import TestScores, count_parameters, train
from helpers.decoding import translate_all
from helpers.recurrent import LuongTranslator

# As in notebook 04, whose models these are compared with.
STEPS, BATCH_SIZE, LR = 1000, 48, 7e-3
# W_a is paid for with narrower states, so that all have about as many parameters.
WIDTHS = {"dot": 188, "scaled dot": 188, "general": 178, "scaled general": 178}


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train each with each seed; note scores by length and the alignment error of their maps."""
    data = corpus.load("lite")
    vocabularies = data.source_vocabulary, data.target_vocabulary
    sure, possible = [p.sure for p in data.test], [p.possible for p in data.test]
    recorded: dict[str, Any] = {
        "settings": {"steps": STEPS, "batch_size": BATCH_SIZE, "lr": LR, "hidden": WIDTHS},
    }
    for name, hidden in WIDTHS.items():

        def make(name: str = name, hidden: int = hidden) -> LuongTranslator:
            return LuongTranslator(*map(len, vocabularies), hidden=hidden, score=name)

        scores, errors = TestScores(), []
        for seed in seeds:
            model = train(make, data, seed, name, BATCH_SIZE, steps=STEPS, lr=LR)
            scores.add(model, data)
            taught = translate_all(model, data.test, *vocabularies, teacher_forcing=True)
            found = [metrics.best_links(translation.weights) for translation in taught]
            errors.append(round(metrics.alignment_error_rate(found, sure, possible), 4))
        recorded[name] = {
            "parameters": count_parameters(make()),
            **scores.scores,
            "alignment_error": errors,
        }
    return recorded
