"""The exercises: a package for each notebook, and `REGISTRY` from "nb04.additive_scores" to each.

In a notebook: `from helpers.exercises import nb04 as ex`, then
`additive_scores = ex.additive_scores.check(additive_scores)`.
"""

from __future__ import annotations

from helpers.exercises import (
    nb00,
    nb01,
    nb02,
    nb03,
    nb04,
    nb05,
    nb06,
    nb07,
    nb08,
    nb09,
    nb10,
    nb11,
    nb12,
    nb13,
)
from helpers.exercises.engine import CORRECT, SLOW, Exercise

REGISTRY: dict[str, Exercise] = {
    exercise.name: exercise
    for module in (
        nb00,
        nb01,
        nb02,
        nb03,
        nb04,
        nb05,
        nb06,
        nb07,
        nb08,
        nb09,
        nb10,
        nb11,
        nb12,
        nb13,
    )
    for exercise in module.EXERCISES
}


def progress() -> None:
    """Print which exercises were solved since the kernel was started, one a line."""
    print(f"{'exercise':<24}{'':<7}{'difficulty':<12}{'minutes':<9}so far")
    for name, exercise in REGISTRY.items():
        mark = "✓ " if exercise.status in (CORRECT, SLOW) else ""
        core = "core" if exercise.core else ""
        level = f"{exercise.difficulty} of 5"
        print(f"{name:<24}{core:<7}{level:<12}{exercise.minutes:<9}{mark}{exercise.status or '-'}")
    solved = sum(exercise.status in (CORRECT, SLOW) for exercise in REGISTRY.values())
    print(f"{solved} of {len(REGISTRY)} solved")
