"""A task of two look-ups at once, and one layer of attention to solve it, with one head or more.

A farm keeps a number of animals of each of a few kinds. A question names two kinds, in order: how
many more cats than dogs? The answer is a number from -9 to 9. A farm is a dictionary, as in
notebook 08: the keys are made from the kinds alone, the values from the numbers alone.

Shapes: B farms, S kinds a farm, T questions a farm, D width, A heads, N answers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.models import AttentionLayer
from helpers.settings import DEVICE, new_generator

ANIMALS = ("birds", "cats", "cows", "dogs", "ducks", "geese", "goats", "horses", "pigs", "sheep")
MOST_ANIMALS = 9  # animals of a kind; the fewest is 0
ANSWERS = tuple(range(-MOST_ANIMALS, MOST_ANIMALS + 1))  # answer k is the number ANSWERS[k]
READ_OUTS = ("linear", "mlp")


class HasLayer(Protocol):
    """A model with one attention layer, by the name of `layer`."""

    layer: AttentionLayer


Model = TypeVar("Model", bound=HasLayer)


class Farms(NamedTuple):
    """Farms and questions about them.

    kinds: (B, S), ids of different `KINDS`. numbers: (B, S), how many of each, 0 to `MOST`.
    asked: (B, T, 2), two different places 0 ... S - 1: how many more of the first than the second?
    """

    kinds: Tensor
    numbers: Tensor
    asked: Tensor

    @property
    def asked_kinds(self) -> Tensor:
        """The ids of the two kinds that each question names, (B, T, 2)."""
        return _at(self.kinds, self.asked)

    @property
    def answers(self) -> Tensor:
        """The place of the right answer in `ANSWERS`, (B, T)."""
        first, second = _at(self.numbers, self.asked).unbind(dim=-1)
        return first - second + MOST_ANIMALS


def _at(entries: Tensor, places: Tensor) -> Tensor:
    """entries (B, S), places (B, T, 2) -> the entries there (B, T, 2)."""
    return entries.unsqueeze(1).expand(-1, places.shape[1], -1).gather(2, places)


class DrawFarms:
    """Draws farms, evenly; iterating gives training batches without end.

    size: S. questions: T. seed: of the draws, `course_seed()` by default.
    Raises ValueError for sizes that cannot be drawn.
    """

    def __init__(
        self, batch_size: int = 64, size: int = 6, questions: int = 6, seed: int | None = None
    ) -> None:
        if not 2 <= size <= len(ANIMALS) or questions < 1 or batch_size < 1:
            raise ValueError(
                f"batches of {batch_size} farms with {size} kinds and {questions} questions were "
                f"asked for; expected 1 farm and question or more, and 2 to {len(ANIMALS)} kinds"
            )
        self.batch_size, self.size, self.questions = batch_size, size, questions
        self.generator = new_generator(seed)

    def draw(self, count: int) -> Farms:
        """Return `count` farms on the course's device."""
        kinds = torch.rand(count, len(ANIMALS), generator=self.generator).argsort(dim=1)
        numbers = torch.randint(MOST_ANIMALS + 1, (count, self.size), generator=self.generator)
        draws = torch.rand(count, self.questions, self.size, generator=self.generator)
        asked = draws.argsort(dim=2)[..., :2]  # two different places
        return Farms(kinds[:, : self.size].to(DEVICE), numbers.to(DEVICE), asked.to(DEVICE))

    def __iter__(self) -> Iterator[Farms]:
        while True:
            yield self.draw(self.batch_size)


class TwoLookUps(nn.Module):
    """One layer of attention from questions to a farm, and a read-out of what it brings home.

    A question is one vector, the sum of a vector for the kind named first and one for the second.
    read_out: "mlp" is a linear layer, a ReLU and a linear layer; "linear" is the same without the
    ReLU. So all versions have equally many parameters. width: D. hidden: between the two layers.
    spread: standard deviation of the vectors of kinds and numbers before training. With PyTorch's
    1.0 a look is sharp before the read-out has learnt anything.
    """

    def __init__(
        self,
        heads: int = 1,
        read_out: str = "linear",
        width: int = 64,
        hidden: int = 128,
        spread: float = 0.3,
    ) -> None:
        super().__init__()
        if read_out not in READ_OUTS:
            raise ValueError(f"read_out is {read_out!r}; expected one of {', '.join(READ_OUTS)}")
        self.first, self.second = (nn.Embedding(len(ANIMALS), width) for _ in range(2))
        self.kind = nn.Embedding(len(ANIMALS), width)
        self.number = nn.Embedding(MOST_ANIMALS + 1, width)
        for table in (self.first, self.second, self.kind, self.number):
            nn.init.normal_(table.weight, std=spread)
        self.layer = AttentionLayer(width, heads)
        self.read_out = nn.Sequential(
            nn.Linear(width, hidden),
            nn.ReLU() if read_out == "mlp" else nn.Identity(),
            nn.Linear(hidden, len(ANSWERS)),
        )

    def states(self, farms: Farms) -> tuple[Tensor, Tensor, Tensor]:
        """What queries (B, T, D), keys (B, S, D) and values (B, S, D) are made from."""
        first, second = farms.asked_kinds.unbind(dim=-1)
        questions = self.first(first) + self.second(second)
        return questions, self.kind(farms.kinds), self.number(farms.numbers)

    def forward(self, farms: Farms, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """Farms -> logits (B, T, N) and weights (B, A, T, S), None unless `need_weights`."""
        mixed, weights = self.layer(*self.states(farms), need_weights=need_weights)
        return self.read_out(mixed), weights


def farm_loss(model: nn.Module, farms: Farms) -> Tensor:
    """Mean cross-entropy of the answers, in nats a question."""
    logits, _ = model(farms)
    return F.cross_entropy(logits.flatten(0, 1), farms.answers.flatten())


@torch.no_grad()
def share_right(model: nn.Module, farms: Farms) -> float:
    """The share of questions, 0 to 1, whose likeliest answer is right."""
    return float((model(farms)[0].argmax(dim=-1) == farms.answers).float().mean())


def looks_at(weights: Tensor, farms: Farms) -> Tensor:
    """Mean weight that each head has on the kind named first and on the second, (A, 2).

    weights: (B, A, T, S).
    """
    heads = weights.shape[1]
    places = farms.asked.unsqueeze(1).expand(-1, heads, -1, -1)  # (B, A, T, 2)
    return weights.gather(3, places).mean(dim=(0, 2))


@torch.no_grad()
def moved_by(model: nn.Module, farms: Farms) -> tuple[float, float]:
    """The shares of questions, 0 to 1, whose likeliest answer changes with one number.

    All numbers but one stay: that of the kind named first, and then that of the second, becomes
    another one, larger by 5 or, from 5 on, smaller by 5.
    """
    count = farms.asked.shape[1]
    said = model(farms)[0].argmax(dim=-1)  # (B, T)
    changed = []
    for which in (0, 1):
        moved = 0
        for t in range(count):
            place = farms.asked[:, t, which].unsqueeze(1)  # (B, 1)
            other = (farms.numbers.gather(1, place) + 5) % (MOST_ANIMALS + 1)
            farm = farms._replace(numbers=farms.numbers.scatter(1, place, other))
            moved += (model(farm)[0][:, t].argmax(dim=-1) != said[:, t]).float().mean().item()
        changed.append(moved / count)
    return changed[0], changed[1]


def silence(model: Model, head: int) -> Model:
    """Return a copy of a model in which one head of its layer, counted from 1, says nothing.

    The columns of W_O that read this head are set to 0 in the copy, which leaves zeros in its
    place. Raises ValueError for a head that the layer lacks.
    """
    heads = model.layer.heads
    if not 1 <= head <= heads:
        raise ValueError(f"head is {head}; expected 1 to {heads}, because heads are counted from 1")
    quiet = copy.deepcopy(model)
    size = model.layer.output.in_features // heads
    with torch.no_grad():
        quiet.layer.output.weight[:, (head - 1) * size : head * size] = 0.0
    return quiet
