"""Words and their numbers, and how a typed sentence is split into words."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence


class EmptySentenceError(ValueError):
    """A sentence without a single word in it."""


class UnknownWordsError(ValueError):
    """Words that a vocabulary does not have: `.words`, and `.suggestions` (word -> near words)."""

    def __init__(self, words: Sequence[str], suggestions: dict[str, list[str]]) -> None:
        self.words, self.suggestions = list(words), suggestions
        parts = [
            f"'{word}'" + (f" (did you mean {' or '.join(near)}?)" if near else "")
            for word, near in suggestions.items()
        ]
        super().__init__(
            f"not in the vocabulary: {', '.join(parts)}. "
            "The model knows only the words it was trained on; choose others."
        )


class Vocabulary:
    """Words and their ids: <pad> 0, <start> 1, <end> 2, <unk> 3 if `unknown`, then `words`.

    `.words` holds every entry by id. `.unk` is None where unknown words are an error.
    """

    pad, start, end = 0, 1, 2

    def __init__(self, words: Iterable[str], unknown: bool = False) -> None:
        self.unk = 3 if unknown else None
        specials = ["<pad>", "<start>", "<end>"] + ["<unk>"] * unknown
        self.words: list[str] = [*specials, *words]
        self._ids = {word: number for number, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            twice = [word for word, count in Counter(self.words).items() if count > 1]
            raise ValueError(f"a vocabulary needs each word once; given more than once: {twice}")

    @classmethod
    def build(
        cls, sentences: Iterable[Sequence[str]], unknown: bool = False, minimum: int = 1
    ) -> Vocabulary:
        """Number the words that occur `minimum` times or more by frequency, then alphabet."""
        counts: Counter[str] = Counter()
        for sentence in sentences:
            counts.update(sentence)
        ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return cls((word for word, count in ordered if count >= minimum), unknown)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._ids

    def encode(self, words: Sequence[str]) -> list[int]:
        """Return the ids of `words`; raises UnknownWordsError unless made with unknown=True."""
        try:
            return [self._ids[word] for word in words]
        except KeyError:
            if self.unk is not None:
                return [self._ids.get(word, self.unk) for word in words]
        missing = list(dict.fromkeys(word for word in words if word not in self._ids))
        known = [word for word in self.words if word[0] != "<"]
        raise UnknownWordsError(
            missing, {w: difflib.get_close_matches(w, known, n=2, cutoff=0.7) for w in missing}
        )

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the words of `ids` up to the first <end>, without <pad> and <start>."""
        words = []
        for number in map(int, ids):
            if not 0 <= number < len(self.words):
                raise ValueError(f"id {number} is outside this vocabulary of {len(self)} entries")
            if number == self.end:
                break
            if number not in (self.pad, self.start):
                words.append(self.words[number])
        return words


_IS = re.compile(r"\b(it|he|she|that|who)'s(?!\w)")
_ARE = re.compile(r"\b(we|you|they)'re\b")
_NOT = re.compile(r"\b(do|does|did|is|are|was|were)n't\b")
# A genitive ('s), an elided word (l'), another word, or a mark that ends a sentence.
_TOKEN = re.compile(
    r"'s(?!\w)|aujourd'hui|(?:[cdjlmnst]|(?:jus|lors|puis)?qu)'|[^\W_]+(?:-[^\W_]+)*|[.?]"
)


def tokenize(text: str) -> list[str]:
    """Split a sentence as the data does: lower case, marks apart, elided words kept with their '.

    "The girl's cat doesn't sleep!" gives the girl 's cat does not sleep . - short forms are written
    out (doesn't, isn't, it's, I'm, we're), a missing final mark or '!' becomes '.', and marks that
    the data does not have (commas, quotes, brackets) are left out.
    Raises EmptySentenceError if there is no word in `text`.
    """
    if not isinstance(text, str):
        raise TypeError(f"tokenize expects one sentence as a str, got {type(text).__name__}")
    plain = unicodedata.normalize("NFC", text).lower()
    plain = re.sub("[’‘ʼ`´]", "'", plain).replace("!", ".").replace("…", ".")
    plain = re.sub(r"\bi'm\b", "i am", _NOT.sub(r"\1 not", _ARE.sub(r"\1 are", plain)))
    tokens = _TOKEN.findall(_IS.sub(r"\1 is", plain))
    while tokens[-2:-1] in (["."], ["?"]) and tokens[-1] in ".?":
        tokens.pop()
    if not any(token not in ".?" for token in tokens):
        raise EmptySentenceError("no word in this sentence; write one, for example: the cat sleeps")
    return tokens if tokens[-1] in ".?" else [*tokens, "."]
