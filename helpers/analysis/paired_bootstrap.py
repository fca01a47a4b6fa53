"""The difference in BLEU between two translations of the same sentences, and how sure it is.

Two intervals that overlap say little: both systems find the same sentences hard. So the sentences
are drawn once for both, and the difference is taken each time (Koehn 2004, paired bootstrap).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from helpers.corpus import Pair
from helpers.decoding import Translation

ORDERS = 4


def ngram_counts(said: Sequence[str], gold: Sequence[str]) -> list[int]:
    """Return what BLEU needs to know of one sentence, 2 + 2 * ORDERS whole numbers.

    Words said, words of the reference, then for n = 1 ... 4 the n-grams that match (clipped) and
    the n-grams said.
    """
    found = [len(said), len(gold)]
    for n in range(1, ORDERS + 1):
        own, theirs = (
            Counter(tuple(words[k : k + n]) for k in range(len(words) - n + 1))
            for words in (said, gold)
        )
        found += [sum((own & theirs).values()), max(0, len(said) - n + 1)]
    return found


def bleu_from_counts(sums: np.ndarray) -> np.ndarray:
    """BLEU in percent (Papineni et al. 2002): sums (..., 10) of `counts` -> (...,).

    0 where no n-gram of some order matches; sacrebleu would smooth there.
    """
    sums = np.asarray(sums, dtype=float)
    matched, total = sums[..., 2::2], sums[..., 3::2]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.log(matched / total).mean(axis=-1)
        brevity = np.minimum(0.0, 1 - sums[..., 1] / sums[..., 0])
        bleu = 100 * np.exp(precision + brevity)
    return np.nan_to_num(bleu)


def bleu_difference(
    first: Sequence[Translation],
    second: Sequence[Translation],
    pairs: Sequence[Pair],
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return BLEU of `second` minus that of `first`, and the 95 % interval of the difference.

    resamples: how often as many sentences are drawn, with replacement, for both.
    Raises ValueError where the three do not have the same number of sentences, or none.
    """
    if not len(first) == len(second) == len(pairs) or not pairs:
        raise ValueError(
            f"{len(first)} and {len(second)} translations for {len(pairs)} pairs; expected one of "
            "each for each pair, and at least one"
        )
    both = np.array(
        [
            [ngram_counts(t.words, p.target) for t, p in zip(said, pairs, strict=True)]
            for said in (first, second)
        ]
    )  # (2, sentences, 10)
    one, other = bleu_from_counts(both.sum(axis=1))
    rows = np.random.default_rng(seed).integers(len(pairs), size=(resamples, len(pairs)))
    drawn = np.stack([np.bincount(row, minlength=len(pairs)) for row in rows])  # how often each
    differences = np.diff(bleu_from_counts(np.einsum("rn,snk->rsk", drawn, both)), axis=1)
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(other - one), float(low), float(high)
