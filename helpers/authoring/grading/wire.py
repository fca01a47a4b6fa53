"""Values as text between the process of an answer and the judge, who trusts nothing that comes.

Pickle would let an answer run code in the judge's process. So a message is JSON, and holds nothing
but numbers, text, tensors and what is built of them. All else arrives as the name of its type.
"""

from __future__ import annotations

import base64
import json
import math
from inspect import Parameter, Signature
from typing import Any

import torch
from torch import Tensor

from helpers.exercises.running import Outcome, Raised

LARGEST = 1 << 26  # bytes of one message: the largest result of the course takes a hundredth of it
_DTYPES = {
    str(dtype): dtype
    for dtype in vars(torch).values()
    if isinstance(dtype, torch.dtype) and not dtype.is_complex
}
_PLAIN = (bool, str, type(None))
_LISTS = {"list": list, "tuple": tuple, "set": set}


class BadMessage(ValueError):
    """What came from the process of an answer is no message of `wire`."""


class _Omitted:
    """Stands for the default of a parameter; it shows what the learner's own default shows."""

    def __init__(self, shown: str) -> None:
        self.shown = shown

    def __repr__(self) -> str:
        return self.shown


def dumps(value: Any) -> bytes:
    """Return a value, an Outcome or a Signature among them, as bytes."""
    return json.dumps(_packed(value)).encode()


def loads(message: bytes) -> Any:
    """Return the value in a message. Raises BadMessage, and nothing else, for any other bytes."""
    try:
        return _unpacked(json.loads(message))
    except Exception as error:  # whatever the bytes are, the judge goes on
        raise BadMessage(f"not a message: {type(error).__name__}") from error


def _packed(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Outcome):
        return {"outcome": {name: _packed(part) for name, part in vars(value).items()}}
    if isinstance(value, Raised):
        return {"raised": {name: _packed(part) for name, part in vars(value).items()}}
    if isinstance(value, Signature):
        return {"signature": [_parameter(one) for one in value.parameters.values()]}
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, tuple):
        return {"tuple": [_packed(item) for item in value]}
    if isinstance(value, list):
        return {"list": [_packed(item) for item in value]}
    if isinstance(value, set | frozenset):
        return {"set": [_packed(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_packed(key), _packed(item)] for key, item in value.items()]}
    if value is ...:
        return {"ellipsis": True}
    try:
        return {"int": hex(value.__index__())}  # NumPy's whole numbers too, and of any length
    except (AttributeError, TypeError):
        return {"other": type(value).__name__}


def _parameter(one: Parameter) -> list[Any]:
    default = None if one.default is Parameter.empty else repr(one.default)[:80]
    return [one.name, int(one.kind), default]


def _tensor(value: Tensor) -> dict[str, Any]:
    dense = value.layout == torch.strided and not value.is_quantized and not value.is_meta
    if not dense or str(value.dtype) not in _DTYPES:
        return {"other": type(value).__name__}
    flat = value.detach().cpu().resolve_neg().contiguous().reshape(-1)
    data = base64.b64encode(flat.view(torch.uint8).numpy().tobytes()).decode()
    return {"tensor": [str(value.dtype), list(value.shape), data]}


def _unpacked(value: Any) -> Any:
    if isinstance(value, (*_PLAIN, float)):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise BadMessage(f"a {type(value).__name__} where a value should be")
    [(kind, inside)] = value.items()
    if kind in _LISTS:
        return _LISTS[kind](_unpacked(item) for item in inside)
    if kind == "dict":
        return {_unpacked(key): _unpacked(item) for key, item in inside}
    if kind == "int":
        return int(inside, 16)
    if kind == "ellipsis":
        return ...
    if kind == "tensor":
        return _as_tensor(*inside)
    if kind == "signature":
        return Signature([_as_parameter(*one) for one in inside])
    if kind == "outcome":
        return _as_outcome({name: _unpacked(part) for name, part in inside.items()})
    if kind == "raised":
        return _as_raised({name: _unpacked(part) for name, part in inside.items()})
    return type(str(value["other"]), (), {})()


def _as_tensor(dtype: str, shape: list[int], data: str) -> Tensor:
    raw = bytearray(base64.b64decode(data, validate=True))
    if not all(type(size) is int and size >= 0 for size in shape):
        raise BadMessage(f"a tensor of shape {shape}")
    kind = _DTYPES[dtype]
    if math.prod(shape) * kind.itemsize != len(raw):
        raise BadMessage(f"{len(raw)} bytes for a tensor of shape {shape} and {dtype}")
    return (
        torch.frombuffer(raw, dtype=kind).reshape(shape) if raw else torch.empty(shape, dtype=kind)
    )


def _as_parameter(name: str, kind: int, default: str | None) -> Parameter:
    shown = Parameter.empty if default is None else _Omitted(default)
    return Parameter(name, list(type(Parameter.POSITIONAL_ONLY))[kind], default=shown)


def _as_raised(parts: dict[str, Any]) -> Raised:
    raised = Raised(**parts)
    _expect(isinstance(raised.kind, str) and isinstance(raised.text, str))
    _expect(raised.line is None or type(raised.line) is int)
    _expect(isinstance(raised.code, str) and type(raised.stub) is bool)
    return raised


def _as_outcome(parts: dict[str, Any]) -> Outcome:
    outcome = Outcome(**parts)
    _expect(outcome.raised is None or isinstance(outcome.raised, Raised))
    _expect(isinstance(outcome.misstep, str) and isinstance(outcome.printed, str))
    _expect(type(outcome.late) is bool and type(outcome.detached) is bool)
    _expect(isinstance(outcome.mutated, tuple) and isinstance(outcome.gradients, dict))
    _expect(all(isinstance(name, str) for name in outcome.mutated))
    _expect(all(g is None or isinstance(g, Tensor) for g in outcome.gradients.values()))
    return outcome


def _expect(holds: bool) -> None:
    if not holds:
        raise BadMessage("an outcome with a part of another type")
