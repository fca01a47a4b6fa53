"""What the measurements share: train a translator under a seed, test it, note the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from helpers import metrics
from helpers.corpus import Batch, Corpus, training_batches
from helpers.decoding import Translation, translate_all
from helpers.settings import DEVICE, seed_everything
from helpers.training import fit


def train(
    make: Callable[[], nn.Module],
    data: Corpus,
    seed: int,
    label: str,
    batch_size: int = 64,
    watch: Callable[[int, nn.Module], None] | None = None,
    **settings: Any,
) -> nn.Module:
    """Make a model and train it, both under `seed`; settings go to `fit`.

    watch: called before each step with the number of steps behind it and the model.
    """
    seed_everything(seed)
    model = make().to(DEVICE)
    batches = training_batches(data, batch_size, seed)
    if watch:
        batches = _watched(batches, model, watch)
    fit(model, batches, label=f"{label}, seed {seed}", **settings)
    return model


def _watched(
    batches: Iterator[Batch], model: nn.Module, watch: Callable[[int, nn.Module], None]
) -> Iterator[Batch]:
    for step, batch in enumerate(batches):
        watch(step, model)
        yield batch


def count_parameters(model: nn.Module) -> int:
    """The number of trained numbers in `model`."""
    return sum(parameter.numel() for parameter in model.parameters())


class TestScores:
    """Collects, seed by seed, exact match on the test set: overall and by length."""

    __test__ = False  # the name is for readers, it is nothing for pytest to collect

    def __init__(self) -> None:
        self.scores: dict[str, Any] = {"exact": [], "bleu": [], "buckets": []}

    def add(self, model: nn.Module, data: Corpus) -> list[Translation]:
        """Translate the test set with `model`, append its numbers, and return the translations."""
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
        return said
