"""Notebook 02: teacher forcing against free running, over seeds, on short sentences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from helpers import corpus, metrics
from helpers.authoring.measurements.common import train
from helpers.corpus import Batch, Vocabulary
from helpers.decoding import translate_all
from helpers.models import BottleneckTranslator
from helpers.training import masked_loss, translation_loss

STEPS, LOOKS, LR = 1000, 10, 0.01
SHORT = 9  # words at most


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
    """Train with each seed in both ways; look at exact match on short dev sentences on the way."""
    data = corpus.load_corpus("lite")
    vocabularies = data.source_vocabulary, data.target_vocabulary
    short = [pair for pair in data.dev if len(pair.source) <= SHORT]
    ways = {"teacher forcing": translation_loss, "free running": free_running_loss}

    def make() -> nn.Module:
        return BottleneckTranslator(*map(len, vocabularies))

    at = [STEPS * look // LOOKS for look in range(1, LOOKS + 1)]
    recorded: dict[str, Any] = {
        "settings": {"steps": STEPS, "batch_size": 64, "lr": LR, "sentences": len(short)},
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

            model = train(make, data, seed, name, steps=STEPS, lr=LR, loss=loss)
            seen.append(exact(model, short, vocabularies))
            recorded["exact"][name].append(seen)
    return recorded


def exact(model: nn.Module, pairs: list, vocabularies: tuple) -> float:
    """Exact match of greedy decoding, to four digits."""
    return round(metrics.exact_match(translate_all(model, pairs, *vocabularies), pairs), 4)
