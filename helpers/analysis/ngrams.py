"""N-gram counts, the language model of before neural networks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence


class NGrams:
    """Counts of runs of up to n words, smoothed: the language model of before neural networks.

    p(w | h) = (count(h w) + k p(w | h')) / (count(h) + k), where h' is h without its oldest word
    and below single words stands 1/V (MacKay and Peto 1995, a Dirichlet prior).
    sentences: of words, without <start> and <end>. n: 1 for single words. vocabulary: V. k: how
    many sightings the shorter history is worth, above 0.
    """

    def __init__(
        self, sentences: Iterable[Sequence[str]], n: int, vocabulary: int, k: float = 10.0
    ) -> None:
        if n < 1 or k <= 0:
            raise ValueError(f"n is {n} and k is {k}; expected n of 1 or more and k above 0")
        self.n, self.k, self.vocabulary = n, k, vocabulary
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.histories: Counter[tuple[str, ...]] = Counter()
        for sentence in sentences:
            for run in ngrams_of(sentence, n):
                for first in range(n):
                    self.counts[run[first:]] += 1
                    self.histories[run[first:-1]] += 1

    def probability(self, run: tuple[str, ...]) -> float:
        """p of the last word of a run of n words or fewer, given those before it."""
        if not run:
            return 1 / self.vocabulary
        shorter = self.k * self.probability(run[1:])
        return (self.counts[run] + shorter) / (self.histories[run[:-1]] + self.k)

    def perplexity(self, sentences: Iterable[Sequence[str]], n: int | None = None) -> float:
        """exp of the mean surprise of each word and <end>.

        n: runs of so many words only, 1 to the model's n, which is what is taken if None.
        """
        n = self.n if n is None else n
        if not 1 <= n <= self.n:
            raise ValueError(f"n is {n}; expected 1 to {self.n}, as longer runs were not counted")
        surprises = [-math.log(self.probability(run)) for s in sentences for run in ngrams_of(s, n)]
        if not surprises:
            raise ValueError("there is no word to predict; pass one sentence or more")
        return math.exp(sum(surprises) / len(surprises))


def ngrams_of(sentence: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All runs of n words that end at a word of the sentence or at <end>; <start> in front."""
    words = ["<start>"] * (n - 1) + [*sentence, "<end>"]
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
