"""Exercises of notebook 02, third part: counting n-grams as BLEU does."""

from __future__ import annotations

from collections import Counter

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb02 import answers

_FEW_WORDS = "le la chat chien dort"


def _match_cases(dice: Dice) -> list[tuple]:
    return [
        (["le", "chat", "dort"], ["un", "chat", "noir", "dort", "ici"], 1),
        (["le"] * 4, ["le", "chat", "et", "le", "chien"], 1),
        (["le", "chat"], ["le", "chat", "noir"], 4),
        (["le", "chat", "dort"], ["le", "chien", "et", "le", "chat"], 1),
        ([], dice.words(_FEW_WORDS, 9), 1),
        (["le", "chat", "le", "chat"], ["un", "chien", "le", "chat", "dort"], 2),
        (dice.words(_FEW_WORDS, 9), dice.words(_FEW_WORDS, 7), 2),
        (dice.words(_FEW_WORDS, 8), dice.words(_FEW_WORDS, 12), 3),
        (dice.words("le chat", 12), dice.words("le chat", 10), 4),
        # Other words that give the same letters, glued together or joined by a hyphen.
        (["la", "it", "le"], ["l", "ait", "il", "e"], 2),
        (["a", "bc", "d", "ab"], ["ab", "c", "dab", "a", "b"], 3),
        (["peut-être", "là", "ou"], ["peut", "être-là", "là-ou", "peut"], 2),
    ]


def _ngrams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _as_often_as_the_reference(
    candidate: list[str], reference: list[str], n: int
) -> tuple[int, int]:
    known = _ngrams(reference, n)
    own = _ngrams(candidate, n)
    return sum(known.count(ngram) for ngram in set(own)), len(own)


def _unclipped(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
    known = _ngrams(reference, n)
    return sum(ngram in known for ngram in _ngrams(candidate, n)), len(_ngrams(candidate, n))


def _as_sets(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
    found = set(_ngrams(candidate, n))
    return len(found & set(_ngrams(reference, n))), len(found)


def _in_place(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
    both = zip(_ngrams(candidate, n), _ngrams(reference, n), strict=False)
    return sum(one == other for one, other in both), len(_ngrams(candidate, n))


def _last_one_missing(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
    found, known = (Counter(_ngrams(words, n)[:-1]) for words in (candidate, reference))
    return sum((found & known).values()), sum(found.values())


def _matches(candidate: list[str], reference: list[str], n: int) -> int:
    return answers.clipped_matches(candidate, reference, n)[0]


def _glued(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
    def texts(words: list[str]) -> list[str]:
        return ["".join(words[i : i + n]) for i in range(len(words) - n + 1)]

    return answers.clipped_matches(texts(candidate), texts(reference), 1)


clipped_matches = Exercise(
    name="nb02.clipped_matches",
    title="Count n-grams as BLEU does",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.clipped_matches,
    spec=answers.clipped_matches_spec,
    cases=_match_cases,
    sizes=lambda candidate, reference, n: {
        "candidate": len(candidate),
        "reference": len(reference),
        "n": n,
    },
    returns={"matches": "", "total": ""},
    training_case=lambda: (Dice().words(_FEW_WORDS, 24), Dice(1).words(_FEW_WORDS, 25), 2),
    wrong_answers=(
        Wrong(
            "unclipped",
            _unclipped,
            "Nothing is clipped: 'le le le le' would match four times a reference that has 'le' "
            "twice. An n-gram matches at most as often as the reference has it.",
        ),
        Wrong(
            "counted_in_the_reference",
            _as_often_as_the_reference,
            "A matching n-gram counts as often as the reference has it, even where the candidate "
            "says it once. It counts as often as both have it: the smaller of the two numbers.",
        ),
        Wrong(
            "sets",
            _as_sets,
            "Each different n-gram is counted once. A sentence may rightly say 'le' twice: both "
            "count, up to the number in the reference.",
        ),
        Wrong(
            "of_the_reference",
            lambda candidate, reference, n: (
                _matches(candidate, reference, n),
                len(_ngrams(reference, n)),
            ),
            "The total is that of the reference. Then it is recall; BLEU's precision asks how "
            "much of the candidate is right.",
        ),
        Wrong(
            "last_one_missing",
            _last_one_missing,
            "The last n-gram is missing: m words hold m - n + 1 of them. Count those of a "
            "sentence of three words by hand, for n = 2.",
        ),
        Wrong(
            "same_place",
            _in_place,
            "Only n-grams at the same place count. A translation may be right and one word "
            "longer at its beginning: where the n-gram stands plays no part.",
        ),
        Wrong(
            "words_only",
            lambda candidate, reference, n: answers.clipped_matches(candidate, reference, 1),
            "Single words are counted, whatever n is. An n-gram is n words in a row, and matches"
            " only as a whole: this is how BLEU sees word order.",
        ),
        Wrong(
            "below_zero",
            lambda candidate, reference, n: (
                _matches(candidate, reference, n),
                len(candidate) - n + 1,
            ),
            "For a sentence shorter than n the total is 0 or less: len - n + 1 is no count "
            "there. Such a sentence has no n-gram, and the total is 0.",
        ),
        Wrong(
            "glued",
            _glued,
            "The words of an n-gram were glued into one text, in which la + it looks like l + "
            "ait. Keep them apart: a tuple of words.",
        ),
        Wrong(
            "all_lengths",
            lambda candidate, reference, n: tuple(
                map(
                    sum,
                    zip(
                        *(
                            answers.clipped_matches(candidate, reference, k)
                            for k in range(1, n + 1)
                        ),
                        strict=True,
                    ),
                )
            ),
            "All lengths up to n are counted together. Asked for are the n-grams of exactly n "
            "words.",
        ),
    ),
    hints=(
        "The reference has 'le' twice, the candidate four times. How many of the four are right?"
        " And how many n-grams are there in a sentence of m words?",
        "count each n-gram of the candidate, as a tuple, and each of the reference\n"
        "matches: for each n-gram the smaller of its two counts, added up\n"
        "total: all n-grams of the candidate",
        "Counter(tuple(words[i : i + n]) for i in range(...))\n"
        "found & known keeps the smaller counts",
    ),
    why="the smaller of the two counts is what & of two Counters keeps. Without it a translation "
    "could repeat one good word and get full marks.",
)
