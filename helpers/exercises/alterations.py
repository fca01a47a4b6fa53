"""Would a wrong result be right for other arguments? That names many slips that nobody foresaw.

A bias that is left out gives the course's result for a bias of zeros; a matrix that should be
transposed gives it for the transposed matrix. So the course's version is called with arguments that
are altered in such ways, and compared with what the learner's function returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

_LARGEST = 10_000  # whole numbers beyond it are powers soon, and as exponents they never end


def altered(case: Sequence[Any], names: Sequence[str]) -> Iterator[tuple[str, tuple]]:
    """Yield (what is altered, the altered arguments), as ("bias were all 0", (...)).

    case: the arguments of one call, which stay as they are. names: theirs. The words complete the
    sentence "This would be right if ...". Nothing is altered beside a very large whole number.
    """
    if any(isinstance(value, int) and abs(value) > _LARGEST for value in case):
        return
    for n, (name, value) in enumerate(zip(names, case, strict=False)):
        for words, other in _others(value):
            yield f"{name} were {words}", (*case[:n], other, *case[n + 1 :])
    for n, one in enumerate(case):
        for m in range(n + 1, len(case)):
            if _exchangeable(one, case[m]):
                given = list(case)
                given[n], given[m] = given[m], given[n]
                yield f"{names[n]} and {names[m]} were exchanged", tuple(given)
    same = [n for n, one in enumerate(case) if isinstance(one, Tensor) and one.is_floating_point()]
    for n in same:
        for m in same:
            if n != m and case[n].shape == case[m].shape:
                yield f"{names[n]} were {names[m]}", (*case[:n], case[m].clone(), *case[n + 1 :])


def parts(case: Sequence[Any], axis: int) -> list[tuple]:
    """Return the parts of a case along an axis, each as a case of its own; [] if it has no such.

    The size is that of the first tensor which has this axis. Tensors of another size there, and
    what is no tensor, go into each part whole.
    """
    size = next((v.size(axis) for v in case if isinstance(v, Tensor) and v.dim() > axis), 0)

    def part(value: Any, place: int) -> Any:
        has = isinstance(value, Tensor) and value.dim() > axis and value.size(axis) == size
        return value.narrow(axis, place, 1).clone() if has else value

    return [tuple(part(value, place) for value in case) for place in range(size)]


def _others(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, bool):
        yield "the opposite", not value
    elif isinstance(value, int):
        yield "one larger", value + 1
        yield "one smaller", value - 1
        yield "0", 0
        yield "1", 1
        yield "its negative", -value
        yield "twice as large", 2 * value
    elif isinstance(value, float):
        yield "0", 0.0
        yield "1", 1.0
        if value:
            yield "1 over itself", 1 / value
        yield "its root", abs(value) ** 0.5
        yield "squared", value**2
        yield "half as large", value / 2
        yield "twice as large", 2 * value
        yield "its negative", -value
        yield "one less what it is", 1 - value
    elif isinstance(value, Tensor):
        yield from _other_tensors(value)
    elif isinstance(value, list) and value and not isinstance(value[0], tuple | list):
        yield "in the other order", value[::-1]
        yield "without its first entry", value[1:]
        yield "without its last entry", value[:-1]
        if all(isinstance(entry, int | str) for entry in value):
            yield "sorted", sorted(value)


def _other_tensors(value: Tensor) -> Iterator[tuple[str, Tensor]]:
    if value.dtype == torch.bool:
        yield "its opposite", ~value
        yield "all True", torch.ones_like(value)
    elif value.is_floating_point():
        yield "all 0: is it left out?", torch.zeros_like(value)
        yield "all 1: is it left out?", torch.ones_like(value)
        yield "its negative", -value
        yield "twice as large", 2 * value
        yield "half as large", value / 2
        yield "of its absolute numbers", value.abs()
        yield "one larger", value + 1
        yield "one smaller", value - 1
        if value.dim():
            yield "through a softmax already", torch.softmax(value, dim=-1)
            yield "through a tanh already", torch.tanh(value)
            yield "of length 1 along its last axis", torch.nn.functional.normalize(value, dim=-1)
            yield "squared", value.square()
        if value.dim() > 1:
            yield (
                "the mean over its rows in each place",
                value.mean(dim=-2, keepdim=True).expand_as(value).clone(),
            )
    elif value.dim() == 1:  # lengths, places, words
        yield "one larger", value + 1
        yield "one smaller", value - 1
        yield "the largest of its numbers everywhere", value.max().expand_as(value).clone()
        yield "half as large, rounded down", value // 2
        yield "sorted", value.sort().values
    if value.dim() == 2 and value.size(0) == value.size(1):
        yield "transposed", value.T.clone()
    for axis in range(value.dim()):
        if value.size(axis) > 1:
            yield f"in the other order along its axis {axis}", value.flip(axis)
            yield f"moved on by one place along its axis {axis}", value.roll(1, axis)
            yield f"moved back by one place along its axis {axis}", value.roll(-1, axis)
            first = value.narrow(axis, 0, 1).expand_as(value).clone()
            yield f"what stands first along its axis {axis} everywhere", first


def _exchangeable(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and one.dtype == other.dtype
    alike = isinstance(one, int | float) and type(one) is type(other)
    return alike and not isinstance(one, bool)
