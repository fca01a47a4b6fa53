"""A diagram held against the model that it draws: shapes, and who depends on whom."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from helpers.figures.diagrams.spec import Diagram


def faults(diagram: Diagram, tensors: Mapping[str, Tensor], sizes: Mapping[str, int]) -> list[str]:
    """Return what a diagram says wrongly of a computation, in words; nothing if it is right.

    tensors: for each bound box its tensor, from one pass with gradients, all parts of one graph.
    sizes: what the words in `Box.shape` stand for, all different, such as {"hidden": 5}.
    A box must have the shape that it states, and box B can be reached from A by arrows if and only
    if the gradient of B by A is not zero. Choices (argmax) carry no gradient and no way.
    """
    bound = [box for box in diagram.boxes if box.bound]
    missing = [box.name for box in bound if box.name not in tensors]
    extra = sorted(set(tensors) - {box.name for box in bound})
    found = [f"no tensor for box {name}" for name in missing]
    found += [f"a tensor for {name}, which is no bound box" for name in extra]
    for box in bound:
        if box.name in tensors and (wrong := _shape_fault(box.shape, tensors[box.name], sizes)):
            found.append(f"{box.name}: {wrong}")
    ways = diagram.reachable()
    there = [box.name for box in bound if box.name in tensors]
    for end in there:
        others = [name for name in there if name != end]
        for start, flows in zip(others, _flows(tensors, others, end), strict=True):
            if flows and (start, end) not in ways:
                found.append(f"{end} depends on {start}, and no arrow leads there")
            if (start, end) in ways and not flows:
                found.append(f"arrows lead from {start} to {end}, which does not depend on it")
    return found


def _shape_fault(stated: str, tensor: Tensor, sizes: Mapping[str, int]) -> str:
    symbols = [part.strip() for part in stated.split(",") if part.strip()]
    unknown = [s for s in symbols if not s.isdecimal() and any(p not in sizes for p in _parts(s))]
    if unknown:
        return f"states the shape ({stated}), and no size is given for {unknown}"
    wanted = tuple(int(s) if s.isdecimal() else sum(sizes[p] for p in _parts(s)) for s in symbols)
    if tuple(tensor.shape) != wanted:
        return f"states the shape ({stated}) = {wanted}, its tensor has {tuple(tensor.shape)}"
    return ""


def _parts(symbol: str) -> list[str]:
    return [part.strip() for part in symbol.split("+")]


def _flows(tensors: Mapping[str, Tensor], starts: list[str], end: str) -> list[bool]:
    """Return for each start whether the gradient of `end` by it has a number other than zero."""
    target = tensors[end]
    if not target.requires_grad or target.grad_fn is None or not starts:
        return [False] * len(starts)
    # A random direction: a plain sum of a softmax, for example, never changes.
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(target.shape, generator=generator, dtype=torch.float64)
    given = [tensors[name] for name in starts]
    able = [tensor for tensor in given if tensor.requires_grad]
    grads = iter(
        torch.autograd.grad(
            (target.double() * direction).sum(), able, retain_graph=True, allow_unused=True
        )
    )
    found = []
    for tensor in given:
        gradient = next(grads) if tensor.requires_grad else None
        found.append(gradient is not None and bool((gradient != 0).any()))
    return found
