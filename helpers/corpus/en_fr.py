"""The course's own English-French sentences, data/en-fr: two levels, five splits each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from helpers.corpus.pairs import REBUILD, CorpusError, Pair, read_splits
from helpers.corpus.vocabulary import Vocabulary
from helpers.settings import DATA

# Only dev is left uncompressed: it is the one to read.
FILES = {name: f"{name}.tsv.gz" for name in ("train", "dev", "test", "test_longer", "test_unseen")}
FILES["dev"] = "dev.tsv"
# Source lengths, both ends included, by which results are told apart; LONGER is in no training set.
BUCKETS = ((4, 6), (7, 9), (10, 14), (15, 19), (20, 24))
LONGER = ((25, 34),)


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


def load_corpus(level: str = "lite", directory: str | Path | None = None) -> Corpus:
    """Read a level, "lite" or "full", from `directory` (the course's data/en-fr by default)."""
    root = DATA / "en-fr" if directory is None else Path(directory)
    if not (root / level).is_dir():
        raise CorpusError(f"no level {level!r} in {root}; expected 'lite' or 'full'. {REBUILD}")
    splits = read_splits({name: root / level / file for name, file in FILES.items()})
    source = Vocabulary.build(pair.source for pair in splits["train"])
    target = Vocabulary.build(pair.target for pair in splits["train"])
    return Corpus(level, **splits, source_vocabulary=source, target_vocabulary=target)
