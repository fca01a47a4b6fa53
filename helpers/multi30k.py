"""Multi30k as the course's models take it: real English captions and their French translations.

The pairs have no gold links: nobody drew them. Everything else is a `corpus.Corpus`, so whatever
trains, translates and measures on the course's own sentences does so on these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import torch

from helpers import downloads
from helpers.corpus import Batch, Corpus, CorpusError, Pair, Vocabulary, collate
from helpers.settings import DEVICE, course_seed

SPLITS = {"train": "train", "dev": "val", "test": "test_2016_flickr"}
_TOKEN = re.compile(r"\w+|[^\w\s]")
_NONE: frozenset[tuple[int, int]] = frozenset()


def tokenize(text: str) -> list[str]:
    """Split a caption: lower case, each run of letters and digits, each other mark by itself.

    Apostrophes and hyphens are marks too: "L'homme" gives l ' homme, "t-shirt" gives t - shirt.
    So the words behind an elided article are counted together (l'homme, d'homme, homme), at the
    price of longer sentences. BLEU is counted on these tokens: compare it only with BLEU that is.
    """
    return _TOKEN.findall(text.lower())


def load(folder: str | Path | None = None, minimum: int = 2) -> Corpus:
    """Return Multi30k, English to French, as a Corpus of level "multi30k".

    folder: holds train.en, train.fr, val.en, ..., test_2016_flickr.fr; they are read as they are.
    By default they are checked, and fetched where they are lacking (`downloads.fetch`).
    minimum: a word that occurs less often in training than this is <unk> to the models.

    `dev` is Multi30k's val and `test` its test_2016_flickr; `test_longer` and `test_unseen` are
    empty. A pair holds its true words, never <unk>: only the ids of a batch do, so a score against
    a pair pays for each word that the vocabulary lacks.

    Raises DownloadError where the files cannot be had, CorpusError where they cannot be used.
    """
    names = tuple(SPLITS.values())
    captions = downloads.load() if folder is None else downloads.read(folder, splits=names)
    place = downloads.default_folder() if folder is None else Path(folder)
    shared: dict[str, str] = {}  # each word to the one copy that all pairs share
    splits = {
        split: [
            _pair(caption, shared, f"{place}, {name}, line {number}")
            for number, caption in enumerate(captions[name], start=1)
        ]
        for split, name in SPLITS.items()
    }
    source = Vocabulary.build((p.source for p in splits["train"]), unknown=True, minimum=minimum)
    target = Vocabulary.build((p.target for p in splits["train"]), unknown=True, minimum=minimum)
    return Corpus(
        "multi30k",
        **splits,
        test_longer=[],
        test_unseen=[],
        source_vocabulary=source,
        target_vocabulary=target,
    )


def _pair(caption: tuple[str, ...], shared: dict[str, str], place: str) -> Pair:
    sides = [tuple(shared.setdefault(word, word) for word in tokenize(text)) for text in caption]
    if not all(sides):
        raise CorpusError(f"{place}: a caption without a word, in English or French. Remove both.")
    return Pair(*sides, sure=_NONE, possible=_NONE, tags=())


def same_length_batches(
    corpus: Corpus, batch_size: int = 32, seed: int | None = None, window: int = 16
) -> Iterator[Batch]:
    """Yield training batches without end whose sources all have one length: no padding there.

    Each round holds every training pair once, in a new order; the last batch of a length may be
    smaller. `window` batches of a length are drawn at random and sorted by target length before
    they are cut, so that little is padded there either. Batches are as `corpus.collate` makes
    them, on the course's device.
    seed: order of the sentences, `course_seed()` by default.

    The price: sentences of one length always meet in one batch, so its gradient speaks for that
    length alone, and a padding mask is never used in training.
    """
    if batch_size < 1 or window < 1:
        raise ValueError(f"batch_size={batch_size} and window={window}: expected 1 or more")
    if not corpus.train:
        raise ValueError("the corpus has no training pairs; expected one or more")
    generator = torch.Generator().manual_seed(course_seed() if seed is None else seed)
    blocks = _blocks(corpus)  # words are numbered once; a round then only picks rows
    while True:
        cuts = [
            (block, rows) for block in blocks for rows in _cut(block, batch_size, window, generator)
        ]
        for k in torch.randperm(len(cuts), generator=generator).tolist():
            yield _rows(*cuts[k]).to(DEVICE)


def _blocks(corpus: Corpus) -> list[Batch]:
    """All training pairs, one large batch for each source length."""
    groups: dict[int, list[Pair]] = {}
    for pair in corpus.train:
        groups.setdefault(len(pair.source), []).append(pair)
    vocabularies = corpus.source_vocabulary, corpus.target_vocabulary
    return [collate(groups[length], *vocabularies) for length in sorted(groups)]


def _cut(
    block: Batch, batch_size: int, window: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Yield the numbers of all rows of `block`, shuffled, `batch_size` or fewer at a time."""
    sizes = (block.target_out != Vocabulary.pad).sum(dim=1)
    for drawn in torch.randperm(len(sizes), generator=generator).split(batch_size * window):
        yield from drawn[sizes[drawn].argsort(stable=True)].split(batch_size)


def _rows(block: Batch, rows: torch.Tensor) -> Batch:
    """Some rows of a batch, rows (B,), no wider than its longest target."""
    target_out = block.target_out[rows]  # (B, T of the block)
    longest = int((target_out != Vocabulary.pad).sum(dim=1).max())
    return Batch(
        source=block.source[rows],  # (B, S)
        lengths=block.lengths[rows],  # (B,)
        target_in=block.target_in[rows, :longest],  # (B, T)
        target_out=target_out[:, :longest],  # (B, T)
    )
