"""How good is a translation, a text, an attention map? Exact match, BLEU, perplexity, AER.

AER is the alignment error rate of a map against gold links. BUCKETS and LONGER are the lengths of
source sentences by which results are told apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from math import sqrt
from statistics import median_low
from typing import Any

import sacrebleu
import torch
from sacrebleu.metrics.bleu import BLEU
from torch import Tensor, nn

from helpers.corpus import BUCKETS, LONGER, Corpus, Pair, Vocabulary, collate, french_rows
from helpers.decoding import Translation
from helpers.settings import DEVICE
from helpers.training import masked_loss

__all__ = ["BUCKETS", "LONGER"]  # handed on

SHARP = 0.9  # a largest weight above this makes a row of a map sharp

Link = tuple[int, int]


def matches(translations: Sequence[Translation], pairs: Sequence[Pair]) -> list[bool]:
    """For each sentence, whether every word is right, `<end>` included."""
    _same_length(translations, pairs)
    return [
        translation.target == [*pair.target, "<end>"]
        for translation, pair in zip(translations, pairs, strict=True)
    ]


def exact_match(translations: Sequence[Translation], pairs: Sequence[Pair]) -> float:
    """The share of sentences that are right in every word, 0 to 1."""
    hits = matches(translations, pairs)
    return sum(hits) / len(hits)


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a share (1927), 95 % by default; honest near 0 and 1.

    Raises ValueError where nothing was counted.
    """
    if total <= 0:
        raise ValueError(f"an interval for {hits} of {total}: count at least one sentence")
    share, spread = hits / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Bucket:
    """Exact match of the sentences whose source has `low` to `high` words."""

    low: int
    high: int
    hits: int
    total: int

    @property
    def label(self) -> str:
        return f"{self.low}-{self.high}"

    @property
    def share(self) -> float:
        return self.hits / self.total

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.total)


def by_length(
    translations: Sequence[Translation],
    pairs: Sequence[Pair],
    buckets: Iterable[tuple[int, int]] = BUCKETS,
) -> list[Bucket]:
    """Exact match in each bucket of source lengths (both ends included)."""
    hits, found = matches(translations, pairs), []
    for low, high in buckets:
        inside = [
            hit for hit, pair in zip(hits, pairs, strict=True) if low <= len(pair.source) <= high
        ]
        if not inside:
            raise ValueError(f"no sentence has {low} to {high} words; choose other buckets")
        found.append(Bucket(low, high, sum(inside), len(inside)))
    return found


def median_buckets(recorded: Sequence[Mapping[str, Any]]) -> list[Bucket]:
    """Return recorded buckets as those of the median seed, each bucket for itself.

    recorded: for each bucket "low", "high", "total" and "hits", a list with one number a seed.
    """
    return [Bucket(b["low"], b["high"], median_low(b["hits"]), b["total"]) for b in recorded]


def token_accuracy(translations: Sequence[Translation], pairs: Sequence[Pair]) -> float:
    """The share of gold words (and `<end>`) that stand at their own place in the translation."""
    _same_length(translations, pairs)
    right = total = 0
    for translation, pair in zip(translations, pairs, strict=True):
        gold = [*pair.target, "<end>"]
        right += sum(a == b for a, b in zip(translation.target, gold, strict=False))
        total += len(gold)
    return right / total


def bleu(translations: Sequence[Translation], pairs: Sequence[Pair]) -> float:
    """Corpus BLEU in percent by sacrebleu (Papineni et al. 2002; Post 2018).

    The words are compared as the corpus splits them: `tokenize="none"`.
    """
    _same_length(translations, pairs)
    outputs = [" ".join(translation.words) for translation in translations]
    references = [[" ".join(pair.target) for pair in pairs]]
    # `force` silences the warning that the text looks tokenised: it is, on both sides.
    return sacrebleu.corpus_bleu(outputs, references, tokenize="none", force=True).score


def bleu_interval(
    translations: Sequence[Translation], pairs: Sequence[Pair], resamples: int = 300
) -> tuple[float, float]:
    """The interval in which BLEU lies with other sentences: 95 %, by bootstrap (Koehn 2004).

    resamples: how often as many sentences are drawn with replacement and scored.
    """
    _same_length(translations, pairs)
    outputs = [" ".join(translation.words) for translation in translations]
    references = [[" ".join(pair.target) for pair in pairs]]
    scorer = BLEU(tokenize="none", force=True)
    score = scorer.corpus_score(outputs, references, n_bootstrap=resamples)
    # sacrebleu keeps the bootstrap's mean and half width for its printed form alone.
    return score._mean - score._ci, score._mean + score._ci


def best_links(weights: Tensor) -> set[Link]:
    """For each target word but the last row, `<end>`, the source word with the largest weight.

    weights (T, S) -> links (source position, target position), T - 1 of them.
    """
    return {(int(i), t) for t, i in enumerate(weights[:-1].argmax(dim=-1))}


def alignment_error_rate(
    found: Iterable[Set[Link]], sure: Iterable[Set[Link]], possible: Iterable[Set[Link]]
) -> float:
    """AER = 1 - (|A and S| + |A and P|) / (|A| + |S|), over all sentences (Och and Ney 2003).

    found A, sure S and possible P: one set of links a sentence, S within P. 0 is best.
    """
    agreed = size = 0
    for links, certain, allowed in zip(found, sure, possible, strict=True):
        if not certain <= allowed:
            raise ValueError("each Sure link must be Possible too (S within P); the gold is broken")
        agreed += len(links & certain) + len(links & allowed)
        size += len(links) + len(certain)
    if size == 0:
        raise ValueError("there is no link at all to compare; pass at least one aligned sentence")
    return 1 - agreed / size


def gold_link_hits(weights: Tensor, links: Iterable[Link]) -> tuple[int, int]:
    """Count target words whose largest weight lies on one of their gold links.

    weights (T, S) with `<end>` in the last row, links (source, target) -> (hits, linked): linked
    counts the target words that have a gold link at all.
    """
    links = set(links)
    linked = {target for _, target in links}
    return len({target for _, target in best_links(weights) & links}), len(linked)


def gold_link_share(
    translations: Sequence[Translation], pairs: Sequence[Pair], links: str = "sure"
) -> float:
    """`gold_link_hits` over a test set, as a share; the maps must come from teacher forcing.

    links: "sure", or "possible" to let possible links count as hits too (Och and Ney 2003).

    (Only with gold words fed does row t of the map belong to gold word t.)
    """
    _same_length(translations, pairs)
    hits = linked = 0
    for translation, pair in zip(translations, pairs, strict=True):
        if translation.weights is None or len(translation.weights) != len(pair.target) + 1:
            raise ValueError(
                "this needs a map with one row for each gold word and <end>; translate with "
                "translate_all(..., teacher_forcing=True) and a model with attention"
            )
        counts = gold_link_hits(translation.weights, getattr(pair, links))
        hits, linked = hits + counts[0], linked + counts[1]
    return hits / linked


@dataclass(frozen=True)
class RowVerdict:
    """One row of a map beside the gold: was the word right, and where did the model look most?

    word: the gold word of the row. said: the word that the model chose there.
    look: the source position with the largest weight, None for a row of zeros. weight: that weight.
    place: where the look falls, seen from the row's gold links: "sure" (on a sure link), "possible"
    (on a possible one), "next" (one source word beside a linked one), "elsewhere", or "unlinked"
    where the row has no link, as `<end>` has none.
    """

    word: str
    said: str
    look: int | None
    weight: float
    place: str

    @property
    def right(self) -> bool:
        return self.said == self.word

    @property
    def off_gold(self) -> bool:
        """Whether the row has a gold link and the look is on none."""
        return self.place in ("next", "elsewhere")

    @property
    def sharp_and_wrong(self) -> bool:
        """Whether the map is sure of itself, a weight above SHARP, and off gold."""
        return self.off_gold and self.weight > SHARP


def row_verdicts(
    weights: Any,
    target: Sequence[str],
    said: Sequence[str],
    sure: Iterable[Link],
    possible: Iterable[Link] = (),
) -> list[RowVerdict]:
    """Judge every row of a map by the gold: its word, and the place of its largest weight.

    weights: tensor or array (T, S) under teacher forcing, so that row t belongs to gold word t.
    target: the T gold words, `<end>` included. said: the T words that the model chose.
    sure, possible: links (source position, target position); a sure link counts as possible too.
    Of equal weights the first counts. Raises ValueError where the sizes do not fit.
    """
    weights = weights if isinstance(weights, Tensor) else torch.tensor(weights)
    if weights.ndim != 2 or not len(weights) == len(target) == len(said):
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} for {len(target)} target words and "
            f"{len(said)} words of the model; expected (T, S), with T of both. Translate with "
            "translate_all(..., teacher_forcing=True), and count <end> as a word of the target."
        )
    rows, columns = weights.shape
    sure, linked = set(sure), set(possible)
    linked |= sure
    outside = [link for link in linked if not (0 <= link[0] < columns and 0 <= link[1] < rows)]
    if outside:
        raise ValueError(
            f"the link {min(outside)} lies outside a map of {rows} target and {columns} source "
            "words; expected (source position, target position), counted from 0."
        )
    verdicts = []
    looks = weights.argmax(dim=-1).tolist()
    for t, (look, weight) in enumerate(zip(looks, weights.amax(dim=-1).tolist(), strict=True)):
        seen = look if weight > 0 else None
        place = _place(
            seen, {s for s, row in linked if row == t}, {s for s, row in sure if row == t}
        )
        verdicts.append(RowVerdict(target[t], said[t], seen, weight, place))
    return verdicts


def _place(look: int | None, linked: set[int], sure: set[int]) -> str:
    """Return the place of a look (see `Verdict`); linked and sure: the row's source positions."""
    if not linked:
        return "unlinked"
    if look in sure:
        return "sure"
    if look in linked:
        return "possible"
    beside = look is not None and {look - 1, look + 1} & linked
    return "next" if beside else "elsewhere"


def _same_length(translations: Sequence[Translation], pairs: Sequence[Pair]) -> None:
    if len(translations) != len(pairs) or not pairs:
        raise ValueError(
            f"{len(translations)} translations for {len(pairs)} pairs; expected one for each, and "
            "at least one"
        )


def _french_batches(pairs: Sequence[Pair], corpus: Corpus, size: int) -> Iterator[Tensor]:
    """All French sentences as rows, in batches of similar lengths."""
    ordered = sorted(pairs, key=lambda pair: len(pair.target))
    for first in range(0, len(ordered), size):
        few = ordered[first : first + size]
        batch = collate(few, corpus.source_vocabulary, corpus.target_vocabulary)
        yield french_rows(batch).to(DEVICE)


@torch.no_grad()
def perplexity(model: nn.Module, pairs: Sequence[Pair], corpus: Corpus) -> float:
    """exp of the mean loss a word (`<end>` included), all positions of a sentence in one call."""
    return _perplexity(
        (model(rows)[:, :-1], rows[:, 1:]) for rows in _french_batches(pairs, corpus, 200)
    )


@torch.no_grad()
def perplexity_one_by_one(model: nn.Module, pairs: Sequence[Pair], corpus: Corpus) -> float:
    """The same with nothing behind the position that speaks, as it is in generation.

    For each word the model is given the words before it and no more. A causal model gives the
    same numbers as in `perplexity`; what a leaking one saw of the next word is not there.
    """

    def steps() -> Iterator[tuple[Tensor, Tensor]]:
        for rows in _french_batches(pairs, corpus, 200):
            for t in range(1, rows.shape[1]):
                yield model(rows[:, :t])[:, -1:], rows[:, t : t + 1]

    return _perplexity(steps())


def _perplexity(parts: Iterable[tuple[Tensor, Tensor]]) -> float:
    total = count = 0.0
    for logits, words in parts:
        real = int((words != Vocabulary.pad).sum())
        if real:
            total += real * float(masked_loss(logits, words))
            count += real
    if not count:
        raise ValueError("there is no word to predict; pass one sentence or more")
    return math.exp(total / count)
