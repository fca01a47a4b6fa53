"""The order of the tests: two workers take one file each, so the longest file has to come first."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != "test_notebooks.py")
