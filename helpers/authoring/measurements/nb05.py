"""Notebook 05: four product scores in one decoder, over seeds, on the test set."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from helpers import corpus, metrics
from helpers.authoring.measurements.common import TestScores, count_parameters, train
from helpers.decoding import translate_all
from helpers.models import LuongTranslator

# As in notebook 04, whose models these are compared with.
STEPS, BATCH_SIZE, LR = 1000, 48, 7e-3
# W_a is paid for with narrower states, so that all have about as many parameters.
WIDTHS = {"dot": 188, "scaled dot": 188, "general": 178, "scaled general": 178}
# How sharp the maps are is noted after so many steps.
WATCHED = (0, 50, 100, 200, 500, STEPS)


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train each with each seed; note scores by length and the alignment error of their maps."""
    data = corpus.load_corpus("lite")
    vocabularies = data.source_vocabulary, data.target_vocabulary
    sure, possible = [p.sure for p in data.test], [p.possible for p in data.test]
    recorded: dict[str, Any] = {
        "settings": {
            "steps": STEPS,
            "batch_size": BATCH_SIZE,
            "lr": LR,
            "hidden": WIDTHS,
            "watched": WATCHED,
        },
    }
    for name, hidden in WIDTHS.items():

        def make(name: str = name, hidden: int = hidden) -> LuongTranslator:
            return LuongTranslator(*map(len, vocabularies), hidden=hidden, score=name)

        scores, errors = TestScores(), []
        sharp: dict[str, list[list[float]]] = {"largest": [], "slope": []}
        for seed in seeds:
            for rows in sharp.values():
                rows.append([])

            def watch(step: int, model: nn.Module, sharp: dict = sharp) -> None:
                if step in WATCHED:
                    for key, value in _sharpness(model, data).items():
                        sharp[key][-1].append(value)

            model = train(make, data, seed, name, BATCH_SIZE, watch, steps=STEPS, lr=LR)
            watch(STEPS, model)
            scores.add(model, data)
            taught = translate_all(model, data.test, *vocabularies, teacher_forcing=True)
            found = [metrics.best_links(translation.weights) for translation in taught]
            errors.append(round(metrics.alignment_error_rate(found, sure, possible), 4))
        recorded[name] = {
            "parameters": count_parameters(make()),
            **scores.scores,
            "alignment_error": errors,
            "sharp": sharp,
        }
    return recorded


@torch.no_grad()
def _sharpness(model: nn.Module, data: corpus.Corpus) -> dict[str, float]:
    """Of the maps on gold words of 200 dev sentences: the mean largest weight, and mean p (1 - p).

    Each row, a target word or `<end>`, counts once.
    """
    vocabularies = data.source_vocabulary, data.target_vocabulary
    taught = translate_all(model, data.dev[::10], *vocabularies, teacher_forcing=True)
    model.train()
    largest = torch.cat([one.weights.amax(dim=-1) for one in taught])
    slope = torch.cat([(one.weights * (1 - one.weights)).mean(dim=-1) for one in taught])
    return {"largest": round(float(largest.mean()), 4), "slope": round(float(slope.mean()), 5)}
