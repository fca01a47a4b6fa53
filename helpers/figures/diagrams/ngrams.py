"""A picture of the n-grams that match, as BLEU counts them (Papineni et al. 2002, section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.figures.diagrams.spec import Arrow, Box, Diagram

_STEP, _ABOVE = 1.06, 1.35  # columns from box to box, rows from candidate to reference


def matching(candidate: Sequence[str], reference: Sequence[str], n: int) -> Diagram:
    """The n-grams of a candidate below those of its reference, with an arrow for each match.

    Each n-gram of the reference can be used once, so those of the candidate that find none left
    are hatched. Raises ValueError for a candidate of fewer than n words.
    """
    own, known = _ngrams(candidate, n), _ngrams(reference, n)
    if not own:
        raise ValueError(f"{len(candidate)} words hold no {n}-gram; give a longer candidate")
    free, ways = list(range(len(known))), []
    for i, ngram in enumerate(own):
        fits = [j for j in free if known[j] == ngram]
        if fits:
            free.remove(fits[0])
            ways.append(Arrow(f"r{fits[0]}", f"k{i}"))
    boxes = [_name("reference", _ABOVE), _name("candidate", 0.0)]
    boxes += [_box("r", j, ngram, "reference", _ABOVE) for j, ngram in enumerate(known)]
    boxes += [_box("k", i, ngram, "output", 0.0) for i, ngram in enumerate(own)]
    matched = {arrow.end for arrow in ways}
    lost = [f"k{i}" for i in range(len(own)) if f"k{i}" not in matched]
    alt = (
        f"Above the {n}-grams of the reference, '{' '.join(reference)}', below those of the "
        f"candidate, '{' '.join(candidate)}'. Arrows join {len(ways)} of the {len(own)} below to "
        "one above each. The others are hatched."
    )
    title = f"{n}-grams: {len(ways)} of {len(own)} match"
    return Diagram(title, tuple(boxes), tuple(ways), (), alt, frozenset(lost))


def _ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _name(side: str, row: float) -> Box:
    return Box(side, side, "word", (-1.2, row), wide=1.2, bound=False)


def _box(kind: str, place: int, ngram: tuple[str, ...], role: str, row: float) -> Box:
    tall = 0.2 + 0.25 * len(ngram)
    label = "\n".join(ngram)
    at = (_STEP * place, row)
    return Box(f"{kind}{place}", label, role, at, wide=0.96, tall=tall, bound=False)
