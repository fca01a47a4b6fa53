"""For a notebook's kernel: brief trainings, short test sets, no judged claims, no painted pictures.

A test that asks whether the cells of a notebook work together needs no trained model. What its
models learn, and how its figures look, is asked by the notebook as it is, which pytest runs too,
with every claim judged and every picture painted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakSet

from matplotlib.figure import Figure

import helpers.claims
import helpers.corpus
import helpers.decoding
import helpers.figures.charts
import helpers.training
from helpers.corpus import Batch, Corpus, Pair
from helpers.exercises import Exercise

STEPS = 20
CPU_SECONDS = 1.0
BATCH_SIZE = 4
OWN_LOOP = "nb02.train"  # the exercise whose steps can be counted
COPIES = 20  # of each sentence of a test set, so that the sets keep their sizes
TRAINED_ON = 500  # sentences, where batches of one length number all of them before the first step

_check = Exercise.check
_claim = helpers.claims.claim
_fit = helpers.training.fit
_load_corpus = helpers.corpus.load_corpus
_same_length_batches = helpers.corpus.same_length_batches
_training_batches = helpers.corpus.training_batches
_translate_all = helpers.decoding.translate_all


def make_brief() -> None:
    """Change the course in this process; call it before a notebook imports from it."""
    Exercise.check = _check_and_shorten  # type: ignore[method-assign]
    helpers.claims.claim = _claim_unjudged
    helpers.training.fit = _fit_briefly
    helpers.corpus.load_corpus = _load_few
    helpers.corpus.same_length_batches = _small_batches_of_few
    helpers.corpus.training_batches = _small_batches
    helpers.decoding.translate_all = _translate_once
    helpers.figures.charts.png = _draw_unseen


def _check_and_shorten(exercise: Exercise, function: Any) -> Callable[..., Any]:
    """Check an answer as ever; the training loop that is handed back then trains briefly."""
    checked = _check(exercise, function)
    if exercise.name != OWN_LOOP:
        return checked

    def train_briefly(model: Any, batches: Any, steps: int, lr: Any) -> list[float]:
        losses = checked(model, batches, min(steps, STEPS), lr)
        return losses + losses[-1:] * (steps - len(losses))  # as many as the next cells draw

    return train_briefly


def _claim_unjudged(*arguments: Any, **options: Any) -> None:
    """Let a claim that is stated wrongly fail, but not one that does not hold."""
    try:
        _claim(*arguments, **options)
    except helpers.claims.ClaimError:
        print("not judged, because the training was brief")


def _fit_briefly(
    model: Any, batches: Any, steps: int | None = None, *arguments: Any, **options: Any
) -> helpers.training.History:
    if steps is not None:
        steps = min(steps, STEPS)
    if options.get("cpu_seconds") is not None:
        options["cpu_seconds"] = min(options["cpu_seconds"], CPU_SECONDS)
    return _fit(model, batches, steps, *arguments, **options)


def _load_few(*arguments: Any, **options: Any) -> Corpus:
    corpus = _load_corpus(*arguments, **options)
    names = ("test", "test_longer", "test_unseen")
    return dataclasses.replace(corpus, **{name: _few(getattr(corpus, name)) for name in names})


def _small_batches(
    corpus: Corpus, batch_size: int = 64, *arguments: Any, **options: Any
) -> Iterator[Batch]:
    return _training_batches(corpus, min(batch_size, BATCH_SIZE), *arguments, **options)


def _small_batches_of_few(
    corpus: Corpus, batch_size: int = 32, *arguments: Any, **options: Any
) -> Iterator[Batch]:
    few = dataclasses.replace(corpus, train=corpus.train[:TRAINED_ON])
    return _same_length_batches(few, min(batch_size, BATCH_SIZE), *arguments, **options)


def _few(pairs: list[Pair]) -> list[Pair]:
    """Return one of COPIES sentences of each length, COPIES times."""
    by_length = sorted(pairs, key=lambda pair: len(pair.source))
    return [pair for pair in by_length[::COPIES] for _ in range(COPIES)]


def _translate_once(model: Any, pairs: Any, *arguments: Any, **options: Any) -> list[Any]:
    """Translate what stands in `pairs` several times only once."""
    pairs = list(pairs)
    once = list({id(pair): pair for pair in pairs}.values())
    said = _translate_all(model, once, *arguments, **options)
    by_pair = {id(pair): translation for pair, translation in zip(once, said, strict=True)}
    return [by_pair[id(pair)] for pair in pairs]


_drawn: WeakSet[Figure] = WeakSet()


def _draw_unseen(figure: Figure, *_: Any, **__: Any) -> bytes:
    """Let each artist of a figure draw once, without a layout, and without painting a pixel.

    A figure that cannot be drawn fails here too. The dark rendering has the same artists.
    """
    if figure not in _drawn:
        figure.set_layout_engine("none")
        figure.draw_without_rendering()
        _drawn.add(figure)
    return b""
