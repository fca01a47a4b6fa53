"""Which sentences are one word away from a training sentence: a test of more than memory leaves
them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from helpers.corpus.pairs import Pair

Gap = tuple[int, tuple[str, ...]]


def near_duplicates(pairs: Sequence[Pair], training: Sequence[Pair]) -> list[bool]:
    """Tell for each pair whether its source differs from one in `training` in one word at most.

    Both sentences must have the same number of words, since one word is replaced, not added.
    Two sentences differ in one word at most if and only if they are equal once one place is left
    open in both. So each training sentence is filed once under each of its places, and a pair
    needs one look-up for each of its words: no two sentences are compared.
    """
    filed = {gap for pair in training for gap in _gaps(pair.source)}
    return [any(gap in filed for gap in _gaps(pair.source)) for pair in pairs]


def _gaps(words: tuple[str, ...]) -> Iterator[Gap]:
    """Yield the sentence with one place left open, for each place: the place and the rest."""
    for place in range(len(words)):
        yield place, words[:place] + words[place + 1 :]
