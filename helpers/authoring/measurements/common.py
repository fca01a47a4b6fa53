"""What the measurements share: train a translator under a seed, test it, note the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from helpers import metrics
from helpers.corpus import Corpus
from helpers.decoding import translate_all
from helpers.settings import DEVICE, seed_everything
from helpers.training import fit, training_batches


def train(
    make: Callable[[], nn.Module],
    data: Corpus,
    seed: int,
    label: str,
    batch_size: int = 64,
    **settings: Any,
) -> nn.Module:
    """Make a model and train it, both under `seed`; settings go to `fit`."""
    seed_everything(seed)
    model = make().to(DEVICE)
    fit(model, training_batches(data, batch_size, seed), label=f"{label}, seed {seed}", **settings)
    return model


def count_parameters(model: nn.Module) -> int:
    """The number of trained numbers in `model`."""
    return sum(parameter.numel() for parameter in model.parameters())


class TestScores:
    """Collects, seed by seed, exact match on the test set: overall and by length."""

    __test__ = False  # the name is for readers, it is nothing for pytest to collect

    def __init__(self) -> None:
        self.scores: dict[str, Any] = {"exact": [], "bleu": [], "buckets": []}

    def add(self, model: nn.Module, data: Corpus) -> None:
        """Translate the test set with `model` and append its numbers."""
        said = translate_all(model, data.test, data.source_vocabulary, data.target_vocabulary)
        self.scores["exact"].append(round(metrics.exact_match(said, data.test), 4))
        self.scores["bleu"].append(round(metrics.bleu(said, data.test), 2))
        buckets = metrics.by_length(said, data.test)
        if not self.scores["buckets"]:
            self.scores["buckets"] = [
                {"low": b.low, "high": b.high, "total": b.total, "hits": []} for b in buckets
            ]
        for recorded, bucket in zip(self.scores["buckets"], buckets, strict=True):
            recorded["hits"].append(bucket.hits)
        print("exact match so far:", self.scores["exact"], flush=True)
