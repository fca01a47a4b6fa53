"""The exercises: a package for each notebook, and `REGISTRY` from "nb04.additive_scores" to each.

engine       what an exercise is, and how an answer is judged
running      call an answer without being hurt by it
restoring    put back what an answer changes in torch, NumPy and Python
steps        count Python's steps, which shows a loop over the data
comparing    compare results, and say in plain words where they part
alterations  other arguments for which a wrong result would be right
edits        what a learner may write instead at one place of a program
slips        programs that are one slip away from another, with words for the slip
trying       call many changed programs, and look quickly what they return
explaining   which slip in the course's answer gives a learner's results
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
    """Print how many exercises of each notebook are solved, and which were checked and are not.

    forget: delete what is kept of earlier kernels, and begin anew in this one too. Where it is
    kept, and how to have it elsewhere or not at all, says `helpers.exercises.remembering`.
    """
    if forget:
        remembering.forget()
        for exercise in REGISTRY.values():
            exercise.status = ""
    earlier = remembering.solved()
    done = {
        name: exercise.status in (CORRECT, SLOW) or earlier.get(name) in (CORRECT, SLOW)
        for name, exercise in REGISTRY.items()
    }
    core = {name for name, exercise in REGISTRY.items() if exercise.core}
    print("notebook   core solved   all solved")
    for notebook in dict.fromkeys(name.partition(".")[0] for name in REGISTRY):
        names = {name for name in REGISTRY if name.startswith(f"{notebook}.")}
        print(f"{notebook[2:]:<11}{_solved(names & core, done):<14}{_solved(names, done)}")
    print(f"{'together':<11}{_solved(core, done):<14}{_solved(set(REGISTRY), done)}")
    open_ones = {n: e.status for n, e in REGISTRY.items() if e.status and not done[n]}
    if open_ones:
        print("Checked in this kernel, and not solved yet:")
    for name, status in open_ones.items():
        print(f"  {name} ({status})")
    if earlier:
        print(f"Kept in {remembering.file()}; progress(forget=True) deletes it.")


def _solved(names: set[str], done: dict[str, bool]) -> str:
    return f"{sum(done[name] for name in names)} of {len(names)}"
