"""The exercises: a package for each notebook, and `REGISTRY` from "nb04.additive_scores" to each.

engine       what an exercise is, and how an answer is judged
running      call an answer without being hurt by it
restoring    put back what an answer changes in torch, NumPy and Python
steps        count Python's steps, which shows a loop over the data
comparing    compare results, and say in plain words where they part
alterations  other arguments for which a wrong result would be right
patterns     what wrong results have in common, for slips that have no name
inputs       small random inputs for the checks
remembering  keep what was solved between kernels

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
    remembering,
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


def progress(forget: bool = False) -> None:
    """Print which exercises were solved, in this kernel or in an earlier one, one a line.

    forget: delete what is kept of earlier kernels, and begin anew in this one too. Where it is
    kept, and how to have it elsewhere or not at all, says `helpers.exercises.remembering`.
    """
    if forget:
        remembering.forget()
        for exercise in REGISTRY.values():
            exercise.status = ""
    earlier = remembering.solved()
    wide = max(map(len, REGISTRY)) + 2
    print(f"{'exercise':<{wide}}{'':<7}{'difficulty':<12}{'minutes':<9}so far")
    solved = 0
    for name, exercise in REGISTRY.items():
        said = exercise.status or "-"
        if exercise.status in (CORRECT, SLOW):
            said = f"✓ {said}"
        elif earlier.get(name) in (CORRECT, SLOW):
            said = f"✓ {earlier[name]} (earlier)"
        solved += said.startswith("✓")
        core, level = "core" if exercise.core else "", f"{exercise.difficulty} of 5"
        print(f"{name:<{wide}}{core:<7}{level:<12}{exercise.minutes:<9}{said}")
    print(f"{solved} of {len(REGISTRY)} solved")
    if earlier:
        print(f"Kept in {remembering.file()}; progress(forget=True) deletes it.")
