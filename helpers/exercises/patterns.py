"""What wrong results have in common with the expected ones, for slips that have no name.

A pattern is a sentence that is true of every input on which an answer fails, as "each number is B
times what it should be". It says where to look, and it claims no more than the numbers show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

_CLOSE = {"rtol": 1e-3, "atol": 1e-5}
_VAGUE = "on every input that shows a difference"
_EXACT = ("each number is", "the right result", "it stands", "True and False", "they stand")
FUNCTIONS = {
    "exp": torch.exp,
    "log": torch.log,
    "tanh": torch.tanh,
    "a sigmoid": torch.sigmoid,
    "a ReLU": torch.relu,
    "abs": torch.abs,
    "a square": torch.square,
    "a square root": torch.sqrt,
    "1 - x": lambda x: 1 - x,
    "1 / x": torch.reciprocal,
    "a softmax along its last axis": lambda x: torch.softmax(x, dim=-1),
}


class Failure(NamedTuple):
    """The expected result and the learner's, of one input; sizes: what its symbols stand for."""

    expected: Any
    got: Any
    sizes: Mapping[str, int]


def pattern(failures: Sequence[Failure], returns: Mapping[str, str]) -> str:
    """Return a sentence that is true of all the failures, '' if there is none.

    returns: the names of the results and their shapes in symbols. Where several are returned, one
    of them alone must be wrong, always the same. A single number shows nothing, so two are needed.
    """
    parts = {_wrong_part(failure, len(returns)) for failure in failures}
    if len(parts) != 1 or None in parts:
        return ""
    part = parts.pop()
    name, shape = list(returns.items())[part]
    if len(returns) > 1:
        failures = [f._replace(expected=f.expected[part], got=f.got[part]) for f in failures]
    if sum(_count(failure.expected) for failure in failures) < 2:
        return ""
    sentences = [list(_sentences(failure, shape.split())) for failure in failures]
    for sentence in sentences[0]:
        if all(sentence in others for others in sentences):
            only = f"Only {name} is wrong: " if len(returns) > 1 else f"{name}: "
            return only + sentence
    return ""


def is_vague(sentence: str) -> bool:
    """Return whether a sentence of `pattern` tells less than the slip that explains the results."""
    return _VAGUE in sentence


def is_exact(sentence: str) -> bool:
    """Return whether a sentence of `pattern` says how to make the right result of a wrong one."""
    return any(f": {start}" in sentence for start in _EXACT)


def where(
    wrong: Sequence[Failure], right: Sequence[Mapping[str, int]], returns: Mapping[str, str]
) -> str:
    """Return by which size the inputs with wrong results differ from those with right ones.

    right: the sizes of the inputs on which the result is right. A size of 1 tells something by
    itself; between others a line is drawn only if there are two inputs or more on either side.
    The sentence speaks of these inputs alone, because another one may be wrong for its contents.
    """
    name = next(iter(returns)) if len(returns) == 1 else "the result"
    if not right:
        return ""
    lines, tried = [], "of the inputs tried"
    for symbol in right[0]:
        good, bad = ({s[symbol] for s in some} for some in (right, [f.sizes for f in wrong]))
        if good == {1} and 1 not in bad:
            return f"{name}: of the inputs tried, right only where {symbol} is 1."
        if bad == {1} and 1 not in good:
            return f"{name}: of the inputs tried, wrong only where {symbol} is 1."
        if len(right) > 1 and len(wrong) > 1:
            if max(good) < min(bad):
                lines.append(f"{name}: right up to {symbol}={max(good)}, and wrong above, {tried}.")
            if max(bad) < min(good):
                lines.append(
                    f"{name}: right from {symbol}={min(good)} on, and wrong below, {tried}."
                )
    if len(lines) == 1:  # where two sizes tell the inputs apart, neither is known to be the reason
        return lines[0]
    if len(right) > len(wrong):
        return (
            f"{name}: right on {len(right)} of the {len(right) + len(wrong)} inputs that were "
            "tried, and not what is expected on this one. What is special about it?"
        )
    return ""


def _wrong_part(failure: Failure, count: int) -> int | None:
    """Return which result is wrong, if it is one alone and of the expected kind."""
    if count == 1:
        return 0 if _comparable(failure.expected, failure.got) else None
    pairs = list(zip(failure.expected, failure.got, strict=True))
    wrong = [n for n, pair in enumerate(pairs) if not _equal(*pair)]
    return wrong[0] if len(wrong) == 1 and _comparable(*pairs[wrong[0]]) else None


def _comparable(expected: Any, got: Any) -> bool:
    if isinstance(expected, Tensor):
        return isinstance(got, Tensor) and (got.shape, got.dtype) == (
            expected.shape,
            expected.dtype,
        )
    return isinstance(got, type(expected))


def _equal(expected: Any, got: Any) -> bool:
    if not _comparable(expected, got):
        return False
    if isinstance(expected, Tensor):
        return _close(got.detach(), expected.detach())
    return bool(expected == got)


def _close(one: Tensor, other: Tensor) -> bool:
    if one.is_floating_point():
        return torch.allclose(one, other, equal_nan=True, **_CLOSE)
    return torch.equal(one, other)


def _count(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.numel()
    return len(value) if isinstance(value, list) else 1


def _sentences(failure: Failure, symbols: Sequence[str]) -> Iterator[str]:
    """Yield what is true of one failure, the most telling first."""
    expected, got, sizes = failure
    if isinstance(expected, list):
        yield from _of_lists(expected, got)
    elif isinstance(expected, int):
        yield from _of_counts(expected, got)
    elif isinstance(expected, Tensor):
        expected, got = expected.detach(), got.detach()
        if expected.dtype == torch.bool:
            yield from _of_booleans(expected, got)
        elif got.isfinite().all() and expected.isfinite().all():
            yield from _of_numbers(expected.double(), got.double(), sizes)
            yield from _of_sums(expected, got, symbols)
        yield from _of_places(expected, got, symbols)


def _of_lists(expected: list, got: list) -> Iterator[str]:
    if got == expected[:-1]:
        yield "the last one is missing."
    if got == expected[1:]:
        yield "the first one is missing."
    if got[:-1] == expected:
        yield "there is one too many, at the end."
    if got[1:] == expected:
        yield "there is one too many, at the beginning."
    if got == expected[::-1]:
        yield "they stand in the other order."
    if len(got) == len(expected):
        if {g - e for g, e in zip(got, expected, strict=True)} == {1}:
            yield "each is one too large."
        if {g - e for g, e in zip(got, expected, strict=True)} == {-1}:
            yield "each is one too small."
    if got and got == expected[: len(got)]:
        yield "the first ones are right, and then it stops too early."
    if expected and expected == got[: len(expected)]:
        yield "the first ones are right, and then it goes on too long."
    if sorted(got) == sorted(expected):
        yield "they are the right ones, in another order."


def _of_counts(expected: int, got: int) -> Iterator[str]:
    apart = got - expected
    if abs(apart) == 1:
        yield f"it is one too {'large' if apart > 0 else 'small'}."
    if got == 2 * expected:
        yield "it is twice as large as it should be."
    yield f"it is too {'large' if apart > 0 else 'small'}, {_VAGUE}."


def _of_booleans(expected: Tensor, got: Tensor) -> Iterator[str]:
    for truth in (True, False):
        if bool((got == truth).all()):
            yield f"all is {truth}, on every input that fails."
    if bool((got != expected).all()):
        yield "True and False are exchanged."
    elif bool((got & ~expected).any()) and not bool((expected & ~got).any()):
        yield "all that must be True is True, and so is some that must be False."
    elif bool((expected & ~got).any()) and not bool((got & ~expected).any()):
        yield "some is False that must be True, and the rest is right."


def _of_numbers(expected: Tensor, got: Tensor, sizes: Mapping[str, int]) -> Iterator[str]:
    factors = {"-1": -1.0, "2": 2.0, "1 / 2": 0.5}
    for symbol, size in sizes.items():
        if size > 1:
            factors |= {symbol: float(size), f"1 / {symbol}": 1 / size}
            factors |= {f"sqrt({symbol})": math.sqrt(size), f"1 / sqrt({symbol})": size**-0.5}
    if bool((expected != 0).any()):
        for text, factor in factors.items():
            if _close(got, factor * expected):
                yield (
                    "each number has the wrong sign."
                    if factor == -1
                    else f"each number is {text} times what it should be."
                )
        ratio = (got.sum() / expected.sum()).item()
        if ratio and math.isfinite(ratio) and _close(got, ratio * expected):
            yield f"each number is {ratio:.3g} times what it should be."
    if not bool(got.any()):
        yield "every number is 0."
    for text, function in FUNCTIONS.items():
        if _close(got, function(expected)):
            yield f"the right result went through {text} as well."
        if _close(function(got), expected) and not _close(got, expected):
            yield f"the right result is this one, through {text}: is that missing?"
    apart = got - expected
    if apart.numel() > 1 and _close(apart, apart.flatten()[0].expand_as(apart)):
        yield f"each number is too large by {apart.flatten()[0].item():.3g}."


def _shares(expected: Tensor) -> bool:
    """Whether each row along the last axis sums to 1, with no number below 0."""
    if not expected.is_floating_point() or not expected.dim() or expected.size(-1) < 2:
        return False
    return bool(((expected.sum(dim=-1) - 1).abs() < 1e-4).all() and (expected >= 0).all())


def _of_sums(expected: Tensor, got: Tensor, symbols: Sequence[str]) -> Iterator[str]:
    if _shares(expected):
        for axis, symbol in enumerate(symbols[:-1]):
            if bool(((got.sum(dim=axis) - 1).abs() < 1e-4).all()):
                yield (
                    "each column sums to 1, and each row should."
                    if symbol == symbols[-1]
                    else f"it sums to 1 along {symbol}, and it should along {symbols[-1]}."
                )


def _of_places(expected: Tensor, got: Tensor, symbols: Sequence[str]) -> Iterator[str]:
    wrong = ~torch.isclose(got.double(), expected.double(), equal_nan=True, **_CLOSE)
    for axis, symbol in enumerate(symbols[: expected.dim()]):
        size = expected.size(axis)
        if size < 2:
            continue
        if _close(got, expected.flip(axis)):
            yield f"it stands in the other order along {symbol}."
        for step, word in ((1, "late"), (-1, "early")):
            if _close(got.roll(-step, axis), expected):
                yield f"it stands one place too {word} along {symbol}."
            kept = slice(1, None) if step > 0 else slice(None, -1)
            moved = torch.arange(size)[kept]
            if size > 2 and _close(
                got.index_select(axis, moved), expected.index_select(axis, moved - step)
            ):
                yield f"it stands one place too {word} along {symbol}."
        first = got.narrow(axis, 0, 1).expand_as(got)
        if _close(got, first) and not _close(expected, expected.narrow(axis, 0, 1).expand_as(got)):
            yield f"it is the same at every place along {symbol}, and it should not be."
        others = tuple(n for n in range(expected.dim()) if n != axis)
        places = wrong.any(dim=others) if others else wrong
        if size > 2:
            for text, place in (("first", 0), ("last", size - 1)):
                if bool(places[place]) and int(places.sum()) == 1:
                    yield f"only the {text} place along {symbol} is wrong."
                if not bool(places[place]) and int(places.sum()) == size - 1:
                    yield f"only the {text} place along {symbol} is right."
    if expected.numel() > 1:
        if _close(got.flatten().sort().values, expected.flatten().sort().values):
            yield (
                "the numbers are the right ones, but they stand in other places. Was something "
                "reshaped that should be transposed, or taken in another order?"
            )
        if bool((expected[wrong] == 0).all()) and bool((expected != 0).any()):
            yield "it is right wherever it should not be 0; yours has numbers where 0 belongs."
        if bool((got[wrong] == 0).all()) and bool((got != 0).any()):
            yield "it is right wherever it is not 0; yours has 0 where there should be numbers."
    if _shares(expected) and bool(((got.sum(dim=-1) - 1).abs() > 1e-3).any()):
        yield f"each row along {symbols[-1]} must sum to 1, and some of yours do not."
