"""Train the shipped models anew: `python -m helpers models`."""

from __future__ import annotations

from typing import Any

from helpers import corpus
from helpers.authoring.measurements.common import train
from helpers.models import pretrained

# For each: the level of the corpus, its class's arguments, and how it is trained.
PRETRAINING: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "additive": ("full", {"embed": 64, "hidden": 96, "attention": 64}, {"steps": 3500}),
    # As in the measurement of notebook 06, which shows it beside the model trained there.
    "word values": (
        "lite",
        {"context": "word values"},
        {"batch_size": 48, "steps": 1000, "lr": 7e-3},
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

        pretrained.save_pretrained(train(make, data, 0, name, **training), name, level, settings)
