"""The order of the tests: two workers take one file each, so the longest files come first."""

from __future__ import annotations

import pytest

# By the seconds that they take: one is as long as several notebooks, and those after the notebooks
# are longer than any other file. What takes seconds comes last, so both workers end together.
BEFORE_NOTEBOOKS = ("test_notebooks.py",)
AFTER_NOTEBOOKS = (
    "test_exercises.py",
    "test_bootstrap.py",
    "test_exercise_engine.py",
    "test_grammar.py",
    "test_grading.py",
    "test_exercise_slips.py",
    "test_editions.py",
    "test_pretrained.py",
    "test_authoring.py",
    "test_real_translation.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: turn_of(item.path.name))


def turn_of(name: str) -> int:
    """Return when the file of this name is started: the lower, the earlier."""
    order = (*BEFORE_NOTEBOOKS, "a notebook", *AFTER_NOTEBOOKS, "another file")
    kind = "a notebook" if name.endswith(".ipynb") else "another file"
    return order.index(name if name in order else kind)
