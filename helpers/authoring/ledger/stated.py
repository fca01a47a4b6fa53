"""What claims a notebook states, read from its code without executing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nbformat import NotebookNode


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

    def band(self, printed: list[float | None]) -> list[float | None]:
        """Return the band of a run that printed another one, by the numbers that stand here now."""
        own = (self.low, self.high)
        return [old if new is None else new for old, new in zip(printed, own, strict=True)]


def claims_in(notebook: NotebookNode) -> list[Stated]:
    """Return the claims of a notebook in their order."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    found = [stated for source in cells if "claim(" in source for stated in _claims_of(source)]
    kinds = kinds_of(stated.parts[0] for stated in found)
    return [one._replace(kind=kind) for one, kind in zip(found, kinds, strict=True)]


def without_bounds(source: str) -> str:
    """Return a cell with "..." in place of each bound that is a number.

    No value depends on these, so a claim that is stated with another one needs no new run.
    """
    if "claim(" not in source:
        return source
    lines = [line.encode() for line in source.split("\n")]  # as the tree counts its columns
    bounds = [
        word.value
        for call in _calls(ast.parse(source))
        for word in call.keywords
        if word.arg in ("above", "below") and _number(word.value) is not None
    ]
    for node in sorted(bounds, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + b"..." + line[node.end_col_offset :]
    return b"\n".join(lines).decode()


def kinds_of(statements: Iterable[str]) -> list[str]:
    """Return for the statements of a notebook, in their order, "recorded" or "live" each.

    A claim that reads only a record says so. "the same ..." speaks of what the claim before read.
    """
    kinds: list[str] = []
    for statement in statements:
        if not (kinds and statement.startswith("the same")):
            kinds.append("recorded" if statement.startswith("recorded") else "live")
        else:
            kinds.append(kinds[-1])
    return kinds


def _calls(tree: ast.AST) -> list[ast.Call]:
    """Return the calls of `claim` in their order."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "claim"
    ]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _claims_of(source: str) -> Iterator[Stated]:
    tree = ast.parse(source)
    texts = {  # a long statement may have a line and a name of its own
        name.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for name in node.targets
        if isinstance(name, ast.Name)
    }
    for call in _calls(tree):
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
