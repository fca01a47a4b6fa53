"""Compare a result with the expected one, and say in plain words where they part."""

from __future__ import annotations

import math
import numbers
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from helpers.exercises.running import Outcome, Raised

WIDTH = 88
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # float32 against a loop that adds in another order
OF_THE_LARGEST = 1e-4  # at training size sums are long, and what is left of them may be near 0
_FEW = 48  # an argument of at most so many numbers can be followed by hand, and is shown whole
_FEW_RESULTS = 12  # of more, only the place where two results differ most is shown
_BITS = 300  # of a whole number that is shown with all its digits
# Numbers of results that are not the same as others by accident: floats, whole numbers, truths.
_MANY, _MANY_WHOLE, _MANY_TRUTHS = 4, 16, 64
_FEW_LINES = 6  # of what a function printed


@dataclass(frozen=True)
class Difference:
    """Where two results part. `part` counts the results of a function that returns several."""

    kind: str  # "type", "count", "shape", "dtype", "nan", "value", or "zero": not exactly 0
    part: int | None = None
    where: tuple[int, ...] = ()


def difference(
    expected: Any, got: Any, zeros: torch.Tensor | None = None, long_sums: bool = False
) -> Difference | None:
    """Return the first difference between two results, None if they are equal.

    Floats may differ by rounding, but not where `zeros` (bool, broadcastable to a tensor result)
    holds: there a 0 must be exactly 0. A tuple and a list are the same to it, and so are Python's
    and NumPy's whole numbers. long_sums: rounding is measured by a tensor's largest number.
    """
    several = isinstance(expected, list) and any(isinstance(x, torch.Tensor) for x in expected)
    if several or isinstance(expected, tuple):
        if not isinstance(got, tuple | list):
            return Difference("type")
        if len(got) != len(expected):
            return Difference("count")
        for part, (one, other) in enumerate(zip(expected, got, strict=True)):
            found = difference(one, other, long_sums=long_sums)
            if found:
                return Difference(found.kind, part, found.where)
        return None
    if isinstance(expected, torch.Tensor):
        return _tensor_difference(expected, got, zeros, long_sums)
    if isinstance(expected, list):
        whole = isinstance(got, list | tuple) and all(_is_whole(item) for item in got)
        if not whole:
            return Difference("type")
        return None if list(got) == expected else Difference("value")
    if _is_whole(expected):
        if not _is_whole(got):
            return Difference("type")
        return None if got == expected else Difference("value")
    if isinstance(expected, float):
        alike = isinstance(got, float) and math.isclose(expected, got, rel_tol=RELATIVE)
        return None if alike else Difference("type")
    return None if expected is got else Difference("type")


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _tensor_difference(
    expected: torch.Tensor, got: Any, zeros: torch.Tensor | None, long_sums: bool = False
) -> Difference | None:
    if not isinstance(got, torch.Tensor):
        return Difference("type")
    if got.shape != expected.shape:
        return Difference("shape")
    if got.dtype != expected.dtype:
        return Difference("dtype")
    expected, got = expected.detach(), got.detach()
    if not expected.is_floating_point():
        wrong = expected != got
    else:
        if expected.isfinite().all() and not got.isfinite().all():
            return Difference("nan", where=_first(~got.isfinite()))
        absolute = ABSOLUTE
        if long_sums and expected.numel():
            largest = expected.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs().max().item()
            absolute = max(absolute, OF_THE_LARGEST * largest)
        wrong = ~torch.isclose(got, expected, RELATIVE, absolute, equal_nan=True)
        if zeros is not None and not wrong.any():
            leaks = zeros & (expected == 0) & (got != 0)
            return Difference("zero", where=_first(leaks)) if leaks.any() else None
    if not wrong.any():
        return None
    gap = (
        (got.double() - expected.double()).abs().masked_fill(~wrong, -1.0).nan_to_num(nan=math.inf)
    )
    return Difference("value", where=_first(gap == gap.max()))


def _first(where: torch.Tensor) -> tuple[int, ...]:
    return tuple(where.nonzero()[0].tolist())


def same(one: Outcome, other: Outcome, zeros: Mapping[str, torch.Tensor]) -> bool:
    """Return whether two calls did the same: values, gradients, mutation and errors alike.

    zeros: where a 0 must be exactly 0, in the "result" and in the gradient of each named argument.
    """
    if one.late or other.late:
        return False
    if one.misstep or other.misstep or one.raised or other.raised:
        errors = [(o.misstep, o.raised and (o.raised.kind, o.raised.text)) for o in (one, other)]
        return errors[0] == errors[1]
    if (one.mutated, one.seen, one.detached) != (other.mutated, other.seen, other.detached):
        return False
    if difference(one.value, other.value, zeros.get("result")):
        return False
    return gradient_difference(one, other, zeros) == ""


def comparable(expected: Outcome, got: Outcome) -> bool:
    """Return whether a call raised an error, or returned what is of the expected type at least."""
    if got.raised or got.misstep:
        return True
    found = difference(expected.value, got.value)
    return not found or found.kind not in ("type", "count")


def told_by(value: Any) -> float:
    """Return how much a result tells, 1 if another is hardly the same by accident.

    A float tells the most, because there are so many, and a truth the least. What is no number or
    infinite tells nothing, and a whole number the more, the more digits it has.
    """
    if isinstance(value, tuple | list):
        return sum(told_by(part) for part in value)
    if isinstance(value, int):
        return len(str(value)) / _MANY_WHOLE
    if not isinstance(value, torch.Tensor):
        return 1 / _MANY if isinstance(value, float) else 1 / _MANY_WHOLE
    if value.is_floating_point():
        return int(value.isfinite().sum()) / _MANY
    return value.numel() / (_MANY_TRUTHS if value.dtype == torch.bool else _MANY_WHOLE)


def agreeing(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor | None:
    """Return where two tensors hold the same numbers, None if their shapes or types are others."""
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return None
    if not one.is_floating_point():
        return one == other
    return torch.isclose(one.detach(), other.detach(), RELATIVE, ABSOLUTE, equal_nan=True)


def same_outputs(outputs: Any, got: Any) -> bool:
    """Return whether a result begins with these outputs; a whole has gradients behind them."""
    if isinstance(outputs, tuple) and isinstance(got, tuple):
        got = got[: len(outputs)]
    return difference(got, outputs) is None


def is_constant(value: Any) -> bool:
    """Return whether a result is a tensor of booleans that are all the same."""
    truths = isinstance(value, torch.Tensor) and value.dtype == torch.bool
    return truths and bool(value.all() or not value.any())


def same_slip(one: Outcome, other: Outcome) -> bool:
    """Return whether two calls went wrong in the same way: by the same result, or the same error.

    Gradients are left out, because behind a wrong result they say nothing more: two ways to the
    same NaN have different ones. Where both have minus infinity, whole numbers beside it are left
    out too, because which of several such places is taken says nothing.
    """
    if one.late or other.late:
        return False
    if one.raised and other.raised:
        return one.raised.kind == other.raised.kind
    if one.raised or other.raised or one.misstep or other.misstep:
        return one.misstep == other.misstep and not (one.raised or other.raised)
    return difference(one.value, _tied(one.value, other.value)) is None


def _tied(one: Any, other: Any) -> Any:
    """Return other results, with the whole numbers of `one` where both have minus infinity."""
    if not isinstance(one, tuple) or not isinstance(other, tuple) or len(one) != len(other):
        return other
    pairs = list(zip(one, other, strict=True))
    if not all(isinstance(part, torch.Tensor) for pair in pairs for part in pair):
        return other
    for known, found in pairs:
        if known.is_floating_point() and known.shape == found.shape:
            lost = (known == -math.inf) & (found == -math.inf)
            other = tuple(
                torch.where(lost, own, part) if _are_whole(own, part, lost) else part
                for own, part in zip(one, other, strict=True)
            )
    return other


def _are_whole(one: torch.Tensor, other: torch.Tensor, beside: torch.Tensor) -> bool:
    """Whether two tensors hold whole numbers, one for each place of a third one."""
    shapes = one.shape == other.shape == beside.shape
    return shapes and one.dtype == other.dtype == torch.int64


def gradient_difference(expected: Outcome, got: Outcome, zeros: Mapping[str, torch.Tensor]) -> str:
    """Return the name of the first argument whose gradients differ, '' if none does.

    zeros: for an argument's name, where a gradient of 0 must be exactly 0; elsewhere rounding may
    show. No gradient at all counts as zeros.
    """
    for name in expected.gradients:
        one, other = expected.gradients[name], got.gradients.get(name)
        if one is None or other is None:
            if any(g is not None and bool((g != 0).any()) for g in (one, other)):
                return name
        elif _tensor_difference(one, other, zeros.get(name)):
            return name
    return ""


def explain(
    found: Difference,
    expected: Any,
    got: Any,
    returns: Mapping[str, str],
    sizes: Mapping[str, int],
) -> str:
    """Return one or two sentences on a difference, with shapes in symbols and in numbers.

    returns: the names of the results and their shapes, as {"scores": "B T S"}. sizes: what the
    symbols stand for in this case, as {"B": 1, "T": 2, "S": 3}.
    """
    names = list(returns)
    if found.kind == "count":
        return f"Return {len(names)} results ({', '.join(names)}); yours returns {len(got)}."
    if found.part is not None:
        expected, got = expected[found.part], got[found.part]
    name = names[found.part or 0]
    if found.kind == "type":
        if found.part is None and len(names) > 1:
            wanted = f"{len(names)} results ({', '.join(names)})"
        else:
            wanted = f"{name}, {kind(expected)}"
        return f"Expected {wanted}; yours is {kind(got)}."
    if found.kind == "shape":
        symbols = returns[name].split()
        return (
            f"{name} has the wrong shape: expected {_shape(symbols, expected.shape)}, "
            f"yours is {_shape(_symbols(got.shape, symbols, returns, sizes), got.shape)}."
        )
    if found.kind == "dtype":
        return f"{name} has the wrong dtype: expected {expected.dtype}, yours is {got.dtype}."
    if found.kind == "zero":
        there = f"{got[found.where].item():.3g}"
        return (
            f"{name} must be exactly 0 at {list(found.where)}, and yours is {there}. Even so small "
            "a number lets through a little of what is to be left out."
        )
    if found.kind == "nan":
        belongs = _number(expected[found.where])
        return f"{name} holds {got[found.where].item()} at {list(found.where)}, not {belongs}."
    return f"{name}: not what is expected, and none of the usual slips explains it."


def kind(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple):
        inside = {type(item).__name__ for item in value}
        return f"a {type(value).__name__}" + (
            f" of {' and '.join(sorted(inside))}" if inside else ""
        )
    return {int: "a whole number", float: "a float"}.get(
        type(value), f"of type {type(value).__name__}"
    )


def _symbols(
    shape: Sequence[int],
    expected: Sequence[str],
    returns: Mapping[str, str],
    sizes: Mapping[str, int],
) -> list[str] | None:
    """Return the symbols of a shape, None unless each of its sizes stands for one symbol only.

    An axis of size 1 may come from anywhere, so it has a name only where it is expected.
    """
    meaning: dict[int, set[str]] = {}
    symbols = {s for shape_text in returns.values() for s in shape_text.split()} | set(sizes)
    for symbol in symbols:
        meaning.setdefault(_size(symbol, sizes), set()).add(symbol)
    found = []
    for axis, size in enumerate(shape):
        there = expected[axis] if axis < len(expected) else ""
        if size == 1:
            found.append(there if there and _size(there, sizes) == 1 else "1")
        elif len(meaning.get(size, ())) == 1:
            found.append(min(meaning[size]))
        else:
            return None
    return found


def _size(symbol: str, sizes: Mapping[str, int]) -> int:
    return sum(sizes[s] for s in symbol.split("+"))


def _shape(symbols: Sequence[str] | None, shape: Sequence[int]) -> str:
    numbers_text = f"({', '.join(map(str, shape))})"
    if not shape:
        return "() (one number)"
    return f"({', '.join(symbols)}) = {numbers_text}" if symbols else numbers_text


def _number(value: Any) -> str:
    value = value.item() if isinstance(value, torch.Tensor) else value
    if isinstance(value, float) and value == 0:
        return "0"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def show(value: Any) -> str:
    """Return a value in one line of text: its numbers if they are few, else the shape."""
    if isinstance(value, torch.Tensor):
        if value.numel() > _FEW:
            return f"tensor of shape {tuple(value.shape)}"
        return _nested(value.detach().tolist())
    if isinstance(value, tuple):
        return "(" + ", ".join(show(item) for item in value) + ")"
    if isinstance(value, int) and value.bit_length() > _BITS:
        return f"a whole number of about {value.bit_length() * math.log10(2):,.0f} digits"
    if isinstance(value, list | set | frozenset | str | numbers.Number):
        text = repr(sorted(value)) if isinstance(value, set | frozenset) else repr(value)
        return textwrap.shorten(text, 3 * WIDTH, placeholder=" ...")
    return kind(value)


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_nested(item) for item in value) + "]"
    return _number(value)


def show_argument(name: str, value: Any) -> str:
    """Return "name = value", indented; a tensor too long for one line has a line for each row."""
    line = f"  {name} = {show(value)}"
    rows = isinstance(value, torch.Tensor) and value.dim() > 1 and 0 < value.numel() <= _FEW
    if len(line) <= WIDTH or not rows:
        return wrap(line.strip(), "  ", "  ")
    first = f"  {name} = "
    text = _rows(value.detach(), max(len(_number(n)) for n in value.flatten()))
    lines = (first + text).replace("\n", "\n" + " " * len(first)).splitlines()
    return "\n".join(
        textwrap.fill(line, WIDTH, subsequent_indent=" " * (len(first) + value.dim()))
        for line in lines
    )


def _rows(value: torch.Tensor, width: int) -> str:
    """Return the numbers of a tensor, each row in a line, each number `width` characters wide."""
    if value.dim() == 1:
        return "[" + ", ".join(_number(number).rjust(width) for number in value) + "]"
    return "[" + ",\n".join(_rows(part, width) for part in value).replace("\n", "\n ") + "]"


def show_sizes(sizes: Mapping[str, int], given: Mapping[str, Any]) -> str:
    """Return sizes in one line, as "B=2, T=3" or, of an argument that is a list, in its words."""
    return ", ".join(
        f"{name} of {size} words" if isinstance(given.get(name), list) else f"{name}={size}"
        for name, size in sizes.items()
    )


def speaks_of_shapes(raised: Raised) -> bool:
    """Return whether an error is PyTorch's complaint that sizes do not fit."""
    spoken = re.search(r"\b(sizes?|shapes?|dimensions?)\b", raised.text, re.IGNORECASE)
    return bool(spoken) and raised.kind == "RuntimeError"


def show_both(
    expected: Any,
    got: Any,
    found: Difference | None,
    names: Sequence[str],
    labels: tuple[str, str] = ("expected", "got"),
) -> list[str]:
    """Return the lines "expected" and "got": whole if small, else where they differ most."""
    label = ""
    if found and found.part is not None:
        expected, got, label = expected[found.part], got[found.part], f" {names[found.part]}"
    many = isinstance(expected, torch.Tensor) and expected.numel() > _FEW_RESULTS
    if many and found and found.where:
        label += f" at {list(found.where)}"
        expected, got = expected[found.where], got[found.where]
    return [f"{labels[0]}{label}: {show(expected)}", f"{labels[1]}{label}: {show(got)}"]


def show_twice(first: Outcome, then: Outcome, names: Sequence[str]) -> list[str]:
    """Return the lines "first" and "then" for two calls that should have done the same."""
    if any(outcome.raised or outcome.misstep for outcome in (first, then)):
        return [f"first: {_done(first)}", f"then: {_done(then)}"]
    found = difference(first.value, then.value)
    return show_both(first.value, then.value, found, names, ("first", "then")) if found else []


def _done(outcome: Outcome) -> str:
    if outcome.raised:
        return f"{outcome.raised.kind}: {outcome.raised.text}"
    return outcome.misstep or show(outcome.value)


def show_printed(outcome: Outcome) -> str:
    """Return what a call printed, as lines to add to a message: the first six, '' if none."""
    lines = outcome.printed.splitlines()
    if not lines:
        return ""
    more = [f"  ({len(lines) - _FEW_LINES} more lines)"] if len(lines) > _FEW_LINES else []
    first = [f"  {line[:86]}" for line in lines[:_FEW_LINES]]
    return "\n".join(["\nWhat it printed there:", *first, *more])


def wrap(text: str, indent: str = "", hang: str = "") -> str:
    """Return `text` broken into lines of at most 88 characters; its own line breaks stay.

    indent: put before each line. hang: put after it, on the lines that continue another.
    """
    return "\n".join(
        textwrap.fill(line, WIDTH, initial_indent=indent, subsequent_indent=indent + hang)
        for line in text.splitlines()
    )
