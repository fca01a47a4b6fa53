"""Exercises of notebook 03, first part: room by counting, and what arithmetic alone would do."""

from __future__ import annotations

import math

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb03 import answers


def _fit_cases(dice: Dice) -> list[tuple]:
    roll = dice.random.randint
    return [
        (2, 10, 4),  # 100 notes; 4**3 = 64 sentences
        (3, 8, 2),  # 8**3 = 2**9: exactly as many
        (4, 5, 625),  # one word, exactly
        (1, 6, 20),  # no room for even one word
        (8, 1000, 158),
        # A float's logarithm is on the wrong side of a whole number in these three: exactly 6,
        # exactly 105, and one note less than sentences of 16 words.
        (2, 1000, 10),
        (21, 243, 3),
        (1, 10**16 - 1, 10),
        (roll(3, 9), roll(10, 99), roll(100, 400)),
    ]


def _first_too_many(numbers: int, values: int, vocabulary: int) -> int:
    return answers.words_that_fit(numbers, values, vocabulary) + 1


def _strictly_fewer(numbers: int, values: int, vocabulary: int) -> int:
    words = 0
    while vocabulary ** (words + 1) < values**numbers:
        words += 1
    return words


def _logarithm(numbers: int, values: int, vocabulary: int) -> float:
    return numbers * math.log(values) / math.log(vocabulary)


_LOGARITHMS = (  # each is rounded in its own way
    lambda n, v, words: int(n * math.log(v, words)),
    lambda n, v, words: int(math.log(v**n, words)),
    lambda n, v, words: int(n * math.log2(v) / math.log2(words)),
    lambda n, v, words: int(math.log2(v**n) / math.log2(words)),
    lambda n, v, words: int(n * math.log10(v) / math.log10(words)),
    lambda n, v, words: int(math.log10(v**n) / math.log10(words)),
    lambda n, v, words: int(_logarithm(n, v, words) + 1e-9),
)


def _number_by_number(numbers: int, values: int, vocabulary: int) -> int:
    return numbers * answers.words_that_fit(1, values, vocabulary)


words_that_fit = Exercise(
    name="nb03.words_that_fit",
    title="How many words a note can hold",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.words_that_fit,
    spec=answers.words_that_fit_spec,
    cases=_fit_cases,
    sizes=lambda numbers, values, vocabulary: {
        "numbers": numbers,
        "values": values,
        "vocabulary": vocabulary,
    },
    returns={"words": ""},
    training_case=lambda: (128, 2**32, 158),
    wrong_answers=(
        Wrong(
            "added_up",
            lambda numbers, values, vocabulary: numbers * values // vocabulary,
            "The values are multiplied by how many numbers there are. But each number can be "
            "chosen for itself: two numbers of 10 values make 10 * 10 notes, not 2 * 10.",
        ),
        Wrong(
            "one_word_a_number",
            lambda numbers, values, vocabulary: numbers,
            "This counts one word for each number. A number of 1,000 values can say more than "
            "which of 158 words it is, and a number of 6 values less.",
        ),
        Wrong(
            "first_too_many",
            _first_too_many,
            "This is the first length that does not fit any more. The largest that fits is one "
            "less.",
        ),
        Wrong(
            "strictly_fewer",
            _strictly_fewer,
            "It asks for more notes than sentences. Exactly as many is enough: each sentence then "
            "has its own.",
        ),
        Wrong(
            "by_logarithm",
            lambda *given: math.floor(_logarithm(*given)),
            "The idea is right, but the logarithm of a float is rounded. Where the notes are as "
            "many as the sentences, or one fewer, it can fall on the wrong side of a whole number. "
            "Compare whole powers.",
            also=_LOGARITHMS,
        ),
        Wrong(
            "rounded",
            lambda *given: round(_logarithm(*given)),
            "The logarithm is rounded to the nearest whole number. Then a last word "
            "is counted though only part of it fits.",
        ),
        Wrong(
            "rounded_up",
            lambda *given: math.ceil(_logarithm(*given)),
            "The logarithm is rounded up, so a last word is counted though only part of it fits. "
            "Every sentence of n words needs a note of its own: round down.",
        ),
        Wrong(
            "values_added",
            lambda numbers, values, vocabulary: answers.words_that_fit(
                1, numbers * values, vocabulary
            ),
            "The notes are counted as numbers * values. Each number is chosen for itself, so the "
            "choices multiply: two numbers of 10 values make 10 * 10 notes, values ** numbers.",
        ),
        Wrong(
            "roles_swapped",
            lambda numbers, values, vocabulary: answers.words_that_fit(numbers, vocabulary, values),
            "values and vocabulary have changed places. The values are on the side of the note, "
            "values ** numbers; the vocabulary is on the side of the sentence.",
        ),
        Wrong(
            "base_and_exponent",
            lambda numbers, values, vocabulary: answers.words_that_fit(values, numbers, vocabulary),
            "Base and exponent of the notes have changed places. The first number has `values` "
            "choices, each further one multiplies them by `values` again.",
        ),
        Wrong(
            "number_by_number",
            _number_by_number,
            "Each number is filled with whole words of its own, and what room is left in it is "
            "lost. A word may be spread over several numbers: count the notes as a whole.",
            also=(lambda numbers, values, vocabulary: numbers * int(math.log(values, vocabulary)),),
        ),
        Wrong(
            "all_notes",
            lambda numbers, values, vocabulary: values**numbers // vocabulary,
            "The notes are counted right, but then divided by the vocabulary once. Each further "
            "word divides them once more.",
        ),
    ),
    hints=(
        "With two numbers of 10 values, how many different notes are there? With words a and b, "
        "how many sentences of 3 words?",
        "notes = values to the power of numbers\n"
        "sentences of n words = vocabulary to the power of n\n"
        "raise n as long as the next one still fits",
        "notes, words = values**numbers, 0\nwhile vocabulary ** (words + 1) <= ...:\n    ...",
    ),
    why="each number and each word is a free choice, so choices multiply. What counts is how many "
    "sentences can be told apart, not what stands in which number.",
)


def _null_cases(dice: Dice) -> list[tuple]:
    def case(exact: float, length: float, *lengths: float) -> tuple:
        return exact, length, torch.tensor(lengths)

    return [
        case(0.25, 2, 1.0, 2.0, 4.0),
        case(0.729, 3, 1.0, 6.0),
        case(0.9, 7, 7.0, 14.0, 21.0, 28.0, 35.0),
        case(0.5, 5, *(float(n) for n in dice.random.sample(range(2, 30), 4))),
        case(0.8, 6, *(n + 0.5 for n in dice.random.sample(range(2, 30), 3))),
        case(0.64, 2.5, 1.25, 5.0, 7.5, 10.0),  # a mean length need not be whole
        case(0.0, 4, 2.0, 5.0),  # none was right: a logarithm has no answer
        case(1.0, 5, 3.0, 8.0, 9.0),
    ]


null_curve = Exercise(
    name="nb03.null_curve",
    title="What arithmetic alone would do",
    difficulty=2,
    minutes=8,
    core=True,
    reference=answers.null_curve,
    spec=answers.null_curve_spec,
    cases=_null_cases,
    sizes=lambda exact, length, lengths: {"N": lengths.numel(), "length": length},
    returns={"curve": "N"},
    training_case=lambda: (0.9, 7, torch.tensor([6.0, 9.0, 13.5, 18.5, 23.0])),
    wrong_answers=(
        Wrong(
            "sentence_as_word",
            lambda exact, length, lengths: exact**lengths,
            "The share of right sentences was taken as the probability of one word. A sentence of "
            "`length` words is right only if all of them are: exact = p ** length.",
        ),
        Wrong(
            "divided",
            lambda exact, length, lengths: (exact / length) ** lengths,
            "The share was divided by the number of words. Probabilities of things that must all "
            "happen are multiplied, so the way back is a root.",
        ),
        Wrong(
            "in_proportion",
            lambda exact, length, lengths: exact * length / lengths,
            "The share is taken to fall in proportion to the length. Every word has to be right, "
            "and such probabilities are multiplied, so the length is an exponent.",
        ),
        Wrong(
            "errors_divided",
            lambda exact, length, lengths: (1 - (1 - exact) / length) ** lengths,
            "The errors were shared out among the words. That is close where errors are rare, but "
            "the exact way back from p ** length is the root.",
        ),
        Wrong(
            "straight_line",
            lambda exact, length, lengths: 1 - (1 - exact) * lengths / length,
            "This falls in a straight line, and below 0 in the end. Each further word multiplies "
            "by p.",
        ),
        Wrong(
            "roles_swapped",
            lambda exact, length, lengths: exact ** (length / lengths),
            "The exponent is upside down: longer sentences come out right more often. A sentence "
            "twice as long needs twice as many words right.",
        ),
        Wrong(
            "same_for_all",
            lambda exact, length, lengths: torch.full_like(lengths, exact),
            "This says that length does not matter at all. Even if every word is right equally "
            "often, more of them leave more chances for a slip.",
        ),
        Wrong(
            "word_only",
            lambda exact, length, lengths: torch.full_like(lengths, exact ** (1 / length)),
            "This is p, the probability of one word. A sentence of T words needs T of them.",
        ),
        Wrong(
            "multiplied",
            lambda exact, length, lengths: exact ** (1 / length) * lengths,
            "p is right, but it is multiplied by the number of words: that is how many right words "
            "to expect. For all of them to be right, p is a factor once for each word.",
        ),
        Wrong(
            "not_all_wrong",
            lambda exact, length, lengths: 1 - (1 - exact ** (1 / length)) ** lengths,
            "This is the chance that at least one word is right, which grows with length. The "
            "question is how often every word is.",
        ),
        Wrong(
            "errors_added_up",
            lambda exact, length, lengths: 1 - (1 - exact ** (1 / length)) * lengths,
            "The probabilities of an error are added up, word by word. Several words may be "
            "wrong at once, so multiply the probabilities of being right.",
        ),
        Wrong(
            "difference_of_lengths",
            lambda exact, length, lengths: exact ** (lengths - length),
            "The exponent is the difference of the two lengths. It is their ratio, because "
            "twice as many words square the exact match.",
        ),
    ),
    hints=(
        "A quarter of the two-word sentences are right. If both words are right equally often, how "
        "often is each? How many sentences of four words would then be right?",
        "p to the power of length is exact; so p is a root of exact\n"
        "then p to the power of each of the lengths",
        "word = exact ** (1 / ...)\nword ** ...",
    ),
    why="independent things that must all happen multiply. The root undoes the power: from a "
    "sentence's share to a word's probability, and the power leads to the other lengths.",
)
