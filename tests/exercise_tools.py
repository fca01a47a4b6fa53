"""What the tests of the exercises share."""

from __future__ import annotations

import math
from collections import Counter

import torch


def define(exercise, text):
    """Run the text of a cell with the names a notebook has, and return the exercise's function."""
    names = {"torch": torch, "math": math, "Counter": Counter}
    exec(text, names)
    return names[exercise.short_name]


def unwrapped(text):
    """Return `text` in one line, so that a message is found however it was wrapped."""
    return " ".join(text.split())
