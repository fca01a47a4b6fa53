"""The English-French sentences with gold word alignments: reading, checking, numbering, batching.

One pair is one line of a UTF-8 TSV file (gzip-compressed if its name ends in .gz), in 4 columns:
English tokens, French tokens (both space separated), links, construction tags. A link is `i-j`
(sure) or `i?j` (possible only), i a source and j a target position, both counted from 0. As in
Och and Ney (2003), the sure links S are a subset of the possible links P.
"""

from __future__ import annotations

import difflib
import gc
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn.utils.rnn import pad_sequence

from helpers.settings import DATA

Links = frozenset[tuple[int, int]]

# Only dev is left uncompressed: it is the one to read.
FILES = {name: f"{name}.tsv.gz" for name in ("train", "dev", "test", "test_longer", "test_unseen")}
FILES["dev"] = "dev.tsv"
_REBUILD = "Fetch the file again, or rebuild the data with `python -m helpers data`."
_LINK = re.compile(r"(0|[1-9][0-9]{0,3})([-?])(0|[1-9][0-9]{0,3})")
_TAG = re.compile(r"[a-z]+(-[a-z]+)*")


class CorpusError(ValueError):
    """A data file that is missing or broken; the text names file, line, fault and remedy."""


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


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence pair. Links are (source position, target position), 0-based; sure <= possible."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: Links
    possible: Links
    tags: tuple[str, ...]


def format_pair(pair: Pair) -> str:
    """Return the pair as one line of the file format, without a line end; links in order."""
    links = (f"{i}{'-' if (i, j) in pair.sure else '?'}{j}" for i, j in sorted(pair.possible))
    columns = (pair.source, pair.target, links, pair.tags)
    return "\t".join(" ".join(column) for column in columns)


def read_pairs(path: str | Path) -> list[Pair]:
    """Read and check every line of a TSV or TSV.GZ file (format: see the top of this module).

    Raises CorpusError with file, line and fault: no such file, cut-off or damaged gzip, bytes that
    are not UTF-8, a wrong number of columns, an empty side, a token that is not lower-case NFC
    text, a malformed, repeated or out-of-range link, a malformed tag, no line end on the last line.
    """
    return _read_pairs(Path(path), _Seen({}, {}, {}))


def _read_pairs(path: Path, seen: _Seen) -> list[Pair]:
    lines = _read_text(path).split("\n")
    if lines.pop() != "":
        raise _fault(path, len(lines) + 1, "the line has no line end, so the file was cut off here")
    if not lines:
        raise _fault(path, 1, "the file is empty")
    pairs = []
    for number, line in enumerate(lines, start=1):
        try:
            pairs.append(_parse(line, seen))
        except CorpusError as error:
            raise _fault(path, number, str(error)) from None
    return pairs


class _Seen(NamedTuple):
    """What was checked on earlier lines and need not be checked, or stored, again (speed)."""

    tokens: dict[str, str]  # each to the one copy that all pairs share
    links: dict[str, tuple[Links, Links, int, int]]  # and the sizes they need at least
    tags: dict[str, tuple[str, ...]]


def _parse(line: str, seen: _Seen) -> Pair:
    columns = line.split("\t")
    if len(columns) != 4:
        raise CorpusError(f"{len(columns)} columns, expected 4 with tabs between them")
    source = _parse_side(columns[0], "English", seen.tokens)
    target = _parse_side(columns[1], "French", seen.tokens)
    if columns[2] not in seen.links:
        seen.links[columns[2]] = _parse_links(columns[2])
    sure, possible, least_i, least_j = seen.links[columns[2]]
    if least_i > len(source) or least_j > len(target):
        sizes = f"{len(source)} English and {len(target)} French tokens"
        raise CorpusError(f"a link is out of range in {columns[2]!r}: {sizes}, counted from 0")
    if columns[3] not in seen.tags:
        seen.tags[columns[3]] = _parse_tags(columns[3])
    return Pair(source, target, sure, possible, seen.tags[columns[3]])


def _parse_side(text: str, side: str, tokens: dict[str, str]) -> tuple[str, ...]:
    words = text.split(" ")
    try:
        return tuple(map(tokens.__getitem__, words))
    except KeyError:
        if words == [""]:
            raise CorpusError(f"the {side} side is empty, expected at least one token") from None
        for word in words:
            _check_token(word, side)
            tokens.setdefault(word, word)
        return tuple(map(tokens.__getitem__, words))


def _check_token(word: str, side: str) -> None:
    if not word:
        raise CorpusError(f"an empty token on the {side} side; expected single spaces between")
    if any(c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn") for c in word):
        raise CorpusError(f"token {word!r} on the {side} side has a blank or control character")
    if word != unicodedata.normalize("NFC", word):
        raise CorpusError(f"token {word!r} on the {side} side is not in Unicode form NFC")
    if word != word.lower():
        raise CorpusError(f"token {word!r} on the {side} side is not in lower case")


def _parse_links(text: str) -> tuple[Links, Links, int, int]:
    names = text.split(" ") if text else []
    links = [_parse_link(name) for name in names]
    possible = frozenset([link for link, _ in links])
    if len(possible) != len(links):
        raise CorpusError(f"a pair of positions is linked twice in {text!r}, expected once")
    sure = frozenset([link for link, is_sure in links if is_sure])
    least_i = 1 + max([i for i, _ in possible], default=-1)
    least_j = 1 + max([j for _, j in possible], default=-1)
    return sure, possible, least_i, least_j


@lru_cache(maxsize=10_000)
def _parse_link(name: str) -> tuple[tuple[int, int], bool]:
    match = _LINK.fullmatch(name)
    if not match:
        raise CorpusError(
            f"bad link {name!r}, expected i-j (sure) or i?j (possible), as in '0-0 2?1'"
        )
    return (int(match[1]), int(match[3])), match[2] == "-"


def _parse_tags(text: str) -> tuple[str, ...]:
    tags = tuple(text.split(" ")) if text else ()
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise CorpusError(f"bad tag {tag!r}, expected lower-case letters and hyphens")
    return tags


def _fault(path: Path, line: int, fault: str) -> CorpusError:
    return CorpusError(f"{path}, line {line}: {fault}. {_REBUILD}")


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CorpusError(f"{path}: there is no such file. {_REBUILD}") from None
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}). {_REBUILD}") from None
    if path.suffix == ".gz":
        data = _gunzip(path, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _fault(
            path, line, f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None
    # A checkout on Windows may have turned line ends into CR LF.
    return text.replace("\r\n", "\n")


def _gunzip(path: Path, data: bytes) -> bytes:
    """Decompress piece by piece, so that a fault can be placed at a line."""
    unpacker, pieces = zlib.decompressobj(wbits=31), []
    fault = None
    try:
        for start in range(0, len(data), 1 << 16):
            pieces.append(unpacker.decompress(data[start : start + (1 << 16)]))
    except zlib.error:
        fault = "the gzip data is damaged here"
    text = b"".join(pieces)
    if fault is None and not unpacker.eof:
        fault = f"the gzip data ends too early ({len(data)} bytes), as after a broken download"
    if fault:
        raise _fault(path, text.count(b"\n") + 1, fault)
    return text


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


@dataclass(frozen=True)
class Corpus:
    """The five splits of one level and the vocabularies of its training sentences."""

    level: str
    train: list[Pair]
    dev: list[Pair]
    test: list[Pair]
    test_longer: list[Pair]
    test_unseen: list[Pair]
    source_vocabulary: Vocabulary
    target_vocabulary: Vocabulary


def load(level: str = "lite", directory: str | Path | None = None) -> Corpus:
    """Read a level, "lite" or "full", from `directory` (the course's data/en-fr by default)."""
    root = DATA / "en-fr" if directory is None else Path(directory)
    if not (root / level).is_dir():
        raise CorpusError(f"no level {level!r} in {root}; expected 'lite' or 'full'. {_REBUILD}")
    seen = _Seen({}, {}, {})
    collecting = gc.isenabled()
    gc.disable()  # hundreds of thousands of objects are made to stay; looking at them costs time
    try:
        splits = {name: _read_pairs(root / level / file, seen) for name, file in FILES.items()}
    finally:
        if collecting:
            gc.enable()
    source = Vocabulary.build(pair.source for pair in splits["train"])
    target = Vocabulary.build(pair.target for pair in splits["train"])
    return Corpus(level, **splits, source_vocabulary=source, target_vocabulary=target)


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


@dataclass(frozen=True)
class Batch:
    """Sentences side by side, right-padded with <pad>. All tensors are int64."""

    source: torch.Tensor  # (B, S), without <start> and <end>
    lengths: torch.Tensor  # (B,), true source lengths
    target_in: torch.Tensor  # (B, T), <start> y_1 .. y_n
    target_out: torch.Tensor  # (B, T), y_1 .. y_n <end>

    def to(self, device: torch.device | str) -> Batch:
        """Return the same batch with its tensors on `device`."""
        return Batch(*(tensor.to(device) for tensor in vars(self).values()))


def collate(
    pairs: Sequence[Pair], source_vocabulary: Vocabulary, target_vocabulary: Vocabulary
) -> Batch:
    """Number and pad `pairs` (at least one), in the order given."""
    if not pairs:
        raise ValueError("collate got no pairs; expected at least one")
    pad = partial(pad_sequence, batch_first=True, padding_value=Vocabulary.pad)
    start, end = Vocabulary.start, Vocabulary.end
    sources = [torch.tensor(source_vocabulary.encode(pair.source)) for pair in pairs]
    targets = [torch.tensor([start, *target_vocabulary.encode(pair.target), end]) for pair in pairs]
    return Batch(
        source=pad(sources),
        lengths=torch.tensor([len(pair.source) for pair in pairs]),
        target_in=pad([target[:-1] for target in targets]),
        target_out=pad([target[1:] for target in targets]),
    )


def make_batches(
    pairs: Sequence[Pair],
    batch_size: int,
    generator: torch.Generator,
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    window: int = 16,
) -> Iterator[Batch]:
    """Yield every pair once, in shuffled batches of similar lengths (the last may be smaller).

    `window` batches are drawn at random, sorted by target length, cut, and shuffled again. Little
    is then padded on the target side, where a decoder pays for the longest sentence at each step;
    source lengths stay mixed.
    """
    if batch_size < 1 or window < 1:
        raise ValueError(f"batch_size={batch_size} and window={window}: expected 1 or more")
    order = torch.randperm(len(pairs), generator=generator).tolist()
    for first in range(0, len(order), batch_size * window):
        chunk = order[first : first + batch_size * window]
        chunk.sort(key=lambda k: len(pairs[k].target))
        cuts = [chunk[k : k + batch_size] for k in range(0, len(chunk), batch_size)]
        for k in torch.randperm(len(cuts), generator=generator).tolist():
            yield collate([pairs[i] for i in cuts[k]], source_vocabulary, target_vocabulary)
