"""Attention over a bag: items in no order, each a name and a content added up in one vector.

A question is the vector of a name; the answer is the content of the item that has it. The items
are given, as hidden states are: what can be learnt is how to look at them, and how to read.

Shapes: B batch, N items in a bag, D width of all vectors, V contents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.attention import attend
from helpers.settings import DEVICE, new_generator

WIDTH, NAMES, CONTENTS, ITEMS = 32, 24, 8, 8
# Hidden units of the reader for each choice of projections, so that all have as many parameters.
READERS = {"none": 56, "query": 31, "both alike": 31, "keys and values": 0}


class Bag(NamedTuple):
    """items (B, N, D), question (B, D), answer (B,): id of a content, place (B,): the item asked
    for."""

    items: Tensor
    question: Tensor
    answer: Tensor
    place: Tensor


class Bags:
    """Draws bags without end, all with the same names and contents; the names in a bag differ.

    strength: length of a content's vector; a name's is 1. Both point in random directions.
    seed: of the vectors and the draws, `course_seed()` by default.
    """

    def __init__(self, strength: float = 2.0, seed: int | None = None) -> None:
        if strength <= 0:
            raise ValueError(f"strength is {strength}; expected a length above 0")
        self.generator = new_generator(seed)
        directions = torch.randn(NAMES + CONTENTS, WIDTH, generator=self.generator)
        directions = F.normalize(directions, dim=-1)
        self.names, self.contents = directions[:NAMES], strength * directions[NAMES:]

    def draw(self, size: int = 64) -> Bag:
        """Return `size` fresh bags and a question to each, on the course's device."""
        if size < 1:
            raise ValueError(f"{size} bags were asked for; expected 1 or more")
        order = torch.rand(size, NAMES, generator=self.generator).argsort(dim=1)
        names = self.names[order[:, :ITEMS]]  # (B, N, D)
        chosen = torch.randint(CONTENTS, (size, ITEMS), generator=self.generator)
        place = torch.randint(ITEMS, (size,), generator=self.generator)
        rows = torch.arange(size)
        question = names[rows, place]  # (B, D)
        items = names + self.contents[chosen]  # (B, N, D)
        bag = items, question, chosen[rows, place], place
        return Bag(*(tensor.to(DEVICE) for tensor in bag))

    def __iter__(self) -> Iterator[Bag]:
        while True:
            yield self.draw()


class BagReader(nn.Module):
    """Answers a question about a bag by one look: scores q . k_i, sharpened by a learnt factor.

    projections: what is learnt of the look. "none": an item is its own key and its own value, as
    in attend(s, h, h). "query": a matrix for the question alone. "both alike": one matrix for the
    items, so that one vector still is key and value. "keys and values": a matrix for each. What a
    choice saves in matrices its reader of the context gets in hidden units; the numbers of
    parameters differ by less than 1 %.
    """

    def __init__(self, projections: str = "keys and values") -> None:
        super().__init__()
        if projections not in READERS:
            raise ValueError(
                f"projections is {projections!r}; expected one of {', '.join(READERS)}"
            )
        self.sharpness = nn.Parameter(torch.tensor(4.0))
        matrices = {"none": "", "query": "q", "both alike": "b", "keys and values": "kv"}
        self.maps = nn.ModuleDict(
            {name: nn.Linear(WIDTH, WIDTH, bias=False) for name in matrices[projections]}
        )
        hidden = READERS[projections]
        self.read = nn.Linear(WIDTH, CONTENTS)
        if hidden:
            self.read = nn.Sequential(
                nn.Linear(WIDTH, hidden), nn.ReLU(), nn.Linear(hidden, CONTENTS)
            )

    def project(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """items (..., D) -> keys and values, each (..., D)."""
        if "b" in self.maps:
            both = self.maps["b"](items)
            return both, both
        if "k" in self.maps:
            return self.maps["k"](items), self.maps["v"](items)
        return items, items

    def forward(self, items: Tensor, question: Tensor) -> tuple[Tensor, Tensor]:
        """items (B, N, D), question (B, D) -> logits of the answer (B, V), weights (B, N)."""
        return self.look(question, *self.project(items))

    def look(self, question: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """question (B, D), keys and values (B, N, D) -> logits (B, V), weights (B, N)."""
        query = self.maps["q"](question) if "q" in self.maps else question
        context, weights = attend(self.sharpness * query.unsqueeze(1), keys, values)
        return self.read(context.squeeze(1)), weights.squeeze(1)


def bag_loss(model: BagReader, bag: Bag) -> Tensor:
    """Mean cross-entropy of the answers; nothing is said about where to look."""
    return F.cross_entropy(model(bag.items, bag.question)[0], bag.answer)


class BagScores(NamedTuple):
    """Shares of the questions: answered right, and looked at the right item."""

    answer: float
    look: float


@torch.no_grad()
def score_bags(model: BagReader, bags: Bags, size: int = 4000, noise: float = 0.0) -> BagScores:
    """Ask `size` fresh questions.

    noise: length of a random vector that is added to each key and to each value, as a share of
    their mean length; what is key and value in one gets one such vector. ValueError below 0.
    """
    if noise < 0:
        raise ValueError(f"noise is {noise}; expected 0 or more")
    bag = bags.draw(size)
    keys, values = model.project(bag.items)
    blurred = _blur(keys, noise)
    logits, weights = model.look(
        bag.question, blurred, blurred if values is keys else _blur(values, noise)
    )
    return BagScores(
        (logits.argmax(dim=-1) == bag.answer).float().mean().item(),
        (weights.argmax(dim=-1) == bag.place).float().mean().item(),
    )


@torch.no_grad()
def content_to_name(model: BagReader, bags: Bags) -> tuple[float, float]:
    """How long contents are beside names, in the model's keys and in its values.

    In the items themselves this is `strength`.
    """
    named, filled = model.project(bags.names), model.project(bags.contents)
    key, value = (
        (content.norm(dim=-1).mean() / name.norm(dim=-1).mean()).item()
        for name, content in zip(named, filled, strict=True)
    )
    return key, value


def _blur(vectors: Tensor, noise: float) -> Tensor:
    length = noise * vectors.norm(dim=-1).mean() / WIDTH**0.5
    return vectors + length * torch.randn_like(vectors)
