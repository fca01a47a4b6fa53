"""Multi30k as the course's models take it: real English captions and their French translations.

The pairs have no gold links: nobody drew them. Everything else is a `corpus.Corpus`, so whatever
trains, translates and measures on the course's own sentences does so on these.
"""

from __future__ import annotations

import re
from pathlib import Path

from helpers.corpus import multi30k_download
from helpers.corpus.en_fr import Corpus
from helpers.corpus.pairs import CorpusError, Pair
from helpers.corpus.vocabulary import Vocabulary

SPLIT_NAMES = {"train": "train", "dev": "val", "test": "test_2016_flickr"}
_TOKEN = re.compile(r"\w+|[^\w\s]")
_NONE: frozenset[tuple[int, int]] = frozenset()


def tokenize_caption(text: str) -> list[str]:
    """Split a caption: lower case, each run of letters and digits, each other mark by itself.

    Apostrophes and hyphens are marks too: "L'homme" gives l ' homme, "t-shirt" gives t - shirt.
    So the words behind an elided article are counted together (l'homme, d'homme, homme), at the
    price of longer sentences. BLEU is counted on these tokens: compare it only with BLEU that is.
    """
    return _TOKEN.findall(text.lower())


def load_multi30k(folder: str | Path | None = None, minimum: int = 2) -> Corpus:
    """Return Multi30k, English to French, as a Corpus of level "multi30k".

    folder: holds train.en, train.fr, val.en, ..., test_2016_flickr.fr; they are read as they are.
    By default they are checked, and fetched where they are lacking (`multi30k_download.fetch`).
    minimum: a word that occurs less often in training than this is <unk> to the models.

    `dev` is Multi30k's val and `test` its test_2016_flickr; `test_longer` and `test_unseen` are
    empty. A pair holds its true words, never <unk>: only the ids of a batch do, so a score against
    a pair pays for each word that the vocabulary lacks.

    Raises DownloadError where the files cannot be had, CorpusError where they cannot be used.
    """
    names = tuple(SPLIT_NAMES.values())
    captions = (
        multi30k_download.load_captions()
        if folder is None
        else multi30k_download.read_captions(folder, splits=names)
    )
    place = multi30k_download.default_folder() if folder is None else Path(folder)
    shared: dict[str, str] = {}  # each word to the one copy that all pairs share
    splits = {
        split: [
            _pair(caption, shared, f"{place}, {name}, line {number}")
            for number, caption in enumerate(captions[name], start=1)
        ]
        for split, name in SPLIT_NAMES.items()
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
    sides = [
        tuple(shared.setdefault(word, word) for word in tokenize_caption(text)) for text in caption
    ]
    if not all(sides):
        raise CorpusError(f"{place}: a caption without a word, in English or French. Remove both.")
    return Pair(*sides, sure=_NONE, possible=_NONE, tags=())
