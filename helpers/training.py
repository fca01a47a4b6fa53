"""One training loop, `fit`, with its warm-up and decay of the learning rate, and the losses.

Shapes: B batch, T target length, V vocabulary.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from helpers.corpus import Batch, Vocabulary, french_rows
from helpers.models import Trainable, Translator


@dataclass
class History:
    """What `fit` saw: the loss of each step, how long it took, and whether it was stopped by hand.

    seconds: on the clock. cpu_seconds: of the processor, all threads together.
    """

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    interrupted: bool = False


def masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over real tokens, `<end>` included, padding left out.

    logits (B, T, V), targets (B, T) with id 0 on padding -> scalar, in nats per token.
    """
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=Vocabulary.pad)


def translation_loss(model: Translator, batch: Batch) -> Tensor:
    """Teacher forcing: the loss of `batch.target_out` given the gold words before each."""
    return masked_loss(model(batch.source, batch.lengths, batch.target_in), batch.target_out)


def smoothed_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1) -> Tensor:
    """Mean cross-entropy with label smoothing over real tokens, padding left out (section 5.4).

    The target of a token is no longer 1 for its word: every word of the vocabulary gets
    smoothing / V, the true one too, which so has 1 - smoothing + smoothing / V in all (Szegedy et
    al. 2016, section 7). logits (B, T, V), targets (B, T) with id 0 on padding -> scalar, in nats.
    """
    return F.cross_entropy(
        logits.flatten(0, 1),
        targets.flatten(),
        ignore_index=Vocabulary.pad,
        label_smoothing=smoothing,
    )


def next_word_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Mean cross-entropy of each word, `<end>` included, given what the model saw, in nats."""
    words = french_rows(batch)
    return masked_loss(model(words)[:, :-1], words[:, 1:])


def fit(
    model: Trainable,
    batches: Iterable[Any],
    steps: int | None = None,
    lr: float = 5e-3,
    loss: Callable[[Any, Any], Tensor] = translation_loss,
    label: str = "training",
    clip: float = 1.0,
    warm_up: float | None = 0.1,
    cpu_seconds: float | None = None,
    weight_decay: float = 0.0,
) -> History:
    """Train `model` with Adam, for so many steps or so much CPU time; return its history.

    steps or cpu_seconds: one of the two is the budget. Two runs of one seed differ where the budget
    is time, since no two seconds hold the same number of steps.
    batches: yields one batch a step; loss(model, batch) gives the scalar to minimise.
    The learning rate climbs to `lr` over the first `warm_up` share of the budget and then falls in
    a straight line to 0; with warm_up=None it stays at `lr`. Gradients are clipped to norm `clip`
    (inf for no clipping). weight_decay: AdamW's; with 0 it is Adam.
    The bar is plain text: it is readable in any front end, and in a saved notebook.

    Interrupting the kernel stops cleanly between two steps: the model keeps what it has learnt.
    Raises ValueError for no budget or two, when the batches run out early, and for a loss that is
    no scalar, and FloatingPointError when the loss or its gradient is no longer a number: the model
    is then as it was before that step.
    """
    budget = _Budget(steps, cpu_seconds)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=weight_decay, fused=True
    )
    history, began, stream = History(), time.perf_counter(), iter(batches)
    model.train()
    bar = _bar(budget.total, label)
    try:
        while not budget.is_spent():
            batch = next(stream, None)
            if batch is None:
                raise ValueError(
                    f"the batches ran out after {len(history.losses)} steps; {budget} were asked "
                    "for: pass more batches"
                )
            for group in optimizer.param_groups:
                group["lr"] = lr * (1.0 if warm_up is None else budget.share_of_rate(warm_up))
            value = _scalar(loss(model, batch))
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
            for name, number in (("loss", value), ("norm of the gradient", norm)):
                if not math.isfinite(number.item()):
                    raise FloatingPointError(
                        f"the {name} is {number.item()} at step {len(history.losses) + 1}; the "
                        f"model is as it was before. A smaller lr than {lr:g} often helps."
                    )
            optimizer.step()
            budget.steps_done += 1
            history.losses.append(value.item())
            _advance(bar, history.losses, budget.done())
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        history.seconds = time.perf_counter() - began
        history.cpu_seconds = budget.cpu_seconds_gone()
        model.eval()
        _close(bar, history, label, budget)
    return history


def _scalar(value: Any) -> Tensor:
    """Return what a loss gave, if it is one number with a gradient, else raise ValueError."""
    if not isinstance(value, Tensor) or value.numel() != 1:
        shape = tuple(value.shape) if isinstance(value, Tensor) else None
        raise ValueError(
            f"the loss is of type {type(value).__name__} and shape {shape}; expected a tensor of "
            "one number, as .mean() gives it"
        )
    if not value.requires_grad:
        raise ValueError(
            "the loss has no gradient; it must be computed from the model's outputs, without "
            "torch.no_grad(), .item() or .detach()"
        )
    return value


class _Budget:
    """How long to train: a number of steps, or seconds of CPU time (of all threads together)."""

    def __init__(self, steps: int | None, cpu_seconds: float | None) -> None:
        given = steps if cpu_seconds is None else cpu_seconds
        if given is None or (steps is not None and cpu_seconds is not None) or given <= 0:
            raise ValueError(
                f"steps is {steps} and cpu_seconds {cpu_seconds}; expected one of the two, above 0"
            )
        self.steps, self.seconds, self.steps_done = steps, cpu_seconds, 0
        self.began = time.process_time()

    def __str__(self) -> str:
        return f"{self.steps} steps" if self.seconds is None else f"{self.seconds:g} CPU-seconds"

    @property
    def total(self) -> int:
        """What the bar counts to: steps, or whole seconds."""
        return self.steps if self.steps is not None else max(1, round(self.seconds or 1))

    def cpu_seconds_gone(self) -> float:
        return time.process_time() - self.began

    def done(self) -> int:
        if self.seconds is None:
            return self.steps_done
        return min(self.total, int(self.cpu_seconds_gone()))

    def is_spent(self) -> bool:
        if self.steps is not None:
            return self.steps_done >= self.steps
        return self.cpu_seconds_gone() >= (self.seconds or 0)

    def share_of_rate(self, warm_up: float) -> float:
        """Which share of the largest learning rate the next step gets."""
        if self.steps is not None:
            rises, k = max(1, round(self.steps * warm_up)), self.steps_done
            return min((k + 1) / rises, (self.steps - k) / max(1, self.steps - rises))
        gone = min(self.cpu_seconds_gone() / (self.seconds or 1), 1.0)
        return min(max(gone, 1e-3) / warm_up, (1 - gone) / (1 - warm_up))


def _recent(losses: list[float]) -> float:
    """The mean loss of the last 50 steps: one batch alone says little."""
    return sum(losses[-50:]) / max(1, len(losses[-50:]))


def _bar(total: int, label: str) -> tqdm[Any]:
    # To stdout as text: an HTML or widget bar is dropped where a notebook is not trusted.
    form = "{desc} {percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"
    return tqdm(total=total, desc=label, file=sys.stdout, bar_format=form, mininterval=0.5)


def _advance(bar: tqdm[Any], losses: list[float], done: int) -> None:
    if len(losses) % 10 == 0:
        bar.set_postfix_str(f"loss {_recent(losses):.3f}", refresh=False)
    bar.update(done - bar.n)


def _close(bar: tqdm[Any], history: History, label: str, budget: _Budget) -> None:
    bar.bar_format = "{desc} {percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}{postfix}"
    if history.losses:
        bar.set_postfix_str(f"loss {_recent(history.losses):.3f}", refresh=False)
    bar.refresh()
    bar.close()
    if history.interrupted:
        done = len(history.losses)
        print(
            f"{label}: stopped after {done} steps ({budget} were asked for); the model keeps what "
            "it learnt."
        )
