"""One training loop, `fit`, for every model of the course."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from helpers.corpus import Batch, Corpus, Vocabulary, make_batches
from helpers.settings import DEVICE, course_seed


def training_batches(
    corpus: Corpus, batch_size: int = 64, seed: int | None = None
) -> Iterator[Batch]:
    """Yield shuffled training batches without end, on the course's device.

    seed: order of the sentences, `course_seed()` by default.
    """
    generator = torch.Generator().manual_seed(course_seed() if seed is None else seed)
    vocabularies = corpus.source_vocabulary, corpus.target_vocabulary
    while True:
        for batch in make_batches(corpus.train, batch_size, generator, *vocabularies):
            yield batch.to(DEVICE)


@dataclass
class History:
    """What `fit` saw: the loss of each step, and whether it was stopped by hand."""

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False


def masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over real tokens, `<end>` included, padding left out.

    logits (B, T, V), targets (B, T) with id 0 on padding -> scalar, in nats per token.
    """
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=Vocabulary.pad)


def translation_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Teacher forcing: the loss of `batch.target_out` given the gold words before each."""
    return masked_loss(model(batch.source, batch.lengths, batch.target_in), batch.target_out)


def fit(
    model: nn.Module,
    batches: Iterable[Any],
    steps: int,
    lr: float = 5e-3,
    loss: Callable[[nn.Module, Any], Tensor] = translation_loss,
    label: str = "training",
    clip: float = 1.0,
    warm_up: float = 0.1,
) -> History:
    """Train `model` for `steps` steps with Adam and return the history of its loss.

    batches: yields at least `steps` batches; loss(model, batch) gives the scalar to minimise.
    The learning rate climbs to `lr` over the first `warm_up` share of the steps and then falls
    in a straight line to 0; gradients are clipped to norm `clip`. The bar is plain text: it is
    readable in any front end, and in a saved notebook.

    Interrupting the kernel stops cleanly between two steps: the model keeps what it has learnt.
    Raises ValueError when the batches run out early and FloatingPointError when the loss is no
    longer a number.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.98), fused=True)
    rises = max(1, round(steps * warm_up))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: min((k + 1) / rises, (steps - k) / max(1, steps - rises))
    )
    history, began, stream = History(), time.perf_counter(), iter(batches)
    model.train()
    bar = _bar(steps, label)
    try:
        for step in range(steps):
            batch = next(stream, None)
            if batch is None:
                raise ValueError(f"the batches ran out after {step} of {steps} steps; pass more")
            value = loss(model, batch)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            if not math.isfinite(value.item()):
                raise FloatingPointError(
                    f"the loss is {value.item()} at step {step + 1}; a smaller lr than {lr:g} helps"
                )
            optimizer.step()
            schedule.step()
            history.losses.append(value.item())
            _advance(bar, history.losses)
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        history.seconds = time.perf_counter() - began
        model.eval()
        _close(bar, history, label, steps)
    return history


def _recent(losses: list[float]) -> float:
    """The mean loss of the last 50 steps: one batch alone says little."""
    return sum(losses[-50:]) / max(1, len(losses[-50:]))


def _bar(steps: int, label: str) -> tqdm:
    # To stdout as text: an HTML or widget bar is dropped where a notebook is not trusted.
    form = "{desc} {percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"
    return tqdm(total=steps, desc=label, file=sys.stdout, bar_format=form, mininterval=0.5)


def _advance(bar: tqdm, losses: list[float]) -> None:
    if len(losses) % 10 == 0:
        bar.set_postfix_str(f"loss {_recent(losses):.3f}", refresh=False)
    bar.update()


def _close(bar: tqdm, history: History, label: str, steps: int) -> None:
    done = len(history.losses)
    bar.bar_format = "{desc} {percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}{postfix}"
    if done:
        bar.set_postfix_str(f"loss {_recent(history.losses):.3f}", refresh=False)
    bar.refresh()
    bar.close()
    if history.interrupted:
        print(f"{label}: stopped after {done} of {steps} steps; the model keeps what it learnt.")
