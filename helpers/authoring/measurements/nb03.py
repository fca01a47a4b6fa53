"""Notebook 03: how wide a vector, how long a training, and which way to read, over seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers import corpus, metrics
from helpers.analysis import PositionReader, accuracy_by_source_place
from helpers.authoring.measurements.common import TestScores, count_parameters, train
from helpers.corpus import Corpus, Pair
from helpers.models import BottleneckTranslator
from helpers.settings import DEVICE, seed_everything
from helpers.tasks import random_words
from helpers.training import fit

STEPS, LONG, LONGEST, BATCH_SIZE = 1000, 4000, 16000, 64
# Hidden size -> learning rate, the best found on dev with seed 0; wider or longer wants smaller.
RATES = {32: 2e-2, 64: 2e-2, 128: 1e-2, 256: 1e-2}
LONG_RATES = {64: 2e-2, 128: 1e-2, 256: 5e-3}
# What the notebook trains with, because its reader waits for it; the rate was chosen on dev too.
LIVE = {"steps": 800, "batch_size": 48, "lr": 1.4e-2}
WIDTH = 128  # of notebooks 02 and 03
FEW = 3  # seeds of the long runs
READER_STEPS = 2000  # four times what the notebook gives its reader of positions
PER_BUCKET = 600  # trained sentences that are tested, as many as in the test set


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train one-way translators of each width, some for longer, and one on reversed sources."""
    data = corpus.load_corpus("lite")
    recorded: dict[str, Any] = {
        "settings": {
            "steps": STEPS, "batch_size": BATCH_SIZE, "lr": RATES, "longer_lr": LONG_RATES,
            "few_seeds": FEW, "live": LIVE,
        },
    }  # fmt: skip
    recorded["width"] = {h: _runs(data, h, STEPS, lr, seeds) for h, lr in RATES.items()}
    recorded["live"] = _runs(data, WIDTH, seeds=seeds, name="live", **LIVE)
    backwards = reversed_sources(data)
    recorded["reversed"] = _runs(backwards, WIDTH, STEPS, RATES[WIDTH], seeds, "reversed")
    recorded["longer reader"] = {"steps": READER_STEPS, "one way": _read_back(seeds)}
    recorded["longer"] = {
        LONG: {h: _runs(data, h, LONG, lr, seeds[:FEW]) for h, lr in LONG_RATES.items()},
        LONGEST: {WIDTH: _runs(data, WIDTH, LONGEST, LONG_RATES[WIDTH], seeds[:1])},
    }
    return recorded


def _runs(
    data: Corpus,
    hidden: int,
    steps: int,
    lr: float,
    seeds: list[int],
    name: str = "forward",
    batch_size: int = BATCH_SIZE,
) -> dict[str, Any]:
    """Train with each seed; note scores by length, on new sentences and on some trained on
    ("seen"), and by place the words found in long ones."""
    sizes = len(data.source_vocabulary), len(data.target_vocabulary)

    def make() -> nn.Module:
        return BottleneckTranslator(*sizes, hidden=hidden)

    scores, seen, places = TestScores(), TestScores(), {"own": [], "other": []}
    long = [pair for pair in data.test if len(pair.source) >= 20]
    trained = replace(data, test=_some_of_each_length(data.train))
    for seed in seeds:
        label = f"H={hidden} {name}"
        model = train(make, data, seed, label, batch_size, steps=steps, lr=lr)
        scores.add(model, data)
        seen.add(model, trained)
        found = accuracy_by_source_place(
            model, long, data.source_vocabulary, data.target_vocabulary
        )
        for context, shares in found.items():
            places[context].append([round(share, 4) for share in shares.tolist()])
    return {
        "parameters": count_parameters(make()),
        **scores.scores,
        "seen": seen.scores["buckets"],
        "right_by_place": places,
    }


def _read_back(seeds: list[int]) -> list[list[float]]:
    """The share of random words that are read back, by distance from the end, for each seed."""
    shares = []
    for seed in seeds:
        seed_everything(seed)
        reader = PositionReader(20, 20).to(DEVICE)
        label = f"reader, seed {seed}"
        fit(reader, random_words(20, 20, seed=seed), READER_STEPS, 0.01, _reading_loss, label)
        tested = next(random_words(20, 20, batch_size=3000, seed=seed + 1000))
        with torch.no_grad():
            right = reader(tested).argmax(dim=-1) == tested  # (B, S)
        shares.append([round(share, 4) for share in right.float().mean(dim=0).flip(0).tolist()])
    return shares


def _reading_loss(reader: nn.Module, words: Tensor) -> Tensor:
    """The mean loss of naming each word (B, S) at its position."""
    return cross_entropy(reader(words).flatten(0, 1), words.flatten())


def _some_of_each_length(pairs: list[Pair]) -> list[Pair]:
    """The first sentences of each bucket of lengths, as many of each."""
    return [
        pair
        for low, high in metrics.BUCKETS
        for pair in [pair for pair in pairs if low <= len(pair.source) <= high][:PER_BUCKET]
    ]


def reversed_sources(data: Corpus) -> Corpus:
    """The same corpus with every English sentence backwards, its links moved along."""
    return replace(
        data, train=[_reversed(pair) for pair in data.train], test=[_reversed(p) for p in data.test]
    )


def _reversed(pair: Pair) -> Pair:
    last = len(pair.source) - 1
    sure, possible = (
        frozenset((last - i, j) for i, j in links) for links in (pair.sure, pair.possible)
    )
    return replace(pair, source=pair.source[::-1], sure=sure, possible=possible)
