"""Sentence pairs with gold word alignments: the file format, reading it, and checking every line.

One pair is one line of a UTF-8 TSV file (gzip-compressed if its name ends in .gz), in 4 columns:
English tokens, French tokens (both space separated), links, construction tags. A link is `i-j`
(sure) or `i?j` (possible only), i a source and j a target position, both counted from 0. As in
Och and Ney (2003), the sure links S are a subset of the possible links P.
"""

from __future__ import annotations

import gc
import re
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

Links = frozenset[tuple[int, int]]


REBUILD = "Fetch the file again, or rebuild the data with `python -m helpers data`."
LONGEST_LINE = 10_000  # characters; a sentence pair has a few hundred with its links
_LINK = re.compile(r"(0|[1-9][0-9]{0,3})([-?])(0|[1-9][0-9]{0,3})")
_TAG = re.compile(r"[a-z]+(-[a-z]+)*")


class CorpusError(ValueError):
    """A data file that is missing or broken; the text names file, line, fault and remedy."""


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
    are not UTF-8, a line over `LONGEST_LINE`, a wrong number of columns, an empty side, a token
    that is not lower-case NFC text, a malformed, repeated or out-of-range link, a malformed tag, no
    line end on the last line.
    """
    return _read_pairs(Path(path), _Seen({}, {}, {}))


def read_splits(files: Mapping[str, Path]) -> dict[str, list[Pair]]:
    """Read several files, such as {"train": Path(...)}, faster than one by one: `read_pairs`."""
    seen = _Seen({}, {}, {})
    collecting = gc.isenabled()
    gc.disable()  # hundreds of thousands of objects are made to stay; looking at them costs time
    try:
        return {name: _read_pairs(path, seen) for name, path in files.items()}
    finally:
        if collecting:
            gc.enable()


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
    if len(line) > LONGEST_LINE:
        raise CorpusError(
            f"{len(line):,} characters, expected at most {LONGEST_LINE:,}; it is no sentence pair, "
            "or its line ends are missing"
        )
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
    return CorpusError(f"{path}, line {line}: {fault}. {REBUILD}")


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CorpusError(f"{path}: there is no such file. {REBUILD}") from None
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}). {REBUILD}") from None
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
