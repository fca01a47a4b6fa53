"""Pictures of a beam at work, and of letters that become pieces: trees and rows of what was found.

Shapes: K hypotheses of a sentence, H numbers of a state, V target words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.corpus import Vocabulary
from helpers.figures.diagrams.spec import Arrow, Box, Diagram

_STEP, _ROW = 2.2, 0.72  # columns from word to word, rows from hypothesis to hypothesis


@dataclass(frozen=True)
class Way:
    """One way to go on. parent: the row of the hypothesis before, -1 after <start>.

    chance: the probability of the whole hypothesis. kept: whether it was among the K best.
    """

    parent: int
    word: str
    chance: float
    kept: bool


@torch.no_grad()
def follow_beam(
    step: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    state: Tensor,
    words: Sequence[str],
    longest: int,
) -> list[list[Way]]:
    """Search for one sentence; return at each step the K ways that are kept, then K that are not.

    step: as in `beam_search` of notebook 13. state: (1, K, H). words: text of each id. Ends after
    `longest` steps, or where a hypothesis has its <end>.
    """
    width = state.size(1)
    previous = torch.full((1, width), Vocabulary.start, device=state.device)
    sums = state.new_full((1, width), -torch.inf)
    sums[0, 0] = 0.0
    levels: list[list[Way]] = []
    for _ in range(longest):
        gains, state = step(previous, state)
        best = (sums.unsqueeze(2) + gains).flatten(1).topk(2 * width, dim=1)
        parents, chosen = best.indices // gains.size(2), best.indices % gains.size(2)
        levels.append(
            [
                Way(
                    int(parents[0, k]) if levels else -1,
                    words[int(chosen[0, k])],
                    chance,
                    k < width,
                )
                for k, chance in enumerate(best.values[0].exp().tolist())
            ]
        )
        sums, previous = best.values[:, :width], chosen[:, :width]
        state = state[:, parents[0, :width]]
        if (previous == Vocabulary.end).any():
            break
    return levels


def beam_tree(levels: Sequence[Sequence[Way]]) -> Diagram:
    """The hypotheses of a beam as a tree, those that lost their place hatched and with a cross.

    levels: of each step the ways that were found, the kept ones first (`follow_beam`).
    Raises ValueError where there is no step.
    """
    if not levels:
        raise ValueError("no steps to draw; give the ways of one step or more")
    boxes = [Box("start", "<start>", "word", (0.7, 0), wide=0.98, bound=False)]
    ways, lost = [], []
    digits = _digits(levels)
    for t, level in enumerate(levels, 1):
        children, drawn = Counter(way.parent for way in level), Counter[int]()
        for row, way in enumerate(level):
            name, (x, y) = f"w{t}_{row}", (_STEP * t, -_ROW * row)
            if not way.kept:
                lost.append(name)
            mark = "" if way.kept else " ✗"
            label = f"{way.word}{mark}\n{way.chance:.{digits}f}"
            boxes.append(Box(name, label, "output", (x, y), wide=1.34, tall=0.6, bound=False))
            before = "start" if way.parent < 0 else f"w{t - 1}_{way.parent}"
            # The arrows to the children begin below each other, the one to the best child on top.
            leaves = f"{before} out {drawn[way.parent]}"
            beside = 1.19 if way.parent < 0 else x - _STEP + 0.67
            below = drawn[way.parent] - (children[way.parent] - 1) / 2
            level_with = 0.0 if way.parent < 0 else -_ROW * way.parent
            boxes.append(_edge(leaves, beside, level_with - 0.09 * below))
            boxes.append(_edge(f"{name} in", x - 0.72, y))
            ways.append(Arrow(leaves, f"{name} in"))
            drawn[way.parent] += 1
    kept = sum(way.kept for way in levels[0])
    last = ", ".join(way.word for way in levels[-1] if way.kept)
    alt = (
        f"A tree that grows from left to right over {len(levels)} words, from <start>. At each "
        f"step the {kept} likeliest beginnings are kept. Those that lost are hatched and bear a "
        f"cross, and no arrow leaves them. The last words that are kept: {last}."
    )
    title = f"A beam of {kept}: all ways to go on compete"
    return Diagram(title, tuple(boxes), tuple(ways), (), alt, frozenset(lost))


def _digits(levels: Sequence[Sequence[Way]], most: int = 6) -> int:
    """Return how many decimals the picture needs, 2 or more, the same for all its numbers.

    So many that no number is shown as 0, and that at each step each number that is kept looks
    larger than those that are lost.
    """

    def enough(digits: int) -> bool:
        shown = [[(float(f"{way.chance:.{digits}f}"), way.kept) for way in one] for one in levels]
        if any(chance == 0 for level in shown for chance, _ in level):
            return False
        least = [min((c for c, kept in level if kept), default=1.0) for level in shown]
        best = [max((c for c, kept in level if not kept), default=0.0) for level in shown]
        return all(low > high for low, high in zip(least, best, strict=True))

    return next(filter(enough, range(2, most)), most)


def _edge(name: str, x: float, y: float) -> Box:
    """A point at the side of a box, unseen, so that arrows begin and end there and cross no box."""
    return Box(name, "", "word", (x, y), wide=0.02, tall=0.02, bound=False)


def merging(rows: Sequence[Sequence[str]]) -> Diagram:
    """One word, letter by letter at the bottom; each row above has one pair more in one piece.

    rows: the pieces of the word before the first merge, the end mark _ counted, and after each
    merge that changes it. Raises ValueError where there is no row, or where rows do not spell the
    same word with its end mark.
    """
    if not rows or len({"".join(row) for row in rows}) != 1 or rows[0][-1] != "_":
        raise ValueError(
            f"rows are {rows}; expected one or more that spell the same word, and end with _"
        )
    boxes, ways = [], []
    before: list[tuple[float, float]] = []  # where the pieces of the row below begin and end
    for level, row in enumerate(rows):
        at, spelt = 0.0, []
        for k, piece in enumerate(row):
            wide = len(piece) * 0.62
            new = level and piece not in rows[level - 1]
            role = "output" if new else "reference"  # what stays as it was is only compared with
            middle = (at + wide / 2, 0.95 * level)
            boxes.append(Box(f"p{level}_{k}", piece, role, middle, wide=wide - 0.1, bound=False))
            spelt.append((at, at + wide))
            at += wide
            ways += [
                Arrow(f"p{level - 1}_{n}", f"p{level}_{k}")
                for n, (left, right) in enumerate(before)
                if spelt[k][0] - 0.01 <= left and right <= spelt[k][1] + 0.01
            ]
        before = spelt
    alt = (
        f"The word '{''.join(rows[0])}' in {len(rows)} rows. The lowest holds {len(rows[0]) - 1} "
        "letters and the end mark. In each row above two neighbours have become one piece, and the "
        f"highest holds {' | '.join(rows[-1])}."
    )
    title = f"{len(rows[0]) - 1} letters and the end mark become {len(rows[-1])} pieces"
    return Diagram(title, tuple(boxes), tuple(ways), (), alt)
