"""What is one change of the recipe worth, in the same CPU time? The general model on Multi30k.

Each run trains as `benchmark translation` does, with one thing changed or several, in the same CPU
seconds. It is tested twice: as it is at the end, and with the mean of its parameters over the last
fifth of the time. The learning rate stays as it is: none of the changes got a search of its own.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel

from helpers import metrics
from helpers.authoring.benchmarks.translation import dropout
from helpers.corpus import Batch, Corpus, Pair, Vocabulary, load_multi30k, same_length_batches
from helpers.decoding import Translation, beam_translate_all, translate_all
from helpers.models import recipes, sampled_softmax_loss
from helpers.settings import seed_everything
from helpers.training import fit

END = "_"  # of a word that is cut into pieces
LAST, EVERY = 0.2, 20  # the mean is over this share of the time, and takes each 20th step
GROWS = 0.6  # from this share of the time on, batches may be larger


class Pieces:
    """Byte-pair encoding (Sennrich et al. 2016), learnt from the words of some sentences."""

    def __init__(self, sentences: Sequence[Sequence[str]], rounds: int) -> None:
        counts = Counter(word for sentence in sentences for word in sentence)
        cuts = {word: [*word, END] for word in counts}
        pairs: Counter[tuple[str, str]] = Counter()
        places: dict[tuple[str, str], set[str]] = defaultdict(set)

        def count(word: str, sign: int) -> None:
            for pair in pairwise(cuts[word]):
                pairs[pair] += sign * counts[word]
                places[pair].add(word)
                if not pairs[pair]:
                    del pairs[pair]  # so that the search for the best goes over fewer

        for word in cuts:
            count(word, 1)
        self.ranks: dict[tuple[str, str], int] = {}
        for rank in range(rounds):
            best = max(pairs, key=lambda pair: (pairs[pair], pair))
            self.ranks[best] = rank
            for word in sorted(places.pop(best)):
                count(word, -1)
                cuts[word] = _joined(cuts[word], best)
                count(word, 1)
        self._cuts: dict[str, list[str]] = {}

    def cut(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the pieces of all words: the earliest learnt pair is joined first."""
        return tuple(piece for word in words for piece in self._cut(word))

    def _cut(self, word: str) -> list[str]:
        if word not in self._cuts:
            pieces = [*word, END]
            while known := [pair for pair in pairwise(pieces) if pair in self.ranks]:
                pieces = _joined(pieces, min(known, key=self.ranks.__getitem__))
            self._cuts[word] = pieces
        return self._cuts[word]


def _joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def words_of(one: Translation, pair: Pair) -> Translation:
    """The same translation in words: its pieces are put together again."""
    words = "".join(one.words).replace(END, " ").split()
    return Translation(list(pair.source), [*words, "<end>"], None)


def in_pieces(data: Corpus, rounds: int) -> Corpus:
    """Return the same pairs, each language cut by its own merges, learnt on its training words."""
    english = Pieces([pair.source for pair in data.train], rounds)
    french = Pieces([pair.target for pair in data.train], rounds)

    def cut(pairs: list[Pair]) -> list[Pair]:
        return [
            replace(p, source=english.cut(p.source), target=french.cut(p.target)) for p in pairs
        ]

    train = cut(data.train)
    return replace(
        data,
        train=train,
        dev=cut(data.dev),
        test=cut(data.test),
        source_vocabulary=Vocabulary.build((p.source for p in train), unknown=True),
        target_vocabulary=Vocabulary.build((p.target for p in train), unknown=True),
    )


def growing_batches(data: Corpus, seed: int, seconds: float, last: int) -> Iterator[Batch]:
    """Batches of the recipe's size, then, from a share of the time on, batches of `last`."""
    small, large = (same_length_batches(data, size, seed) for size in (recipes.BATCH_SIZE, last))
    next(large)
    yield next(small)
    began = time.process_time()
    while True:
        yield next(small if time.process_time() - began < GROWS * seconds else large)


def one_change(
    seconds: float,
    seed: int,
    pieces: int = 0,
    last_batch: int = recipes.BATCH_SIZE,
    word_dropout: float = 0.0,
) -> dict[str, Any]:
    """Train the general model for so many CPU-seconds on one thread; return its BLEU, in percent.

    pieces: rounds of byte pairs, 0 for words. last_batch: the size of batches near the end.
    word_dropout: on the embeddings of both languages, where they are read. The test set is
    translated greedily and by the course's beam search of 4.
    """
    torch.set_num_threads(1)
    whole = load_multi30k()
    data = in_pieces(whole, pieces) if pieces else whole
    seed_everything(seed)
    model: Any = recipes.build_translator("general", data, dropout=dropout(seconds))
    for table in (model.encoder.embedding, model.embedding) if word_dropout else ():
        table.register_forward_hook(
            lambda layer, _, found: F.dropout(found, word_dropout, layer.training)
        )
    mean = AveragedModel(model)
    batches = growing_batches(data, seed, seconds, last_batch)
    next(batches)  # all sentences are numbered now, before the time is counted
    began, steps = time.process_time(), 0

    def loss(network: Any, batch: Batch) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps % EVERY == 0 and time.process_time() - began > (1 - LAST) * seconds:
            mean.update_parameters(network)
        return sampled_softmax_loss(network, batch)

    history = fit(
        model,
        batches,
        lr=recipes.RATES["general"],
        loss=loss,
        label="general",
        cpu_seconds=seconds,
        weight_decay=recipes.WEIGHT_DECAY,
    )
    found: dict[str, Any] = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": len(history.losses),
        "wall_seconds": round(history.seconds, 1),
    }
    tests = (
        ("dev", "", translate_all),
        ("test", "", translate_all),
        ("test", "_beam", beam_translate_all),
    )
    for kind, network in (("", model), ("_mean", mean.module.eval())):
        for split, way, translated in tests:
            pairs, cut = getattr(whole, split), getattr(data, split)
            said = translated(network, cut, data.source_vocabulary, data.target_vocabulary)
            if pieces:
                said = [words_of(one, p) for one, p in zip(said, pairs, strict=True)]
            found[f"{split}{kind}{way}"] = round(metrics.bleu(said, pairs), 2)
    return found
