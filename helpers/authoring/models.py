"""Train the shipped models anew: `python -m helpers models`."""

from __future__ import annotations

from helpers import corpus, shipped
from helpers.authoring.measurements.common import train
from helpers.recurrent import AdditiveTranslator

LEVEL, STEPS = "full", 3500
SETTINGS = {"embed": 64, "hidden": 96, "attention": 64}


def build() -> None:
    """Train the additive translator on the full grammar under seed 0 and store it."""
    data = corpus.load(LEVEL)
    sizes = len(data.source_vocabulary), len(data.target_vocabulary)
    model = train(
        lambda: AdditiveTranslator(*sizes, **SETTINGS), data, 0, "shipped additive", steps=STEPS
    )
    shipped.save(model, "additive", LEVEL, SETTINGS)
