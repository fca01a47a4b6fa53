"""Interpolated Kneser-Ney smoothing, the strongest language model that only counts."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from helpers.analysis.ngrams import ngrams_of

Run = tuple[str, ...]


class KneserNey:
    """Runs of up to n words, each count made smaller by a discount that goes to shorter runs.

    A shorter run counts by how many different words stand before it, and not by how often it comes.
    The discounts for runs seen once, twice and more often are those of Chen and Goodman (1998),
    "modified" Kneser-Ney. Below single words stands 1/V. sentences: of words, without <start> and
    <end>. n: 1 or more. vocabulary: V. Raises ValueError for another n.
    """

    def __init__(self, sentences: Iterable[Sequence[str]], n: int, vocabulary: int) -> None:
        if n < 1:
            raise ValueError(f"n is {n}; expected 1 for single words, or more for longer runs")
        self.n, self.vocabulary = n, vocabulary
        counts = Counter(run for sentence in sentences for run in ngrams_of(sentence, n))
        self.counts: dict[int, Counter[Run]] = {n: counts}
        for size in range(n - 1, 0, -1):
            self.counts[size] = Counter(run[1:] for run in self.counts[size + 1])
        self.discounts = {size: _discounts(counts) for size, counts in self.counts.items()}
        self.totals: Counter[Run] = Counter()  # of what follows a history, one history a size
        self.taken: defaultdict[Run, float] = defaultdict(float)  # the sum of its discounts
        for size, counts in self.counts.items():
            for run, count in counts.items():
                self.totals[run[:-1]] += count
                self.taken[run[:-1]] += self.discounts[size][min(count, 3)]

    def probability(self, run: Run) -> float:
        """p of the last word of a run of n words or fewer, given those before it."""
        if not run:
            return 1 / self.vocabulary
        shorter, history = self.probability(run[1:]), run[:-1]
        if not self.totals[history]:
            return shorter
        count = self.counts[len(run)][run]
        kept = count - self.discounts[len(run)][min(count, 3)]
        return (kept + self.taken[history] * shorter) / self.totals[history]

    def perplexity(self, sentences: Iterable[Sequence[str]]) -> float:
        """exp of the mean surprise of each word and <end>."""
        runs = [run for sentence in sentences for run in ngrams_of(sentence, self.n)]
        if not runs:
            raise ValueError("there is no word to predict; pass one sentence or more")
        return math.exp(-sum(math.log(self.probability(run)) for run in runs) / len(runs))


def _discounts(counts: Counter[Run]) -> tuple[float, float, float, float]:
    """What is taken from a count of 0, 1, 2, and 3 or more."""
    seen = Counter(counts.values())
    if not all(seen[k] for k in (1, 2, 3, 4)):
        return 0.0, 0.5, 0.5, 0.5  # too few runs to estimate them
    share = seen[1] / (seen[1] + 2 * seen[2])
    steps = [k - (k + 1) * share * seen[k + 1] / seen[k] for k in (1, 2, 3)]
    once, twice, more = (min(max(step, 0.0), k) for k, step in enumerate(steps, 1))
    return 0.0, once, twice, more
