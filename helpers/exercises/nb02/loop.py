"""Exercise of notebook 02 in which a whole is built: the loop that trains a translator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from helpers.corpus import Batch
from helpers.exercises import building
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb02 import answers

PARAMETERS = {"embedding.weight": "V E", "output.bias": "V", "output.weight": "V E"}


class ToyTranslator(nn.Module):
    """A translator without memory: each word from the previous one and the source's mean word.

    scale: of the logits, and so of the gradients: with 8 they are clipped, with 0.5 they are not.
    """

    def __init__(self, vocabulary: int, width: int, scale: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.output = nn.Linear(width, vocabulary)
        self.scale = scale

    def forward(self, source: Tensor, lengths: Tensor, target_in: Tensor) -> Tensor:
        """Return the logits (B, T, V)."""
        real = torch.arange(source.size(1)) < lengths.unsqueeze(1)  # (B, S)
        summed = (self.embedding(source) * real.unsqueeze(-1)).sum(dim=1, keepdim=True)
        context = summed / lengths[:, None, None]  # (B, 1, E)
        return self.scale * self.output(torch.tanh(self.embedding(target_in) + context))


def _batches(source: Tensor, lengths: Tensor, targets: Tensor) -> Iterator[Batch]:
    """The batches one by one, then a few more; a loop that takes still more does not stop.

    A loop over `enumerate(batches)` that breaks takes one more, and trains as it should.
    """
    shifted = torch.cat([torch.ones_like(targets[..., :1]), targets[..., :-1]], dim=-1)
    target_in = shifted.masked_fill(shifted == 2, 0)  # <end> is not fed
    batches = [Batch(*four) for four in zip(source, lengths, target_in, targets, strict=True)]
    yield from batches
    yield from batches[:1] * 3
    raise Misstep(
        f"The loop went on after {len(batches)} steps, and steps is {len(batches)}: take one batch "
        "in each step and stop after the last."
    )


def _whole(answer: Any) -> Callable[..., Any]:
    def trained(
        source: Tensor,
        lengths: Tensor,
        targets: Tensor,
        rates: Tensor,
        vocabulary: int,
        width: int,
        scale: float,
    ) -> Any:
        def lr(step: int) -> float:
            if not 0 <= step < len(rates):
                raise Misstep(
                    f"lr was asked for step {step}, and the steps are 0 to {len(rates) - 1}: count "
                    "from 0 and ask once in each step."
                )
            return rates[step].item()

        model = ToyTranslator(vocabulary, width, scale)
        building.fill(model)
        model.to(rates.dtype)
        losses = building.as_losses(
            answer(model, _batches(source, lengths, targets), len(rates), lr)
        )
        if not isinstance(losses, Tensor):
            return losses
        return losses, *building.final_parameters(model)

    return trained


def _case(dice: Dice, n: int, b: int, s: int, t: int, v: int, e: int, scale: float = 8.0) -> tuple:
    """A few batches whose sentences differ in length, <end> (id 2) included."""
    targets = torch.zeros(n, b, t, dtype=torch.long)
    for batch in targets:
        for row, length in zip(batch, dice.lengths(b, t).tolist(), strict=True):
            row[: length - 1] = dice.integers(3, v, length - 1)
            row[length - 1] = 2
    lengths = torch.stack([dice.lengths(b, s) for _ in range(n)])
    rates = 0.02 + dice.normal(n).abs() / 20
    return dice.integers(3, v, n, b, s), lengths, targets, rates, v, e, scale


def _cases(dice: Dice) -> list[tuple]:
    return [
        _case(dice, 1, 2, 3, 4, 6, 5),
        _case(dice, 2, 1, 3, 4, 6, 5),
        _case(dice, 3, 2, 4, 5, 7, 6),
        _case(dice, 4, 3, 5, 6, 8, 2, scale=0.5),
        _case(dice, 6, 4, 3, 5, 9, 7),
    ]


def _sizes(
    source: Tensor,
    lengths: Tensor,
    targets: Tensor,
    rates: Tensor,
    vocabulary: int,
    width: int,
    scale: float,
) -> dict[str, int]:
    sizes = dict(zip(("steps", "B", "S"), source.shape, strict=True))
    return {**sizes, "T": targets.size(-1), "V": vocabulary, "E": width}


def _loss(model: nn.Module, batch: Batch) -> Tensor:
    return answers.masked_loss(
        model(batch.source, batch.lengths, batch.target_in), batch.target_out
    )


def _padding_loss(model: nn.Module, batch: Batch) -> Tensor:
    logits = model(batch.source, batch.lengths, batch.target_in)
    return cross_entropy(logits.flatten(0, 1), batch.target_out.flatten())


def _answers_fed(model: nn.Module, batch: Batch) -> Tensor:
    logits = model(batch.source, batch.lengths, batch.target_out)
    return answers.masked_loss(logits, batch.target_out)


def _inputs_as_answers(model: nn.Module, batch: Batch) -> Tensor:
    logits = model(batch.source, batch.lengths, batch.target_in)
    return answers.masked_loss(logits, batch.target_in)


def _clip_all(parameters: list[Tensor]) -> None:
    clip_grad_norm_(parameters, 1.0)


def _clip_each(parameters: list[Tensor]) -> None:
    for parameter in parameters:
        clip_grad_norm_([parameter], 1.0)


def _clip_numbers(parameters: list[Tensor]) -> None:
    nn.utils.clip_grad_value_(parameters, 1.0)


def _adam(parameters: list[Tensor], **options: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, **{"betas": (0.9, 0.98), **options})


@building.parted
def _loop(
    loss: Callable[[nn.Module, Batch], Tensor] = _loss,
    clip: Callable[[list[Tensor]], None] = _clip_all,
    optimizer: Callable[..., torch.optim.Optimizer] = _adam,
    order: str = "zero backward clip step",
    new_optimizer: bool = False,
    one_batch: bool = False,
    rate_at: Callable[[int, int], int] = lambda step, steps: step,
) -> Callable[..., list[float]]:
    """The loop with one of its parts exchanged."""

    def train(model, batches, steps, lr):
        parameters = list(model.parameters())
        adam, losses, first = optimizer(parameters), [], None
        for step in range(steps):
            first = first or next(batches)
            value = loss(model, first)
            if new_optimizer:
                adam = optimizer(parameters)
            adam.param_groups[0]["lr"] = lr(rate_at(step, steps))
            parts = {
                "zero": adam.zero_grad,
                "backward": value.backward,
                "clip": lambda: clip(parameters),
                "step": adam.step,
            }
            for part in order.split():
                parts[part]()
            losses.append(value.item())
            first = first if one_batch else None
        return losses

    return train


train = Exercise(
    name="nb02.train",
    title="The loop that trains",
    difficulty=3,
    minutes=15,
    core=True,
    reference=answers.train,
    spec=answers.train_spec,
    whole=_whole,
    cases=_cases,
    sizes=_sizes,
    returns=building.named({"losses": "steps"}, PARAMETERS, "trained"),
    training_case=lambda: _case(Dice(), 5, 32, 12, 14, 150, 24),
    wrong_answers=(
        Wrong(
            "no_zero_grad",
            _loop(order="backward clip step"),
            "The gradients are never set to zero, so backward adds each batch's gradient to those "
            "of all batches before it. Each step needs the gradient of its own loss alone.",
        ),
        Wrong(
            "nothing_moves",
            _loop(order="backward clip zero step"),
            "The parameters do not move: when the optimizer steps, there are no gradients. "
            "zero_grad stands between backward and step. It belongs before backward.",
        ),
        Wrong(
            "step_before_backward",
            _loop(order="step zero backward clip"),
            "The optimizer steps before backward has been called, so each step uses the gradient "
            "of the previous batch, and the last gradient is never used.",
        ),
        Wrong(
            "no_clipping",
            _loop(order="zero backward step"),
            "The gradients are not clipped when the optimizer steps. One batch with a large "
            "gradient can then undo what many have taught. Clip after backward and before step, "
            "because there are no gradients earlier and step has used them later.",
        ),
        Wrong(
            "each_clipped_alone",
            _loop(clip=_clip_each),
            "Each parameter's gradient is clipped by itself, which changes the direction of the "
            "step. The norm is that of all gradients together: give clip_grad_norm_ all the "
            "parameters at once.",
        ),
        Wrong(
            "numbers_clipped",
            _loop(clip=_clip_numbers),
            "Each number of the gradients is cut off at 1, which changes the direction of the "
            "step. Clipping the norm makes the whole gradient shorter and keeps its direction.",
        ),
        Wrong(
            "loss_over_padding",
            _loop(loss=_padding_loss),
            "The loss counts padding as words to be said. masked_loss leaves the padding out, "
            "because saying <pad> after the end of a sentence is no skill.",
        ),
        Wrong(
            "answers_fed",
            _loop(loss=_answers_fed),
            "The decoder is fed target_out, which holds the very word that it should say at each "
            "step. It would learn to copy. Feed target_in, where each word stands one step later.",
        ),
        Wrong(
            "inputs_as_answers",
            _loop(loss=_inputs_as_answers),
            "The loss compares with target_in, the words that are fed, so the model learns to say "
            "again what it has just read. The words that it should say are in target_out.",
        ),
        Wrong(
            "new_optimizer",
            _loop(new_optimizer=True),
            "A new optimizer is made in each step. Adam keeps running means of the gradients from "
            "step to step, and a new one has forgotten them. Make it once, before the loop.",
        ),
        Wrong(
            "one_batch",
            _loop(one_batch=True),
            "Every step trains on the first batch. Take the next batch inside the loop, because a "
            "model that sees a single batch learns its sentences by heart and nothing else.",
        ),
        Wrong(
            "one_rate",
            _loop(rate_at=lambda step, steps: 0),
            "Every step uses the learning rate of step 0. lr is a function: ask it for the rate "
            "of each step, and put the answer into the optimizer before it steps.",
        ),
        Wrong(
            "plain_steps",
            _loop(optimizer=lambda parameters: torch.optim.SGD(parameters)),
            "The steps are those of plain gradient descent. The loop should use Adam, which "
            "divides each number's step by the usual size of its gradient.",
        ),
        Wrong(
            "weights_decayed",
            _loop(optimizer=lambda parameters: torch.optim.AdamW(parameters, betas=(0.9, 0.98))),
            "The optimizer is AdamW, which makes every parameter a little smaller at each step. "
            "The loop should use Adam, which only follows the gradients.",
        ),
        Wrong(
            "rate_set_late",
            _loop(rate_at=lambda step, steps: max(step - 1, 0)),
            "The learning rate is that of the step before, as if it were set after the step. Put "
            "lr(step) into the optimizer before it steps.",
        ),
        Wrong(
            "rate_of_the_next_step",
            _loop(rate_at=lambda step, steps: min(step + 1, steps - 1)),
            "The learning rate is that of the next step. Steps are counted from 0, as range does, "
            "so step 0 takes lr(0).",
        ),
        Wrong(
            "other_betas",
            _loop(optimizer=lambda parameters: _adam(parameters, betas=(0.9, 0.999))),
            "Adam has its usual betas, (0.9, 0.999). The loop should set (0.9, 0.98), because a "
            "short training run has no 1,000 steps over which to average a gradient's size.",
        ),
    ),
    hints=(
        "Which things are made once, before the loop, and which happen anew in each step? What "
        "does backward do with the gradients that are still there from the previous step?",
        "make the optimizer and an empty list of losses\n"
        "for each step:\n"
        "  the next batch, the model's logits, the masked loss\n"
        "  gradients to zero, backward, clip all gradients together\n"
        "  put this step's learning rate into the optimizer, then step\n"
        "  add the loss to the list as a plain number",
        "optimizer.zero_grad()\nloss.backward()\n"
        "torch.nn.utils.clip_grad_norm_(model.parameters(), ...)\n"
        'optimizer.param_groups[0]["lr"] = lr(step)\n...',
    ),
    why="backward adds to the gradients that are there, so they are set to zero first; clipping "
    "needs the gradients of this step and must come before they are used. The optimizer lives "
    "outside of the loop, because Adam remembers earlier gradients.",
)
