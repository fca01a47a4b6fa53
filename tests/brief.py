"""For a notebook's kernel: the course with brief trainings, short test sets and unjudged claims.

A test that asks whether the cells of a notebook work together needs no trained model. What its
models learn is asked by the notebook as it is, which pytest runs too, with every claim judged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import helpers.claims
import helpers.corpus
import helpers.decoding
import helpers.training
from helpers.corpus import Pair

STEPS = 20
CPU_SECONDS = 1.0
BATCH_SIZE = 4  # for a loop of the learner's own, whose steps are not counted here
COPIES = 20  # of each sentence of a test set, so that the sets keep their sizes

_claim = helpers.claims.claim
_fit = helpers.training.fit
_load_corpus = helpers.corpus.load_corpus
_training_batches = helpers.corpus.training_batches
_translate_all = helpers.decoding.translate_all


def make_brief() -> None:
    """Change the course in this process; call it before a notebook imports from it."""
    helpers.claims.claim = _claim_unjudged
    helpers.training.fit = _fit_briefly
    helpers.corpus.load_corpus = _load_few
    helpers.corpus.training_batches = _small_batches
    helpers.decoding.translate_all = _translate_once


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


def _load_few(*arguments: Any, **options: Any) -> helpers.corpus.Corpus:
    corpus = _load_corpus(*arguments, **options)
    names = ("test", "test_longer", "test_unseen")
    return dataclasses.replace(corpus, **{name: _few(getattr(corpus, name)) for name in names})


def _small_batches(
    corpus: helpers.corpus.Corpus, batch_size: int = 64, *arguments: Any, **options: Any
) -> Iterator[helpers.corpus.Batch]:
    return _training_batches(corpus, min(batch_size, BATCH_SIZE), *arguments, **options)


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
