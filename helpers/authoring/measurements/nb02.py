"""Notebook 02: teacher forcing against free running, over seeds, and the notebook's own training.

The two ways were recorded with 1,000 larger batches, and the notebook trains with less computing:
`own` holds what its numbers are over the seeds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from helpers import corpus, metrics
from helpers.authoring.measurements.common import train
from helpers.corpus import Batch, Corpus, Vocabulary
from helpers.decoding import translate_all
from helpers.models import BottleneckTranslator
from helpers.training import masked_loss, translation_loss

STEPS, LOOKS, BATCH, LR = 1000, 10, 64, 0.01
OWN = {"steps": 1200, "batch_size": 32, "lr": 0.01}  # as in the notebook
SHORT, LONG = 9, 20  # words at most, and at least


def free_running_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Feed the model its own likeliest word at each step; the wanted word stays the gold one."""
    memory = model.encode(batch.source, batch.lengths)
    state, rows = model.start(memory), []
    previous = torch.full_like(batch.lengths, Vocabulary.start)
    for _ in range(batch.target_out.shape[1]):
        logits, state, _ = model.step(previous, state, memory)
        previous = logits.argmax(dim=-1)  # a choice of words: no gradient goes through it
        rows.append(logits)
    return masked_loss(torch.stack(rows, dim=1), batch.target_out)


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train with each seed in both ways, looking at short dev sentences, and as the notebook."""
    data = corpus.load_corpus("lite")
    return {**both_ways(data, seeds), "own": own_training(data, seeds)}


def both_ways(data: Corpus, seeds: list[int]) -> dict[str, Any]:
    """Exact match on short dev sentences on the way, a curve for each seed and way."""
    vocabularies = data.source_vocabulary, data.target_vocabulary
    short = short_dev(data)
    ways = {"teacher forcing": translation_loss, "free running": free_running_loss}
    at = [STEPS * look // LOOKS for look in range(1, LOOKS + 1)]
    recorded: dict[str, Any] = {
        "settings": {"steps": STEPS, "batch_size": BATCH, "lr": LR, "sentences": len(short)},
        "steps": at,
        "exact": {},
    }
    for name, way in ways.items():
        recorded["exact"][name] = []
        for seed in seeds:
            seen: list[float] = []

            steps = iter(range(STEPS))

            def loss(model: nn.Module, batch: Batch, way=way, seen=seen, steps=steps) -> Tensor:
                if next(steps) in at:
                    seen.append(exact(model, short, vocabularies))
                    model.train()
                return way(model, batch)

            settings = {"steps": STEPS, "lr": LR, "loss": loss}
            model = train(lambda: fresh(data), data, seed, name, BATCH, **settings)
            seen.append(exact(model, short, vocabularies))
            recorded["exact"][name].append(seen)
    return recorded


def own_training(data: Corpus, seeds: list[int]) -> dict[str, Any]:
    """What the notebook measures of its model, a list with a number for each seed.

    short_dev: exact match on dev sentences of up to `SHORT` words. shortest, longest: on the first
    and last group of test lengths. gap: words right with gold words fed minus with its own, on
    test sentences of `LONG` words or more.
    """
    recorded: dict[str, Any] = {"settings": OWN}
    for seed in seeds:
        model = train(lambda: fresh(data), data, seed, "own", **OWN)
        for what, number in own_numbers(model, data).items():
            recorded.setdefault(what, []).append(round(number, 4))
        print(recorded, flush=True)
    return recorded


def own_numbers(model: nn.Module, data: Corpus) -> dict[str, float]:
    """The numbers of one model, as `own_training` names them."""
    vocabularies = data.source_vocabulary, data.target_vocabulary
    buckets = metrics.by_length(translate_all(model, data.test, *vocabularies), data.test)
    long = [pair for pair in data.test if len(pair.source) >= LONG]
    own, gold = (
        metrics.token_accuracy(
            translate_all(model, long, *vocabularies, teacher_forcing=forcing), long
        )
        for forcing in (False, True)
    )
    return {
        "short_dev": exact(model, short_dev(data), vocabularies),
        "shortest": buckets[0].share,
        "longest": buckets[-1].share,
        "gap": gold - own,
    }


def fresh(data: Corpus) -> nn.Module:
    """The notebook's translator, untrained."""
    return BottleneckTranslator(len(data.source_vocabulary), len(data.target_vocabulary))


def short_dev(data: Corpus) -> list[corpus.Pair]:
    """The dev sentences of up to `SHORT` words."""
    return [pair for pair in data.dev if len(pair.source) <= SHORT]


def exact(model: nn.Module, pairs: list, vocabularies: tuple) -> float:
    """Exact match of greedy decoding, to four digits."""
    return round(metrics.exact_match(translate_all(model, pairs, *vocabularies), pairs), 4)
