"""Toy norms, attentions and MLPs for the exercises of notebook 12: they count, and check shapes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from helpers.exercises.inputs import Dice, Misstep


def demand(who: str, what: str, given: object, symbols: str, shape: tuple[int, ...]) -> None:
    """Raise Misstep unless `given` is a tensor of this shape."""
    got = tuple(given.shape) if isinstance(given, torch.Tensor) else f"a {type(given).__name__}"
    if got != shape:
        raise Misstep(f"{who} was given {what} of shape {got}; it expects {symbols} = {shape}.")


@dataclass
class ToyNorm:
    """A layer norm that counts its calls, with a gain and a bias of its own."""

    gain: torch.Tensor  # (D,)
    bias: torch.Tensor  # (D,)
    calls: int = 0

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        shape = tuple(states.shape) if isinstance(states, torch.Tensor) else ()
        if len(shape) != 3 or shape[-1] != len(self.gain):
            given = shape or f"a {type(states).__name__}"
            raise Misstep(f"a norm was given {given}; it expects states, D = {len(self.gain)}.")
        return torch.nn.functional.layer_norm(states, self.gain.shape, self.gain, self.bias, 0.1)


@dataclass
class ToyMLP:
    """A position-wise MLP that counts its calls."""

    weight: torch.Tensor  # (D, D)
    calls: int = 0

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.tanh(states @ self.weight)


@dataclass
class ToyAttention:
    """An attention without projections of its own but W_V, that counts its calls.

    called as (states), or as (queries, memory) if `symbols` names two shapes.
    """

    weight: torch.Tensor  # (D, D)
    name: str
    shapes: tuple  # of what it expects: one shape, or two
    symbols: tuple
    causal: bool = False
    calls: int = 0

    def __call__(self, *given: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if len(given) != len(self.shapes):
            raise Misstep(
                f"{self.name} was called with {len(given)} of its arguments; it expects "
                f"{len(self.shapes)}, of shape {' and '.join(self.symbols)}."
            )
        for what, one, shape, symbols in zip(
            ("queries", "memory") if len(given) > 1 else ("states",),
            given,
            self.shapes,
            self.symbols,
            strict=True,
        ):
            demand(self.name, what, one, symbols, shape)
        queries, keys = given[0], given[-1]
        scores = queries @ keys.mT / queries.size(-1)  # (B, T, S)
        if self.causal:
            later = torch.ones(scores.shape[1:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        return torch.softmax(scores, dim=-1) @ keys @ self.weight


def toy_norm(dice: Dice, d: int) -> ToyNorm:
    """A norm over D numbers, unlike every other one."""
    return ToyNorm(dice.normal(d), dice.normal(d))


def square(dice: Dice, d: int) -> torch.Tensor:
    """A matrix (D, D) that keeps vectors about as large as they are."""
    return dice.normal(d, d) / d**0.5
