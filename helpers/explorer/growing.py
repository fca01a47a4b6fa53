"""`GrowingSentence`: one sentence that gets longer, and what a translator makes of it each time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from helpers.explorer.base import View
from helpers.explorer.static import paragraph, row, table
from helpers.figures.checks import word_list
from helpers.palette import ROLE_COLOURS

STATIC_ROWS = 8  # the static table shows at most so many lengths


class Grown(NamedTuple):
    """One length of the sentence: the source, what the model says, and the right translation.

    Lists of words. The output ends with "<end>" if the model stopped by itself.
    """

    source: Sequence[str]
    output: Sequence[str]
    gold: Sequence[str]


class GrowingSentence(View):
    """A slider over the lengths of a sentence; wrong words of the model's output are marked.

    steps: a `Grown` per length, shortest first. Everything is computed beforehand: moving the
    slider asks nothing of the kernel. A word is right if it belongs to the longest common
    subsequence of output and gold, so that one missing word does not make the rest wrong.
    Raises ValueError where there is nothing to show, or a sentence is not longer than the last.
    """

    def __init__(self, steps: Sequence[Grown], title: str = "") -> None:
        if isinstance(steps, str | Grown) or not isinstance(steps, Sequence) or not steps:
            given = "is empty" if isinstance(steps, Sequence) and not steps else f"is {steps!r}"
            raise ValueError(f"steps {given}; expected a list of Grown(source, output, gold).")
        checked: list[dict[str, Any]] = []
        before: list[str] = []
        for number, step in enumerate(steps, 1):
            if not isinstance(step, Sequence) or isinstance(step, str) or len(step) != 3:
                raise ValueError(f"step {number} is {step!r}; expected Grown(source, output, gold)")
            source = word_list(step[0], f"source of step {number}")
            if len(source) <= len(before):
                raise ValueError(
                    f"step {number} has {len(source)} source words after {len(before)}; expected "
                    "sentences that grow. Put the shortest first."
                )
            checked.append(_step(before, source, step[1], step[2], number))
            before = source
        super().__init__({"view": "growing", "title": str(title), "steps": checked})

    def html(self) -> str:
        names = ("words", "English", "the model's French", "right")
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in names)
        steps = self.state["steps"]
        count = min(STATIC_ROWS, len(steps))
        places = [round(k * (len(steps) - 1) / max(1, count - 1)) for k in range(count)]
        about = "Run the cell to move a slider over the lengths. Wrong words are marked with ✗."
        lines = [self._line(steps[place]) for place in places]
        caption = "One sentence at several lengths, and the model's translation of each."
        return paragraph(self.state["title"], about) + table(caption, f"<tr>{head}</tr>", lines)

    def _line(self, step: dict[str, Any]) -> str:
        english = escape(" ".join(word for word, _ in step["source"]))
        french = " ".join(
            _marked(word) if wrong else escape(word) for word, wrong in step["output"]
        )
        if step["share"] < 1:
            wanted = " ".join(word for word, _ in step["gold"])
            french += f"<br><small>right: {escape(wanted)}</small>"
        cells = "".join(
            f'<td style="text-align:left">{cell}</td>'
            for cell in (english, french, escape(step["verdict"]))
        )
        return row(str(len(step["source"])), cells)

    def sentence(self) -> str:
        first, last = self.state["steps"][0], self.state["steps"][-1]
        return (
            f"A sentence that grows from {len(first['source'])} to {len(last['source'])} words: "
            f"{first['verdict']} at first, {last['verdict']} at last."
        )


def common(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Return a longest common subsequence of two lists of words, as pairs of positions.

    Of several equally long ones it is one with the most pairs next to each other, so that whole
    phrases stay together where an output repeats itself.
    """
    rows, columns = len(one), len(other)
    pair = rows + columns + 1  # worth more than all neighbours together
    # Of the words from i and j on: the best score, and the best that starts with the pair (i, j).
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    paired = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            if one[i] == other[j]:
                beside = paired[i + 1][j + 1]
                paired[i][j] = pair + max(best[i + 1][j + 1], beside + 1 if beside else 0)
            best[i][j] = max(paired[i][j], best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while best[i][j]:
        if paired[i][j] == best[i][j]:  # a neighbour that counts is always taken here
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j + 1] == best[i][j]:
            j += 1
        else:
            i += 1
    return pairs


def _step(
    before: list[str], source: list[str], output: object, gold: object, number: int
) -> dict[str, Any]:
    """Return one length as JSON-ready values: each word with whether it is marked."""
    said = word_list(output, f"output of step {number}")
    wanted = word_list(gold, f"gold of step {number}")
    ended = said[-1] == "<end>"
    said = said[:-1] if ended else said
    wanted = wanted[:-1] if wanted[-1] == "<end>" else wanted
    if not wanted:
        raise ValueError(f"gold of step {number} is only '<end>'; expected at least one word.")
    pairs = common(said, wanted)
    old = {j for _, j in common(before, source)}
    right, found = {i for i, _ in pairs}, {j for _, j in pairs}
    return {
        "source": [[word, i not in old] for i, word in enumerate(source)],
        "output": [[word, i not in right] for i, word in enumerate(said)],
        "gold": [[word, j not in found] for j, word in enumerate(wanted)],
        "share": round(len(found) / max(1, len(wanted)), 4),
        "verdict": _verdict(len(found), len(wanted), len(said) - len(right), ended),
    }


def _verdict(found: int, wanted: int, wrong: int, ended: bool) -> str:
    if found < wanted:
        text = f"{found} of {wanted} words found" + (f", {wrong} wrong" if wrong else "")
    else:
        text = f"every word found, {wrong} too many" if wrong else "every word right"
    return text if ended else f"{text}, did not stop"


def _marked(word: str) -> str:
    line = f"border-bottom:2px solid {ROLE_COLOURS['wrong']}"
    return f'<b style="{line}">{escape(word)}</b>&nbsp;✗'
