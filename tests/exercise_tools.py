"""What the tests of the exercises share."""

from __future__ import annotations

import math
import sys
from collections import Counter
from importlib import import_module

import torch


def define(exercise, text):
    """Run the text of a cell with the names a notebook has, and return the exercise's function.

    A whole is built of the answers to the notebook's other exercises and of what the notebook has
    imported, so both are there for it.
    """
    names = {"torch": torch, "math": math, "Counter": Counter}
    if exercise.whole:
        module = import_module(f"helpers.exercises.{exercise.name.partition('.')[0]}")
        names |= vars(sys.modules[exercise.reference.__module__])
        names |= {e.short_name: e.reference for e in module.EXERCISES if not e.whole}
    exec(text, names)
    return names[exercise.short_name]


def unwrapped(text):
    """Return `text` in one line, so that a message is found however it was wrapped."""
    return " ".join(text.split())
