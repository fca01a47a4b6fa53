"""Put back what a learner's function changes in Python, NumPy and torch.

An exercise asks for a result. A function that also sets another default dtype, patches
`torch.softmax` or leaves another folder may do so, because it does not reach the next call, the
expected results or the rest of the notebook.
"""

from __future__ import annotations

import builtins
import contextlib
import math
import operator
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch._tensor_str import get_printoptions


class _Setting(NamedTuple):
    read: Callable[[], Any]
    write: Callable[[Any], Any]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return None


def _go_to(folder: str | None) -> None:
    if folder is not None:
        with contextlib.suppress(OSError):
            os.chdir(folder)


def _set_variables(variables: dict[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def default_device() -> torch.device:
    """Return where torch puts a new tensor; PyTorch 2.6 cannot say it once it was set and unset."""
    with contextlib.suppress(AttributeError):
        return torch.get_default_device()
    return torch.device("cpu")


def _set_device(device: torch.device) -> None:
    # None stands for the usual device. Naming it would go on slowing every call of torch down.
    torch.set_default_device(None if device.type == "cpu" else device)


_SETTINGS = (
    _Setting(torch.get_default_dtype, torch.set_default_dtype),
    _Setting(default_device, _set_device),
    _Setting(torch.is_grad_enabled, torch.set_grad_enabled),
    _Setting(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    _Setting(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    _Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    _Setting(torch.get_num_threads, torch.set_num_threads),
    _Setting(
        lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on)
    ),
    _Setting(get_printoptions, lambda options: torch.set_printoptions(**options)),
    _Setting(np.geterr, lambda modes: np.seterr(**modes)),
    _Setting(np.get_printoptions, lambda options: np.set_printoptions(**options)),
    _Setting(sys.getrecursionlimit, sys.setrecursionlimit),
    _Setting(lambda: dict(os.environ), _set_variables),
    _Setting(_folder, _go_to),
)

# The generators' states cannot be compared with ==, so they are always written.
_GENERATORS = (
    _Setting(random.getstate, random.setstate),
    _Setting(np.random.get_state, np.random.set_state),
    _Setting(torch.get_rng_state, torch.set_rng_state),
)

_PATCHED = (
    *(builtins, math, random, np, torch, torch.linalg, torch.nn, torch.nn.functional),
    *(torch.Tensor, torch.nn.Module, torch.nn.Linear, torch.nn.Embedding),
)


@contextlib.contextmanager
def restored(generators: bool = True) -> Iterator[None]:
    """Put back, after the block, whatever it changed in Python, NumPy and torch.

    generators: whether these are put back too, which takes half of the time.

    These are the default dtype and device, print options, error modes, the recursion limit,
    gradients, determinism, the number of threads, the generators, warning filters, environment
    variables, the current folder, standard error, and functions put in place of torch's, NumPy's or
    Python's own.
    """
    settings = [(setting, setting.read()) for setting in _SETTINGS]
    drawn = [(setting, setting.read()) for setting in _GENERATORS] if generators else []
    cuda = torch.cuda.get_rng_state_all() if generators and torch.cuda.is_initialized() else None
    names = [(owner, dict(vars(owner))) for owner in _PATCHED]
    errors = sys.stderr
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for owner, before in names:  # first, because the settings are written with these functions
            _unpatch(owner, before)
        for setting, before in settings:
            if setting.read() != before:
                setting.write(before)
        for setting, before in drawn:
            setting.write(before)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        sys.stderr = errors


def _unpatch(owner: Any, before: dict[str, Any]) -> None:
    now = vars(owner)
    if len(now) == len(before) and all(map(operator.is_, now.values(), before.values())):
        return  # as nearly always, and looking at each name takes a hundred times as long
    for name, value in before.items():
        if now.get(name, now) is not value:  # no name holds the namespace itself
            setattr(owner, name, value)
    if isinstance(owner, type):  # a new name would hide an inherited one
        for name in now.keys() - before.keys():
            delattr(owner, name)
