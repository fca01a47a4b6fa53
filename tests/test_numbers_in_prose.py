"""Every decimal in a notebook's text comes from a run, a record, a derivation or a named source.

A number is explained if the code or the output of its own section has it, to as many digits. What
comes from elsewhere is listed here: with the sum that gives it, with its place in a record, or with
its source. A section holds few numbers, so that one of them agrees by chance only rarely.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import cos, exp, log, sin
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.authoring.notebooks import NOTEBOOKS, read_notebook
from helpers.corpus import load_corpus
from helpers.results import largest_deviation, load_results

PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
# Not 09.4, which is an exercise, and not 1805.02867, which is an address.
_DECIMAL = re.compile(r"(?<![\w.,:])(?!0\d)(\d[\d,]*\.\d+|\d+(?:\.\d+)?(?= ?%))(?!\w|\.\d)")
_NUMBER = re.compile(r"(?<![\w.])\d[\d_,]*\.?\d*(?:e[-+]?\d+)?")
# Formulas and code stand beside the line that computes them; links and tags hold no results.
_NO_PROSE = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>", re.DOTALL)
_HEADING = re.compile(r"^#.*$", re.MULTILINE)  # with the numbers of sections and exercises
_PLACE = re.compile(
    r"(sections?|equations?|appendix|version|table|figure|exercises?)\s+[\w., and]*$"
)
_PICTURE = re.compile(r'base64,[\w+/=]+|style="[^"]*"')


def sections(notebook: NotebookNode) -> Iterator[list[NotebookNode]]:
    """Yield the cells of each part that begins with a heading of the second level."""
    part: list[NotebookNode] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.match(r"## ", cell.source) and part:
            yield part
            part = []
        part.append(cell)
    yield part


def computed(cells: list[NotebookNode]) -> set[float]:
    """Return the numbers that stand in the code and the outputs of cells."""
    texts = []
    for cell in cells:
        if cell.cell_type == "code":
            texts.append(cell.source)
            for output in cell.outputs:
                shown = output.get("data", {})
                texts += [output.get("text", ""), shown.get("text/plain", "")]
                texts.append(_PICTURE.sub("", shown.get("text/html", "")))
    found = (match.rstrip(",_.") for text in texts for match in _NUMBER.findall(text))
    return {float(re.sub("[_,]", "", number)) for number in found}


def decimals(cell: NotebookNode) -> list[str]:
    """Return the decimals and percentages in the text of a cell, as written."""
    text = _HEADING.sub("", _NO_PROSE.sub(" ", cell.source))
    return [m[0] for m in _DECIMAL.finditer(text) if not _PLACE.search(text[: m.start()])]


def rounds_to(value: float, written: str) -> bool:
    """Return whether a number, or a hundred times it, is the one written when it is rounded."""
    digits = len(written.partition(".")[2])
    aim, half = float(written.replace(",", "")), 0.5 * 10**-digits + 1e-9
    return any(abs(abs(number) - aim) <= half for number in (value, 100 * value))


def unexplained(notebook: NotebookNode, number: str) -> list[tuple[str, str]]:
    """Return (cell, decimal) of what neither its section nor the list below explains."""
    left = []
    for part in sections(notebook):
        values = computed(part)
        for cell in part:
            for written in decimals(cell) if cell.cell_type == "markdown" else []:
                known = (number, written) in ELSEWHERE
                if not known and not any(rounds_to(value, written) for value in values):
                    left.append((cell.id, written))
    return left


class Known(NamedTuple):
    """Why a decimal stands in a text, and the number itself where it can be computed."""

    reason: str
    number: Callable[[], float] | None = None


def share(run: dict[str, Any], bucket: int) -> float:
    """Return the mean share right of a recorded run's bucket of lengths."""
    return mean(run["buckets"][bucket]["hits"]) / run["buckets"][bucket]["total"]


def lost_without_mlp() -> float:
    table = load_results("12")["ablations"]
    return mean(table["whole"]["exact"]) - mean(table["no MLP"]["exact"])


def smallest_smoothed_loss() -> float:
    """Return what is left where a model says the smoothed target itself, over 12's French words."""
    smoothing = load_results("12")["settings"]["smoothing"]
    words = len(load_corpus("lite").target_vocabulary)
    other = smoothing / words
    own = 1 - smoothing + other
    return -own * log(own) - (words - 1) * other * log(other)


def rise_to_128() -> float:
    runs = load_results("03")["width"]
    return share(runs["128"], 2) - share(runs["64"], 2)


def times_as_many() -> float:
    return load_results("04")["additive"]["parameters"] / load_results("03")["live"]["parameters"]


def alignment_errors() -> list[float]:
    """Return those of the recorded runs with the training of the live model."""
    return load_results("06")["live"]["alignment_error"]


def fewer_without_positions() -> float:
    recorded = load_results("07")
    least = recorded["without_position"]["list"]["nowhere"]["parameters"]
    return 1 - least / recorded["attention"]["parameters"]


def cached(words: int) -> dict[str, float]:
    """Return the recorded milliseconds of one more word after so many."""
    return next(r for r in load_results("13")["cache"]["rows"] if r["length"] == words)


SUTSKEVER = Known("Sutskever, Vinyals and Le (2014), section 3.3")
BAHDANAU = Known("Bahdanau, Cho and Bengio (2015), table 1")
VASWANI = Known("Vaswani et al. (2017), table 2")
SETTING = Known("a setting, which the text describes")
TRIED = Known("a rate that was tried when a setting was chosen; the text says so")
ANSWER = Known("one of the answers to choose from, or a number given in a question")
INTERVAL = Known("the usual level of an interval")

ELSEWHERE = {  # by notebook and number
    ("01", "0.5"): Known("Elman (1990), the network's first state"),
    ("01", "0.125"): Known("one of eight words", lambda: 1 / 8),
    ("01", "0.95"): ANSWER,
    ("01", "1.8"): Known("what eight runs leave possible", lambda: largest_deviation(8)),
    ("01", "0.006"): Known("0.95 once for each of 99 steps", lambda: 0.95**99),
    ("02", "0.014"): TRIED,
    ("02", "95"): INTERVAL,
    ("02", "0.88"): Known("the brevity penalty of 8 words for 9", lambda: exp(1 - 9 / 8)),
    ("03", "0.22"): Known("recorded means", rise_to_128),
    ("03", "95"): INTERVAL,
    ("03", "1.6"): Known("recorded parameters", times_as_many),
    ("03", "25.9"): SUTSKEVER,
    ("03", "30.6"): SUTSKEVER,
    ("03", "0.9"): ANSWER,
    ("03", "0.3"): ANSWER,
    ("03", "0.66"): Known("four times six words", lambda: 0.9**4),
    ("04", "0.37"): Known("the exponential of a score", lambda: exp(-1)),
    ("04", "2.72"): Known("the exponential of a score", lambda: exp(1)),
    ("04", "20.09"): Known("the exponential of a score", lambda: exp(3)),
    ("04", "23.17"): Known("their sum", lambda: exp(-1) + exp(1) + exp(3)),
    ("04", "30"): SETTING,
    ("06", "0.067"): Known("recorded runs", lambda: min(alignment_errors())),
    ("06", "0.082"): Known("recorded runs", lambda: max(alignment_errors())),
    ("06", "26.75"): BAHDANAU,
    ("06", "17.82"): BAHDANAU,
    ("07", "403.4"): Known("the exponential of a score", lambda: exp(6)),
    ("07", "13"): Known("recorded parameters", fewer_without_positions),
    ("07", "30"): SETTING,
    ("08", "0.1"): ANSWER,
    ("08", "0.8"): ANSWER,
    ("08", "1.185"): Known("shrunk, and one more", lambda: exp(1 - 4) + exp(2 - 4) + 1),
    ("09", "0.96"): Known("softmax of 0, 0 and 4", lambda: exp(4) / (2 + exp(4))),
    ("09", "0.62"): ANSWER,
    ("09", "0.75"): ANSWER,
    ("09", "0.04"): Known("one of 23 other words", lambda: 1 / 23),
    ("09", "0.14"): Known("one of 7 other words", lambda: 1 / 7),
    ("09", "0.5"): ANSWER,
    ("09", "0.003"): TRIED,
    ("09", "0.01"): TRIED,
    ("09", "0.03"): TRIED,
    ("09", "0.071"): Known("the cosine of a turn", lambda: cos(1.5)),
    ("09", "0.997"): Known("the sine of a turn", lambda: sin(1.5)),
    ("10", "0.88"): Known("softmax of 4 and 2", lambda: 1 / (1 + exp(-2))),
    ("10", "0.01"): ANSWER,
    ("10", "1.01"): Known("a perplexity", lambda: exp(0.01)),
    ("11", "0.565"): Known("07", lambda: load_results("07")["relations"]["guess_from_first_cell"]),
    ("12", "0.1"): Known("the smoothing", lambda: load_results("12")["settings"]["smoothing"]),
    ("12", "0.02"): Known("recorded means", lost_without_mlp),
    ("12", "0.866"): Known("section 10 of 12, deeper", smallest_smoothed_loss),
    ("12", "24.6"): VASWANI,
    ("12", "27.3"): VASWANI,
    ("13", "1.3"): Known("the size of the files, in MB"),
    ("13", "1.5"): Known("an interval's half, which the last sections compute"),
    ("13", "0.1"): SETTING,
    ("13", "0.2"): SETTING,
    ("13", "0.0025"): TRIED,
    ("13", "0.01"): TRIED,
    ("13", "0.001"): TRIED,
    ("13", "0.004"): TRIED,
    ("13", "28.3"): Known("milliseconds, nothing kept", lambda: cached(512)["uncached"]),
    ("13", "3.9"): Known("milliseconds with the cache", lambda: cached(512)["cached"]),
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_decimal_is_explained(path: Path) -> None:
    """If one is not: print it by a cell of its section, or say below where it comes from."""
    assert unexplained(read_notebook(path), path.name[:2]) == []


@pytest.mark.parametrize(
    ("written", "known"), [(key[1], known) for key, known in ELSEWHERE.items() if known.number]
)
def test_what_can_be_computed_is_what_is_written(written: str, known: Known) -> None:
    assert known.number is not None and rounds_to(known.number(), written), known.number()


def test_a_number_that_nothing_gives_is_found() -> None:
    shown = new_output("stream", name="stdout", text="right 0.4567 (of 1,200)")
    texts = ["It is 0.46 or 46 %, not 0.47.", "## Next\n\nIt was 0.46, of `0.99` and $0.98$."]
    first, other = map(new_markdown_cell, texts)
    cells = [first, new_code_cell("lr = 0.01", outputs=[shown]), other]
    cells.append(new_markdown_cell("See section 2.3 and equation 1.2 (arXiv:1805.02867) at 09.4."))
    notebook = new_notebook(cells=cells)
    assert unexplained(notebook, "77") == [(first.id, "0.47"), (other.id, "0.46")]


def test_digits_that_are_written_are_those_that_count() -> None:
    for value, written in ((0.4567, "0.46"), (0.4567, "45.7"), (-0.4567, "0.457"), (1200, "1,200")):
        assert rounds_to(value, written)
    for value, written in ((0.4567, "0.45"), (0.4567, "0.4566"), (0.44, "0.4501"), (2, "1.9")):
        assert not rounds_to(value, written)


def test_few_numbers_agree_by_chance() -> None:
    """Of all decimals from 0.00 to 1.00, what share would a section let pass on the average?"""
    parts = [part for path in PATHS for part in sections(read_notebook(path))]
    passing = [
        sum(any(rounds_to(v, f"{k / 100:.2f}") for v in values) for k in range(101)) / 101
        for values in map(computed, parts)
    ]
    assert mean(passing) < 0.1
