"""What an attention map finds: gold links by kind, and the baseline that looks straight ahead.

A link is (source position, target position), 0-based. A map is (T, S), `<end>` in its last row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from helpers.corpus import Pair
from helpers.decoding import Translation
from helpers.metrics import Link, best_links

# In the order of a table. Each French word that has a gold link is of exactly one kind.
WORD_KINDS = {
    "monotone": "a sure link that crosses no other",
    "crossing": "a sure link that crosses another: the words change places",
    "shared article": "an article in both languages",
    "added article": "an article in French only; its noun counts as right",
    "ne": "first half of the negation; 'not', 'does' and the like count as right",
    "pas": "second half of the negation, linked to 'not'",
    "other": "only possible links, such as the auxiliary in 'a mangé'",
}
FRENCH_ARTICLES = frozenset(["le", "la", "l'", "les", "un", "une", "des", "du", "de", "d'"])
ENGLISH_ARTICLES = frozenset(["the", "a", "an"])


def diagonal_links(target_length: int, source_length: int) -> set[Link]:
    """Return the links of a map that looks straight ahead, one a target word, `<end>` left out.

    Word t looks at the place that is as far along the source as the middle of t along the target.
    """
    if target_length < 1 or source_length < 1:
        raise ValueError(
            f"{target_length} target and {source_length} source words; a map needs one of each"
        )
    return {(int((t + 0.5) * source_length / target_length), t) for t in range(target_length)}


def crossing_links(links: Iterable[Link]) -> set[Link]:
    """Return the links that cross another one: of two words the order is turned round."""
    links = list(links)
    return {(i, t) for i, t in links if any((i - j) * (t - u) < 0 for j, u in links)}


def kinds_of_words(pair: Pair) -> dict[int, str]:
    """Return for each target position that has a gold link its kind, one of `KINDS`."""
    sure = {t for _, t in pair.sure}
    turned = {t for _, t in crossing_links(pair.sure)}
    from_article = {t for i, t in pair.sure if pair.source[i] in ENGLISH_ARTICLES}
    kinds = {}
    for t in sorted({t for _, t in pair.possible}):
        word = pair.target[t]
        if word in ("ne", "n'"):
            kinds[t] = "ne"
        elif word == "pas":
            kinds[t] = "pas"
        elif word in FRENCH_ARTICLES and t in from_article:
            kinds[t] = "shared article"
        elif word in FRENCH_ARTICLES and t not in sure:
            kinds[t] = "added article"
        elif t not in sure:
            kinds[t] = "other"
        else:
            kinds[t] = "crossing" if t in turned else "monotone"
    return kinds


def hits_by_kind(
    taught: Sequence[Translation], pairs: Sequence[Pair]
) -> dict[str, tuple[int, int]]:
    """Count, for each kind of word, those whose largest weight lies on a gold link.

    taught: translations made with `translate_all(..., teacher_forcing=True)`, so that row t of the
    map belongs to gold word t. Sure and possible links both count.
    Returns {kind: (hits, words)}, kinds that do not occur left out.
    """
    if len(taught) != len(pairs):
        raise ValueError(
            f"{len(taught)} translations for {len(pairs)} pairs; expected one for each"
        )
    counts = {kind: [0, 0] for kind in WORD_KINDS}
    for translation, pair in zip(taught, pairs, strict=True):
        weights = translation.weights
        if weights is None or len(weights) != len(pair.target) + 1:
            raise ValueError(
                "this needs a map with one row for each gold word and <end>; translate with "
                "translate_all(..., teacher_forcing=True) and a model with attention"
            )
        hit = {t for _, t in best_links(weights) & pair.possible}
        for t, kind in kinds_of_words(pair).items():
            counts[kind][0] += t in hit
            counts[kind][1] += 1
    return {kind: (hits, words) for kind, (hits, words) in counts.items() if words}
