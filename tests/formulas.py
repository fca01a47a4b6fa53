"""Read a formula as it stands in a notebook, and compute it with numbers.

Enough of LaTeX for this course: sums, products, fractions, roots, powers, functions of one or more
arguments, |sets|. Two things side by side are multiplied, as matrices if they are matrices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from helpers.authoring.notebooks import find_notebook, read_notebook

_SPACE = re.compile(
    r"\\[,;!: ]|\\q?quad|\\(?:left|right|big|Big|bigl|bigr)(?![a-z])|\\text\{[^}]*\}"
)
_TOKEN = re.compile(r"\\[A-Za-z]+|\d+(?:\.\d+)?|[A-Za-z]'?|[-+/^_(){}\[\],|=]")
_CLOSING = (")", "}", "]", ",", "+", "-", "/", "=", r"\odot", r"\cdot", r"\cap", "")


def formulas(number: str) -> Iterator[str]:
    """Yield the displayed formulas of a notebook."""
    for cell in read_notebook(find_notebook(number)).cells:
        if cell.cell_type == "markdown":
            yield from re.findall(r"\$\$(.+?)\$\$", cell.source, flags=re.DOTALL)


def equations(formula: str) -> Iterator[tuple[str, str]]:
    """Yield (left, right) of each equation of a formula, in its order."""
    plain = re.sub(r"\\begin\{aligned\}|\\end\{aligned\}|&", "", formula)
    for line in re.split(r"\\qquad|\\\\", plain):
        line = re.sub(r"\\quad\s*\\text\{.*", "", line)  # words that say when it holds
        left, equals, right = line.strip().rstrip(".,").partition("=")
        if equals:
            yield left.strip(), right.strip()


def compute(text: str, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression. names: what its letters and functions stand for.

    Raises KeyError for a name that is not given, ValueError for what cannot be read.
    """
    reader = _Reader(_TOKEN.findall(_SPACE.sub(" ", text)), names)
    value = reader.sum()
    if reader.next():
        raise ValueError(f"{text!r} cannot be read from {reader.next()!r} on")
    return value


class _Reader:
    def __init__(self, tokens: list[str], names: Mapping[str, Any]) -> None:
        self.tokens, self.names, self.place, self.bars = tokens, names, 0, 0

    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.next()
        if wanted and token != wanted:
            raise ValueError(f"expected {wanted!r}, found {token!r} in {' '.join(self.tokens)}")
        self.place += 1
        return token

    def sum(self) -> Any:
        value = -self.product() if self.next() == "-" and self.take() else self.product()
        while self.next() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> Any:
        value = self.power()
        while True:
            token = self.next()
            if token in (r"\odot", "/", r"\cap", r"\cdot"):
                self.take()
                other = self.power()
                if token == "/":
                    value = value / other
                elif token == r"\cap":
                    value = value & other
                else:
                    value = value * other if token == r"\odot" else _times(value, other)
            elif token in _CLOSING or (token == "|" and self.bars):
                return value
            else:
                value = _times(value, self.power())

    def power(self) -> Any:
        value = self.base()
        while self.next() == "^":
            self.take()
            if self.next() == r"\top":
                self.take()
                value = value.transpose(-2, -1)
            else:
                value = value ** (self.group() if self.next() == "{" else self.base())
        return value

    def group(self, opening: str = "{", closing: str = "}") -> Any:
        self.take(opening)
        value = self.sum()
        self.take(closing)
        return value

    def base(self) -> Any:
        token = self.next()
        if token in ("(", "{"):
            return self.group(token, {"(": ")", "{": "}"}[token])
        if token == "|":
            self.take()
            self.bars += 1
            value = self.sum()
            self.bars -= 1
            self.take("|")
            return len(value)
        if re.fullmatch(r"\d+(\.\d+)?", token):
            return float(self.take())
        if token == r"\frac":
            self.take()
            return self.group() / self.group()
        if token == r"\sqrt":
            self.take()
            return self.group() ** 0.5
        value = self.names[self.name()]
        return self.call(value) if callable(value) and not isinstance(value, Tensor) else value

    def call(self, function: Any) -> Any:
        if self.next() != "(":
            return function(self.power())  # as a sum over what follows
        self.take("(")
        arguments = [self.sum()]
        while self.next() == ",":
            self.take()
            arguments.append(self.sum())
        self.take(")")
        return function(*arguments)

    def name(self) -> str:
        """Read a name with its index, as h_i-1, without braces and fonts."""
        token = self.take()
        name = "".join(self.inside()) if token == r"\mathrm" else token
        if self.next() == "_":
            self.take()
            name += "_" + ("".join(self.inside()) if self.next() == "{" else self.take())
        return name

    def inside(self) -> Iterator[str]:
        self.take("{")
        depth = 1
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")
            if token not in ("{", "}", r"\mathrm"):
                yield token


def _times(one: Any, other: Any) -> Any:
    if isinstance(one, Tensor) and isinstance(other, Tensor) and one.ndim and other.ndim:
        return torch.matmul(one, other)
    return one * other
