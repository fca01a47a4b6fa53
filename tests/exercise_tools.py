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


def edited(exercise, *edits):
    """Return the course's answer with some of its text exchanged, as a learner's cell defines it.

    edits: (old, new) pairs; each old text must be there.
    """
    text = exercise.source
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return define(exercise, text)


def with_forward(exercise, *lines):
    """Return the class of a stub, its one open method filled with these lines."""
    indent = " " * 8
    body = "".join(f"{indent}{line}\n" for line in lines)
    untouched = f'{indent}raise NotImplementedError("your turn")\n'
    assert exercise.stub.count(untouched) == 1
    return define(exercise, exercise.stub.replace(untouched, body))


def unwrapped(text):
    """Return `text` in one line, so that a message is found however it was wrapped."""
    return " ".join(text.split())
