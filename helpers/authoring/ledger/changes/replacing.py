"""Put one thing in the place of another, wherever the course holds it."""

from __future__ import annotations

import sys
from typing import Any

from helpers.exercises import REGISTRY


def replace(old: Any, new: Any) -> None:
    """Put `new` in the place of `old` in all modules of the course that are loaded by now.

    A module that is loaded later imports `new` too, because the module that defines it is loaded.
    """
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "helpers" and not name.startswith("helpers.authoring.ledger"):
            for key, value in list(vars(module).items()):
                if value is old:
                    setattr(module, key, new)


def give(exercise: str, answer: Any) -> None:
    """Let the check of an exercise hand back `answer`, whatever it is given."""
    REGISTRY[exercise].check = lambda function: answer  # type: ignore[method-assign]


def wrong(exercise: str, name: str) -> None:
    """Let a known wrong answer to an exercise take the place of the course's own."""
    found = next(wrong for wrong in REGISTRY[exercise].wrong_answers if wrong.name == name)
    give(exercise, found.function)
