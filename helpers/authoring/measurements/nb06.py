"""Notebook 06: one decoder, several contexts: what each is worth, over seeds, on the test sets."""

from __future__ import annotations

from typing import Any

import torch

from helpers import corpus, metrics
from helpers.analysis import alignment, source_gradient_norms
from helpers.authoring.measurements.common import TestScores, count_parameters, train
from helpers.corpus import Corpus
from helpers.decoding import translate_all
from helpers.models import LuongTranslator
from helpers.settings import DEVICE, seed_everything

STEPS, BATCH_SIZE, LR = 1000, 48, 7e-3
# (bidirectional, context) of each run; the names are those of the notebook's tables.
RUNS = {
    "attention": (True, "attention"),
    "mean": (True, "mean"),
    "last state": (True, "last state"),
    "word keys": (True, "word keys"),
    "word values": (True, "word values"),
    "one-way attention": (False, "attention"),
    "one-way mean": (False, "mean"),
    "one-way last state": (False, "last state"),
}
SOURCE_LENGTH = 24  # of the sentences on which the reach of the gradient is measured


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train each with each seed; same data, steps, batches and learning rate."""
    data = corpus.load_corpus("lite")
    recorded: dict[str, Any] = {
        "settings": {
            "steps": STEPS,
            "batch_size": BATCH_SIZE,
            "lr": LR,
            "source_length": SOURCE_LENGTH,
        },
    }
    for name, (bidirectional, context) in RUNS.items():

        def make(bidirectional: bool = bidirectional, context: str = context) -> LuongTranslator:
            sizes = len(data.source_vocabulary), len(data.target_vocabulary)
            return LuongTranslator(*sizes, bidirectional=bidirectional, context=context)

        scores, longer = TestScores(), {"exact": [], "bleu": [], "hits": []}
        found: dict[str, Any] = {"alignment_error": [], "kinds": {}}
        reach: dict[str, list] = {"fresh": [], "trained": []}
        for seed in seeds:
            seed_everything(seed)
            reach["fresh"].append(_reach(make().to(DEVICE), data))
            model = train(make, data, seed, name, BATCH_SIZE, steps=STEPS, lr=LR)
            reach["trained"].append(_reach(model, data))
            scores.add(model, data)
            _add_longer(longer, model, data)
            if context not in ("mean", "last state"):
                _add_links(found, model, data)
        recorded[name] = {
            "parameters": count_parameters(make()),
            **scores.scores,
            "longer": {**longer, "total": len(data.test_longer)},
            "reach": reach,
            **(found if found["kinds"] else {}),
        }
    return recorded


def _reach(model: LuongTranslator, data: Corpus) -> list[float]:
    vocabularies = data.source_vocabulary, data.target_vocabulary
    pairs = [pair for pair in data.test if len(pair.source) == SOURCE_LENGTH]
    norms = source_gradient_norms(model, corpus.collate(pairs, *vocabularies).to(DEVICE))
    return [float(f"{norm:.3g}") for norm in norms.tolist()]


def _add_longer(longer: dict[str, list], model: LuongTranslator, data: Corpus) -> None:
    said = translate_all(model, data.test_longer, data.source_vocabulary, data.target_vocabulary)
    hits = sum(metrics.matches(said, data.test_longer))
    longer["hits"].append(hits)
    longer["exact"].append(round(hits / len(said), 4))
    longer["bleu"].append(round(metrics.bleu(said, data.test_longer), 2))


@torch.no_grad()
def _add_links(found: dict[str, Any], model: LuongTranslator, data: Corpus) -> None:
    pairs = data.test
    taught = translate_all(
        model, pairs, data.source_vocabulary, data.target_vocabulary, teacher_forcing=True
    )
    links = [metrics.best_links(translation.weights) for translation in taught]
    error = metrics.alignment_error_rate(
        links, [pair.sure for pair in pairs], [pair.possible for pair in pairs]
    )
    found["alignment_error"].append(round(error, 4))
    for kind, (hits, words) in alignment.hits_by_kind(taught, pairs).items():
        kept = found["kinds"].setdefault(kind, {"words": words, "hits": []})
        kept["hits"].append(hits)
