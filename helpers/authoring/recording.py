"""Make the long runs of a notebook and store what they gave: `python -m helpers measure NN`."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import torch

import helpers
from helpers.authoring import Refused
from helpers.results import RESULTS, results_path
from helpers.settings import DEVICE, ROOT

PACKAGE = "helpers.authoring.measurements"
OURS = ("notebook", "seeds", "seconds", "device", "threads", "versions")


class RecordingRefused(Refused):
    """A measurement cannot be made or stored; the message says why."""


def find_measurement(number: str) -> Callable[[list[int]], dict[str, Any]]:
    """Return `measure(seeds) -> dict` of notebook `number`, such as "04" or "4".

    Raises RecordingRefused, listing the measurements there are, if there is none.
    """
    name = f"nb{number.zfill(2)}"
    there = _measurements()
    if name not in there:
        numbers = ", ".join(found.removeprefix("nb") for found in there) or "none"
        raise RecordingRefused(f"There is no measurement {name}; there are: {numbers}")
    module: ModuleType = import_module(f"{PACKAGE}.{name}")
    return module.measure


def record(
    number: str,
    measure: Callable[[list[int]], dict[str, Any]],
    seeds: Sequence[int],
    folder: Path = RESULTS,
) -> Path:
    """Run `measure(seeds)` and store what it returns, with how it was made; return the path.

    The dict must hold "settings", all that tells this run from another, and only what JSON can
    hold; NaN, infinity and paths of this machine are refused. A run that fails leaves the
    recording that was there before as it was.
    """
    path = results_path(number.zfill(2), folder)
    start = time.perf_counter()
    measured = measure(list(seeds))
    seconds = round(time.perf_counter() - start, 1)
    if not isinstance(measured, dict) or not isinstance(measured.get("settings"), dict):
        raise RecordingRefused('measure() must return a dict with a dict under the key "settings"')
    if taken := sorted(set(OURS) & set(measured)):
        raise RecordingRefused(f"measure() must leave these keys to the recorder: {taken}")
    recording = {
        "notebook": number.zfill(2),
        "seeds": list(seeds),
        "seconds": seconds,
        "device": DEVICE.type,
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "attention-measured": helpers.__version__,
            # "2.13.0+cpu" is where a build came from, not another version.
            "torch": torch.__version__.split("+")[0],
            "numpy": version("numpy"),
        },
        **measured,
    }
    try:
        text = json.dumps(recording, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise RecordingRefused(f"the results of notebook {number} are not JSON: {error}") from error
    for private in (str(ROOT), str(Path.home()), platform.node()):
        if len(private) > 3 and private in text:
            raise RecordingRefused(f"the results name this machine: {private!r}; leave that out")
    folder.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_text(text, encoding="utf-8", newline="\n")
    os.replace(scratch, path)
    return path


def _measurements() -> list[str]:
    try:
        package = import_module(PACKAGE)
    except ModuleNotFoundError:
        return []
    return sorted(module.name for module in iter_modules(package.__path__))
