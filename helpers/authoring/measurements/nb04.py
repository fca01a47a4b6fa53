"""Notebook 04: additive attention and its control, over seeds, on the test set."""

from __future__ import annotations

from typing import Any

from helpers import corpus, metrics
from helpers.authoring.measurements.common import TestScores, count_parameters, train
from helpers.decoding import translate_all
from helpers.models import AdditiveTranslator, BottleneckTranslator

STEPS, BATCH_SIZE, LR = 1000, 48, 7e-3


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train both models with each seed; same data, steps, batches and learning rate."""
    data = corpus.load_corpus("lite")
    vocabularies = data.source_vocabulary, data.target_vocabulary
    sizes = len(vocabularies[0]), len(vocabularies[1])

    # The control's decoder is wider, to make up for W, U and v.
    makers = {
        "additive": lambda: AdditiveTranslator(*sizes),
        "no attention, bidirectional": lambda: BottleneckTranslator(
            *sizes, hidden=128, bidirectional=True
        ),
    }
    recorded: dict[str, Any] = {"settings": {"steps": STEPS, "batch_size": BATCH_SIZE, "lr": LR}}
    for name, make in makers.items():
        scores = TestScores()
        links: dict[str, list[float]] = {"sure": [], "possible": []}
        for seed in seeds:
            model = train(make, data, seed, name, BATCH_SIZE, steps=STEPS, lr=LR)
            scores.add(model, data)
            if name == "additive":
                taught = translate_all(model, data.test, *vocabularies, teacher_forcing=True)
                for kind, shares in links.items():
                    shares.append(round(metrics.gold_link_share(taught, data.test, kind), 4))
        recorded[name] = {"parameters": count_parameters(make()), **scores.scores}
        if name == "additive":
            recorded[name]["gold_link_share"] = links
    return recorded
