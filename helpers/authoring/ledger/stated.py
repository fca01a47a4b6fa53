"""What claims a notebook states, read from its code without executing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from nbformat import NotebookNode

from helpers.authoring.ledger.rows import kinds_of


class Stated(NamedTuple):
    """A claim as it stands in a cell: its id, its statement, and those bounds that are numbers.

    parts: the statement, cut where the run fills something in; one part if it is plain words.
    low, high: None where there is no such bound, or where the run gives it.
    given: which of "above" and "below" the claim has. kind: "recorded" or "live".
    """

    claim: str
    parts: tuple[str, ...]
    low: float | None
    high: float | None
    given: frozenset[str]
    kind: str = "live"

    def fits(self, statement: str) -> bool:
        """Return whether a run that this claim was stated by can have printed `statement`."""
        return re.fullmatch(".*".join(map(re.escape, self.parts)), statement) is not None


def claims_in(notebook: NotebookNode) -> list[Stated]:
    """Return the claims of a notebook in their order."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    found = [stated for source in cells if "claim(" in source for stated in _claims_of(source)]
    kinds = kinds_of(stated.parts[0] for stated in found)
    return [one._replace(kind=kind) for one, kind in zip(found, kinds, strict=True)]


def _claims_of(source: str) -> Iterator[Stated]:
    nodes = list(ast.walk(ast.parse(source)))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    texts = {  # a long statement may have a line and a name of its own
        name.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for name in node.targets
        if isinstance(name, ast.Name)
    }
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(call.func, ast.Name) and call.func.id == "claim":
            bounds = {word.arg: word.value for word in call.keywords if word.arg}
            low, high = (_number(bounds.get(name)) for name in ("above", "below"))
            given = frozenset(bounds) & {"above", "below"}
            words = call.args[1]
            words = texts[words.id] if isinstance(words, ast.Name) else words
            yield Stated(ast.literal_eval(call.args[0]), _parts(words), low, high, given)


def _parts(node: ast.expr) -> tuple[str, ...]:
    if not isinstance(node, ast.JoinedStr):
        return (ast.literal_eval(node),)
    parts = [""]
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts[-1] += part.value
        else:
            parts.append("")
    return tuple(parts)


def _number(node: ast.expr | None) -> float | None:
    try:
        return None if node is None else float(ast.literal_eval(node))
    except ValueError:  # a name or a sum, which the run gives
        return None
