"""What a set of generated French sentences is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from helpers.analysis.ngrams import ngrams_of
from helpers.corpus.grammar.judge import faults


class TextQuality(NamedTuple):
    """What a set of generated sentences is worth, all shares from 0 to 1.

    faultless: sentences in which `french.faults` finds nothing. seen_runs: runs of three words,
    <start> and <end> included, that training has. new: sentences that training does not have.
    different: sentences among them, each counted once. words: mean length.
    """

    faultless: float
    seen_runs: float
    new: float
    different: float
    words: float


def text_quality(
    sentences: Sequence[Sequence[str]], training: Iterable[Sequence[str]]
) -> TextQuality:
    """Judge sentences of French words; training: the sentences that the model learnt from."""
    if not sentences:
        raise ValueError("there is no sentence to judge; generate one or more")
    known = {tuple(sentence) for sentence in training}
    seen = {run for sentence in known for run in ngrams_of(sentence, 3)}
    made = [run for sentence in sentences for run in ngrams_of(sentence, 3)]
    count = len(sentences)
    return TextQuality(
        faultless=sum(not faults(sentence) for sentence in sentences) / count,
        seen_runs=sum(run in seen for run in made) / len(made),
        new=sum(tuple(sentence) not in known for sentence in sentences) / count,
        different=len({tuple(sentence) for sentence in sentences}) / count,
        words=sum(map(len, sentences)) / count,
    )
