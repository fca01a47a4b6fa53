"""What is asked of a trained model, and what it is judged by."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from helpers import corpus, decoding
from helpers.analysis import attention_bugs
from helpers.authoring.ledger.changes.replacing import replace
from helpers.corpus import scenes
from helpers.tasks import key_value_retrieval, previous_word


def gold_copied() -> None:
    """Let the gold sentences be the translations."""

    def copied(model: Any, pairs: Any, *_: Any, **__: Any) -> list[decoding.Translation]:
        return [
            decoding.Translation([*pair.source], [*pair.target, "<end>"], None) for pair in pairs
        ]

    replace(decoding.translate_all, copied)


def samples(change: Callable[..., dict[str, Any]]) -> None:
    """Change what sentences are drawn with: change(temperature) -> other options."""
    sample = decoding.sample_sentences

    def changed(
        model: Any, count: int, temperature: float = 1.0, *rest: Any, **options: Any
    ) -> Any:
        options |= change(temperature)
        return sample(model, count, options.pop("temperature", temperature), *rest, **options)

    replace(sample, changed)


def temperature_upside_down() -> None:
    """Let a low temperature be a high one."""
    samples(lambda temperature: {"temperature": 1 / temperature})


def training_set_copied() -> None:
    """Let the sentences that a language model writes be those that it was trained on."""

    def copied(model: Any, count: int, *_: Any, **__: Any) -> list[list[int]]:
        data = corpus.load_corpus("lite")
        return [data.target_vocabulary.encode(pair.target) for pair in data.train[:count]]

    replace(decoding.sample_sentences, copied)


def one_thing_in_a_picture() -> None:
    """Let each picture of the test set hold one thing."""
    draw = scenes.draw_scenes

    def alone(count: int, split: str = "train", *rest: Any, **options: Any) -> Any:
        if split == "test":
            options |= {"fewest": 1, "most": 1}
        return draw(count, split, *rest, **options)

    replace(draw, alone)


def short_contents() -> None:
    """Let the contents of a bag be half as long as the names, so that no name is drowned."""
    make = key_value_retrieval.Bags.__init__

    def short(self: Any, strength: float = 2.0, seed: int | None = None) -> None:
        make(self, 0.5, seed)

    key_value_retrieval.Bags.__init__ = short  # type: ignore[method-assign]


def lines_of_all_lengths() -> None:
    """Let the lines of 09 be trained at all places that are asked for, 64 and not 24."""

    def long(self: previous_word.Lines) -> Iterator[Tensor]:
        while True:
            yield self.draw(self.batch_size, previous_word.PLACES)

    previous_word.Lines.__iter__ = long  # type: ignore[method-assign]


def exhibits_exchanged() -> None:
    """Let a bug that harms and one that does not hang in each other's place on the wall of 06."""
    wall = attention_bugs.EXHIBITS
    wall["A"], wall["B"] = wall["B"], wall["A"]


def no_word_known() -> None:
    """Let a vocabulary say of every word that it lacks it."""
    corpus.Vocabulary.__contains__ = lambda self, word: False  # type: ignore[method-assign]


def accents_lost() -> None:
    """Let the French sentences of the training set be written without accents."""
    bare = str.maketrans({c: unicodedata.normalize("NFD", c)[0] for c in "àâäçéèêëîïôöùûüÿ"})

    def stripped(load: Callable[..., Any]) -> Callable[..., Any]:
        def loaded(*arguments: Any, **options: Any) -> Any:
            data = load(*arguments, **options)
            train = [
                dataclasses.replace(pair, target=tuple(w.translate(bare) for w in pair.target))
                for pair in data.train
            ]
            return dataclasses.replace(data, train=train)

        return loaded

    for load in (corpus.load_corpus, corpus.load_multi30k):
        replace(load, stripped(load))
