"""What exercises need in which a whole is built: a class with the course's parameters.

`whole` is the frame of them all. `build` makes the learner's class and gives it the parameters that
the course's class has in this check, by name; `with_gradients` adds the gradients of all of them to
what it returned. So a whole is compared as a function is: by numbers.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from helpers.exercises.comparing import kind
from helpers.exercises.inputs import Misstep, NotWritten
from helpers.exercises.steps import uncounted

_SEED = 2015  # the same parameters for everyone, at every check
_SPREAD = 0.5
_outputs_alone: list[bool] = []
_filled: weakref.WeakKeyDictionary[nn.Module, torch.dtype] = weakref.WeakKeyDictionary()


def whole(
    course: type[nn.Module],
    arranged: Callable[..., tuple[tuple, tuple]],
    names: Sequence[str],
) -> Callable[[Any], Callable[..., Any]]:
    """Return the `whole` of an exercise whose class is built, called once, and followed back.

    course: the course's class. arranged: from a case's arguments, those of the class and those of
    the module. names: of the module's outputs. Its numbers are of the type of the case's first
    tensor of floats.
    """

    def of_answer(answer: Any) -> Callable[..., Any]:
        def outputs_and_gradients(*case: Any) -> Any:
            sizes, given = arranged(*case)
            types = (x.dtype for x in case if isinstance(x, Tensor) and x.is_floating_point())
            module = build(answer, course, *sizes, dtype=next(types, torch.float32))
            return with_gradients(module, module(*given), names)

        outputs_and_gradients.__signature__ = inspect.signature(arranged)  # type: ignore[attr-defined]
        return outputs_and_gradients

    return of_answer


def with_parts(slips: type[nn.Module], **parts: Any) -> type[nn.Module]:
    """Return a class with some of the attributes that say which slips it has exchanged."""
    return type(slips.__name__, (slips,), parts)


def changed(
    course: type[nn.Module], names: Mapping[str, Any], *pairs: tuple[str, str]
) -> type[nn.Module]:
    """Return the course's class with pieces of its text exchanged, as a learner might write it.

    names: what the class reads. Raises ValueError if a piece does not stand there exactly once.
    """
    text = _text_of(course)
    for old, new in pairs:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} stands {text.count(old)} times in the answer, expected once")
        text = text.replace(old, new)
    found = dict(names)
    exec(text, found)
    made = found[course.__name__]
    made._again = functools.partial(changed, course, names)
    made._pairs = pairs
    return made


@functools.cache
def _text_of(course: type) -> str:
    """Return the text of a class; kept, because Python looks through the whole file for it."""
    return inspect.getsource(course)


def parted(make: Callable[..., Any]) -> Callable[..., Any]:
    """Let what `make` makes of parts that are exchanged be put together with others, by `both`."""

    @functools.wraps(make)
    def made(**parts: Any) -> Any:
        function = make(**parts)
        function._again, function._parts = made, parts
        return function

    return made


def both(one: Any, other: Any) -> Any:
    """Return an answer with the slips of two, None if they cannot be put together.

    They can if `changed` has made both of one text, `with_parts` both of one class, or a function
    that is `parted` both of them, and if they do not change the same piece.
    """
    if hasattr(one, "_pairs") and hasattr(other, "_pairs"):
        try:
            return one._again(*one._pairs, *other._pairs)
        except ValueError:  # they change the same piece
            return None
    if hasattr(one, "_parts") and hasattr(other, "_parts"):
        again = one._again if one._again is other._again else None
        return again and _with_both(again, one._parts, other._parts)
    if not isinstance(one, type) or not isinstance(other, type) or one.__bases__ != other.__bases__:
        return None
    parts, more = ({k: v for k, v in vars(x).items() if k[:2] != "__"} for x in (one, other))
    if "forward" in {*parts, *more}:
        return None
    return _with_both(functools.partial(with_parts, one.__bases__[0]), parts, more)


def _with_both(make: Callable[..., Any], parts: Mapping[str, Any], more: Mapping[str, Any]) -> Any:
    return None if parts.keys() & more.keys() or not parts or not more else make(**parts, **more)


class Instances:
    """Makes instances of classes that have the course's parameters, one for all of each size.

    To make a large module and to fill it takes longer than to call it. So classes that have the
    course's own __init__ take turns in one instance; others have their own.
    """

    def __init__(self, course: type) -> None:
        self.course = course
        self._made: dict[tuple, Any] = {}

    def make(self, own: type, *sizes: Any) -> Any:
        """Return own(*sizes), or the course's instance of these sizes with the methods of `own`."""
        if own.__init__.__code__.co_code != self.course.__init__.__code__.co_code:
            return own(*sizes)
        if sizes not in self._made:
            self._made[sizes] = self.course(*sizes)
        instance = self._made[sizes]
        instance.__class__ = own
        return instance

    def of(self, own: Any) -> Any:
        """Return what makes an instance of a class, anything else as it is."""
        return functools.partial(self.make, own) if isinstance(own, type) else own


def in_other_order(course: type[nn.Module]) -> type[nn.Module]:
    """Return the course's class with its outputs in the other order."""

    def forward(self: nn.Module, *given: Any, **also: Any) -> Any:
        return course.forward(self, *given, **also)[::-1]

    return type(course.__name__, (course,), {"forward": forward})


def build(
    answer: Any, course: type[nn.Module], *sizes: Any, dtype: torch.dtype = torch.float32
) -> nn.Module:
    """Return answer(*sizes) with random parameters, the same for each answer.

    A module that comes a second time has them already, so one that is kept is not filled again.

    course: the course's class; its parameters' names and shapes are those that are expected.
    Raises Misstep if those of the answer are others, or if it is no nn.Module, and NotWritten if
    its __init__ does nothing yet.
    """
    module = answer(*sizes)
    if not isinstance(module, nn.Module):
        raise Misstep(f"The class is no nn.Module, but {kind(module)}: write class ...(nn.Module).")
    if _filled.get(module) == dtype:
        return module
    if not vars(module):
        raise NotWritten("__init__ makes nothing so far.")
    with uncounted():
        shapes = _shapes_of_course(course, *sizes)
    own_shapes = _shapes(module)
    if own_shapes != shapes:
        raise Misstep(
            f"Expected the parameters {_listed(shapes)}; yours has {_listed(own_shapes)}. Give the "
            "layers in __init__ these names and sizes, so that the course's numbers can be put in."
        )
    fill(module)
    _filled[module] = dtype
    return module.to(dtype)


@functools.cache
def _shapes_of_course(course: type[nn.Module], *sizes: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the course's parameters; made once, because a large model takes long."""
    return _shapes(course(*sizes))


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}


def fill(module: nn.Module) -> None:
    """Give the module random parameters, the same for all modules with parameters of these names.

    They are drawn in the order of the names, because the order in which layers are made is free.
    """
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for _, parameter in sorted(module.named_parameters()):
            parameter.copy_(_SPREAD * torch.randn(parameter.shape, generator=generator))


def with_gradients(module: nn.Module, outputs: Any, names: Sequence[str]) -> Any:
    """Return the outputs, then the gradient of each parameter, in the order of their names.

    outputs: what the learner's code returned: a tensor, or as many tensors as there are `names`.
    None and ... are returned as they are, because then nothing was written yet. The gradients are
    those of a fixed random combination of all the numbers; a parameter without one gets zeros.
    Raises Misstep for other outputs, and where no gradient flows back at all.
    """
    parts = tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)
    if all(part is None or part is ... for part in parts):
        return outputs
    if _outputs_alone:
        return parts
    if len(parts) != len(names) or not all(isinstance(part, Tensor) for part in parts):
        wanted = f"{len(names)} tensors ({', '.join(names)})" if len(names) > 1 else names[0]
        raise Misstep(f"Expected {wanted}; yours returns {kind(outputs)}.")
    connected = [part for part in parts if part.requires_grad]
    if not connected:
        raise Misstep(
            "No gradient flows back from the result: was it made under torch.no_grad(), or with "
            ".item(), .detach(), .data or torch.tensor(...)?"
        )
    generator = torch.Generator().manual_seed(_SEED)
    total = sum((p * torch.randn(p.shape, generator=generator).to(p)).sum() for p in connected)
    parameters = [parameter for _, parameter in sorted(module.named_parameters())]
    found = torch.autograd.grad(total, parameters, allow_unused=True)
    gradients = (
        torch.zeros_like(parameter) if gradient is None else gradient
        for parameter, gradient in zip(parameters, found, strict=True)
    )
    return *parts, *gradients


@contextlib.contextmanager
def outputs_alone() -> Iterator[None]:
    """Inside, `with_gradients` adds no gradients: outputs that differ show a slip for less."""
    _outputs_alone.append(True)
    try:
        yield
    finally:
        _outputs_alone.pop()


def final_parameters(module: nn.Module) -> tuple[Tensor, ...]:
    """Return copies of the module's parameters, in the order of their names."""
    return tuple(p.detach().clone() for _, p in sorted(module.named_parameters()))


def as_losses(losses: Any) -> Any:
    """Return the list of losses that a training loop returned as a tensor (steps,).

    None and ... are returned as they are. Raises Misstep for anything but a list of numbers.
    """
    if losses is None or losses is ...:
        return losses
    if not isinstance(losses, list) or not all(isinstance(loss, float) for loss in losses):
        reason = f"Expected a list of floats, the loss of each step; yours is {kind(losses)}."
        if isinstance(losses, list) and any(isinstance(loss, Tensor) for loss in losses):
            reason += " A tensor keeps the whole graph of its step in memory: add loss.item()."
        raise Misstep(reason)
    return torch.tensor(losses, dtype=torch.float64)


def named(outputs: Mapping[str, str], parameters: Mapping[str, str], word: str) -> dict[str, str]:
    """Return the names of all results with their shapes in symbols, for `Exercise.returns`.

    word: what is returned of the parameters, as "gradient of". They are in the order of the names.
    """
    return {**outputs, **{f"{word} {name}": parameters[name] for name in sorted(parameters)}}


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in sorted(shapes.items())) or "none"
