"""The loss over a training, for batches of short sentences and of long ones."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from helpers.figures.charts import lines


def loss_by_length(
    losses: Sequence[float], words: Sequence[int], *, limit: int, start: float, every: int = 150
) -> None:
    """Show one curve for batches with sentences over `limit` words, and one for the other batches.

    losses: of a word, one for each step. words: the longest target sentence of each step's batch.
    start: the loss before the first step, from which both curves begin. every: so many steps make
    a point, their mean. Raises StatisticsError where they hold batches of one kind only.
    """
    steps = list(zip(losses, words, strict=True))
    ends = range(every, len(steps) + 1, every)
    curves = {}
    for name, long in ((f"over {limit} words", True), (f"up to {limit} words", False)):
        parts = (steps[end - every : end] for end in ends)
        means = [mean(loss for loss, size in part if (size > limit) == long) for part in parts]
        curves[name] = ([0, *ends], [start, *means])
    above, below = (points[-1] for _, points in curves.values())
    lines(
        curves,
        xlabel="training step",
        ylabel="loss of a word (nats)",
        title="The loss falls, and long sentences stay harder",
        alt=f"Training loss over the steps for batches of sentences of up to {limit} French words "
        f"and for longer ones. Both begin at {start:.2f} and fall steeply at first, then slowly; "
        f"the longer ones stay above. The last points are {above:.2f} and {below:.2f}.",
    )
