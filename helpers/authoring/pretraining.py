"""Train the shipped models anew: `python -m helpers models`."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from helpers import corpus
from helpers.authoring.measurements import nb12
from helpers.authoring.measurements.common import train
from helpers.models import pretrained
from helpers.training import smoothed_loss


def _smoothed(model: nn.Module, batch: corpus.Batch) -> Tensor:
    logits = model(batch.source, batch.lengths, batch.target_in)
    return smoothed_loss(logits, batch.target_out, nb12.SMOOTHING)


# For each: the level of the corpus, its class's arguments, and how it is trained.
PRETRAINING: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "additive": ("full", {"embed": 64, "hidden": 96, "attention": 64}, {"steps": 3500}),
    # As in the measurement of notebook 06, which shows it beside the model trained there.
    "word values": (
        "lite",
        {"context": "word values"},
        {"batch_size": 48, "steps": 1000, "lr": 7e-3},
    ),
    # As in the comparison of notebook 12, between its budgets of 1,000 and 3,000 steps.
    "transformer": (
        "lite",
        nb12.TWO_BLOCKS,
        {"batch_size": nb12.COMPARED_BATCH_SIZE, "steps": 1800, "lr": 4e-3, "loss": _smoothed},
    ),
}


def build(names: list[str] | None = None) -> None:
    """Train the shipped models, all by default, under seed 0 and store them."""
    for name in names or list(PRETRAINING):
        level, settings, training = PRETRAINING[name]
        data = corpus.load_corpus(level)
        sizes = len(data.source_vocabulary), len(data.target_vocabulary)

        def make(sizes: tuple = sizes, name: str = name, settings: dict = settings) -> Any:
            return pretrained.CLASSES[name](*sizes, **settings)

        model = train(make, data, 0, name, **training)
        pretrained.save_pretrained(model, name, level, settings)
