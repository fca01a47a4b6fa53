"""The course's translators at the size of real sentences, and training for a given CPU time.

Four models that learn from the same batches by the same recipe: one embedding table for target
words and output (`helpers.shortlist`), batches of one source length, AdamW with a warm-up and a
straight fall to 0, label smoothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from helpers.corpus import Corpus, Vocabulary
from helpers.recurrent import AdditiveTranslator, BottleneckTranslator, LuongTranslator
from helpers.shortlist import TiedOutput, shortlist_loss
from helpers.transformer import TransformerTranslator

BATCH_SIZE, WIDTH = 32, 256
# Peak learning rates, each the best of three on Multi30k's dev set after 150 CPU-seconds (seed 0):
# 0.0025, 0.005 and 0.01 for the recurrent models, 0.001, 0.002 and 0.004 for the Transformer.
RATES = {"no attention": 5e-3, "additive": 5e-3, "general": 5e-3, "transformer": 2e-3}
MODELS = tuple(RATES)


def build(name: str, corpus: Corpus, width: int = WIDTH, dropout: float = 0.0) -> nn.Module:
    """Return a fresh translator, one of `MODELS`, for the vocabularies of `corpus`.

    width: of embeddings and states, even. The Transformer has one layer in each stack, 4 heads and
    an MLP of 2 * width. dropout: before the output layer; in all of the Transformer.
    Raises ValueError for another name.
    """
    sizes = len(corpus.source_vocabulary), len(corpus.target_vocabulary)
    if name == "no attention":
        model: nn.Module = BottleneckTranslator(*sizes, width, width, bidirectional=True)
    elif name == "additive":
        model = AdditiveTranslator(*sizes, width, width, attention=width // 2)
    elif name == "general":
        model = LuongTranslator(*sizes, width, width, score="general")
    elif name == "transformer":
        model = TransformerTranslator(
            *sizes, width, heads=4, layers=1, mlp=2 * width, dropout=dropout
        )
    else:
        raise ValueError(f"model {name!r}; expected one of {', '.join(MODELS)}")
    table = model.target_words.table if name == "transformer" else model.embedding
    model.output = TiedOutput(table, model.output.in_features, dropout)
    return model


@dataclass
class Run:
    """What a training came to. seconds: CPU time, of all threads together; wall: on the clock."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    wall: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Real target tokens, `<end>` included, learnt from in a CPU-second."""
        return self.tokens / self.seconds


def fit_for(
    model: nn.Module,
    batches: Iterable[Any],
    seconds: float,
    lr: float,
    loss: Callable[[nn.Module, Any], Tensor] = shortlist_loss,
    warm_up: float | None = 0.1,
    clip: float = 1.0,
    decay: float = 0.01,
) -> Run:
    """Train for so many CPU-seconds, as `training.fit` does for so many steps.

    The learning rate follows the share of the time that is gone: up to `lr` over the first
    `warm_up` of it, then in a straight line to 0 at the end; with None it stays at `lr`. decay:
    AdamW's weight decay, 0 for Adam. clip: the largest norm of a gradient, inf for any.
    Two runs of one seed differ, since no two seconds hold the same number of steps; use `fit` where
    that matters. Raises ValueError for no time at all.
    """
    if seconds <= 0:
        raise ValueError(f"{seconds} CPU-seconds to train: expected more than 0")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=decay, fused=True
    )
    run, stream = Run(), iter(batches)
    next(stream)  # to number the whole corpus belongs to no model's time
    began, clock = time.process_time(), time.perf_counter()
    model.train()
    while (gone := (time.process_time() - began) / seconds) < 1:
        if warm_up is not None:
            share = min(max(gone, 1e-3) / warm_up, (1 - gone) / (1 - warm_up))
            for group in optimizer.param_groups:
                group["lr"] = lr * share
        batch = next(stream)
        value = loss(model, batch)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        run.steps += 1
        run.tokens += int((batch.target_out != Vocabulary.pad).sum())
    run.seconds, run.wall = time.process_time() - began, time.perf_counter() - clock
    model.eval()
    return run
