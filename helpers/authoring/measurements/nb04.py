"""Notebook 04: additive attention, its control and its nearest ablation, over seeds, on test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from helpers import corpus, metrics
from helpers.attention import AdditiveScore
from helpers.authoring.measurements.common import TestScores, count_parameters, train
from helpers.corpus import Corpus
from helpers.decoding import Translation, translate_all
from helpers.models import AdditiveTranslator, BottleneckTranslator

SETTINGS = {"steps": 1000, "batch_size": 48, "lr": 7e-3}
# What the notebook trains with, because its reader waits for it, and compares its own model with.
SMALLER = {"steps": 1000, "batch_size": 32, "lr": 7e-3}


class LinearScore(AdditiveScore):
    """The additive score without its tanh: v . (q_t + k_i), so that query and key never meet."""

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        return (queries @ self.v).unsqueeze(-1) + (keys @ self.v).unsqueeze(-2)


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train each model with each seed; the models of a comparison have all settings in common."""
    data = corpus.load_corpus("lite")
    sizes = len(data.source_vocabulary), len(data.target_vocabulary)

    def without_tanh() -> AdditiveTranslator:
        model = AdditiveTranslator(*sizes)
        model.score = LinearScore(len(model.score.v))
        return model

    # The control's decoder is wider, to make up for W, U and v.
    makers: dict[str, Callable[[], nn.Module]] = {
        "additive": lambda: AdditiveTranslator(*sizes),
        "no attention, bidirectional": lambda: BottleneckTranslator(
            *sizes, hidden=128, bidirectional=True
        ),
    }
    recorded: dict[str, Any] = {"settings": SETTINGS}
    for name, make in makers.items():
        recorded[name] = _run(data, name, make, seeds, SETTINGS)
    recorded["smaller batches"] = {"settings": SMALLER, "seeds": seeds}
    for name, make in (makers | {"additive without tanh": without_tanh}).items():
        recorded["smaller batches"][name] = _run(data, name, make, seeds, SMALLER)
    return recorded


def _run(
    data: Corpus,
    name: str,
    make: Callable[[], nn.Module],
    seeds: Sequence[int],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Return what one kind of model reaches on the test set, seed by seed.

    near_duplicates, others: exact match of the sentences of 7 to 14 words that are, or are not, one
    word away from a training sentence. unseen: exact match on the sentences with new pairs of
    adjective and noun. gold_link_share: of a model that attends.
    """
    vocabularies = data.source_vocabulary, data.target_vocabulary
    near = corpus.near_duplicates(data.test, data.train)
    scores, attends = TestScores(), name.startswith("additive")
    more: dict[str, list[float]] = {"near_duplicates": [], "others": [], "unseen": []}
    links: dict[str, list[float]] = {"sure": [], "possible": []}
    for seed in seeds:
        model = train(make, data, seed, name, **settings)
        said = scores.add(model, data)
        for key, which in (("near_duplicates", True), ("others", False)):
            more[key].append(_middle_match(said, data, [one == which for one in near]))
        unseen = translate_all(model, data.test_unseen, *vocabularies)
        more["unseen"].append(round(metrics.exact_match(unseen, data.test_unseen), 4))
        if attends:
            taught = translate_all(model, data.test, *vocabularies, teacher_forcing=True)
            for kind, shares in links.items():
                shares.append(round(metrics.gold_link_share(taught, data.test, kind), 4))
    found = {"parameters": count_parameters(make()), **scores.scores, **more}
    return {**found, "gold_link_share": links} if attends else found


def _middle_match(said: Sequence[Translation], data: Corpus, chosen: Sequence[bool]) -> float:
    """Exact match of the chosen test sentences of 7 to 14 words, where both kinds are frequent."""
    kept = [
        place
        for place, pair in enumerate(data.test)
        if chosen[place] and 7 <= len(pair.source) <= 14
    ]
    return round(metrics.exact_match([said[i] for i in kept], [data.test[i] for i in kept]), 4)
