"""Notebook 12: the Transformer beside the RNN with attention, by depth, and without its parts.

Sizes, steps and learning rates were chosen on dev with seed 0; what is recorded is from test (the
maps and the ablations: from its first TESTED sentences).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from helpers import corpus, metrics
from helpers.analysis import hits_by_kind
from helpers.authoring.measurements.common import TestScores, count_parameters, train
from helpers.corpus import Corpus, Pair
from helpers.decoding import translate_all
from helpers.models import LuongTranslator, TransformerTranslator
from helpers.settings import DEVICE
from helpers.training import masked_loss, smoothed_loss, translation_loss

# The notebook's own run.
SIZES = {"width": 128, "heads": 4, "layers": 1, "mlp": 256}
STEPS, BATCH_SIZE, LR, SMOOTHING = 1500, 32, 3e-3, 0.1
# The RNN with attention of notebooks 05 and 06, with what was chosen for it there.
HIDDEN, RNN_BATCH_SIZE, RNN_LR = 188, 48, 7e-3
# Each budget is a run of its own: the learning rate falls to 0 at its end.
BUDGETS = (500, STEPS, 3000)
RNN_BUDGETS = (333, 1000, 2000)
FEW = 3  # seeds of the budgets
# Two blocks a side, so that there is a depth to lose; narrow and short, as there are many runs.
SMALL = {"width": 64, "heads": 4, "layers": 2, "mlp": 128}
SMALL_STEPS, SOME, TESTED = 600, 5, 1000
# What is changed in the model, and what in its training.
ABLATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "whole": ({}, {}),
    "no positions": ({"positions": None}, {}),
    "no residual": ({"residual": False}, {}),
    "no norm": ({"norm": None}, {}),
    "one head": ({"heads": 1}, {}),
    "one layer": ({"layers": 1}, {}),
    "no scaling": ({"scale": False}, {}),
    "three layers": ({"layers": 3}, {}),
    "post-norm": ({"norm": "post"}, {}),
    "no warm-up": ({}, {"warm_up": 0.0}),
    "post-norm, no warm-up": ({"norm": "post"}, {"warm_up": 0.0}),
    "tied": ({"tie": True}, {}),
}
LENGTHS, TOKENS = (16, 32, 64, 128, 256, 512), 2048
TIMED_STEPS = 40


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train everything and test it; what costs much with the first few seeds only."""
    data = corpus.load_corpus("lite")
    others = (("transformer", BUDGETS[::2]), ("rnn", RNN_BUDGETS))
    return {
        "settings": {
            **SIZES, "steps": STEPS, "batch_size": BATCH_SIZE, "lr": LR, "smoothing": SMOOTHING,
            "rnn": {"hidden": HIDDEN, "batch_size": RNN_BATCH_SIZE, "lr": RNN_LR},
            "few_seeds": FEW,
            "small": {**SMALL, "steps": SMALL_STEPS, "seeds": SOME, "tested": TESTED},
            "tokens": TOKENS,
        },
        "speed": _speeds(data),
        "step_seconds": _step_seconds(data),
        "transformer": _runs(data, seeds, "transformer", STEPS),
        "ablations": {name: _ablation(data, seeds[:SOME], name) for name in ABLATIONS},
        "budgets": {
            name: [_runs(data, seeds[:FEW], name, steps) for steps in budgets]
            for name, budgets in others
        },
    }  # fmt: skip


def _model(data: Corpus, name: str, **options: Any) -> nn.Module:
    sizes = len(data.source_vocabulary), len(data.target_vocabulary)
    if name == "rnn":
        return LuongTranslator(*sizes, hidden=HIDDEN)
    return TransformerTranslator(*sizes, **{**SIZES, **options})


def _runs(data: Corpus, seeds: list[int], name: str, steps: int) -> dict[str, Any]:
    """Train with each seed; scores by length and on longer sentences, alignment, CPU seconds."""
    batch_size = RNN_BATCH_SIZE if name == "rnn" else BATCH_SIZE
    scores, found = TestScores(), _empty("seconds", "longer", "alignment_error", "crossing")
    for seed in seeds:
        model, seconds = _trained(data, seed, name, steps)
        scores.add(model, data)
        taught = _taught(model, data, data.test[:TESTED])
        hits, words = hits_by_kind(taught, data.test[:TESTED])["crossing"]
        said = translate_all(model, data.test_longer, *_vocabularies(data))
        found["seconds"].append(round(seconds, 1))
        found["longer"].append(sum(metrics.matches(said, data.test_longer)))
        found["alignment_error"].append(_error(taught, data.test[:TESTED]))
        found["crossing"].append(round(hits / words, 4))
    return {
        "steps": steps,
        "sentences": steps * batch_size,
        "parameters": count_parameters(_model(data, name)),
        "longer_total": len(data.test_longer),
        **scores.scores,
        **found,
    }


def _trained(data: Corpus, seed: int, name: str, steps: int) -> tuple:
    """One of the two models, trained with its own settings, and the CPU seconds that it took."""
    if name == "rnn":
        batch_size, lr, loss = RNN_BATCH_SIZE, RNN_LR, translation_loss
    else:
        batch_size, lr, loss = BATCH_SIZE, LR, _loss
    return _timed(
        lambda: _model(data, name), data, seed, name, batch_size, steps=steps, lr=lr, loss=loss
    )


def _ablation(data: Corpus, seeds: list[int], name: str) -> dict[str, Any]:
    """A small Transformer without one of its parts, or trained otherwise; alignment by layer."""
    (options, training), pairs = ABLATIONS[name], data.test[:TESTED]

    def make() -> nn.Module:
        return _model(data, "transformer", **{**SMALL, **options})

    found = _empty("exact", "loss", "alignment_error", "seconds", "diverged")
    for seed in seeds:
        try:
            model, seconds = _timed(
                make, data, seed, name, BATCH_SIZE, steps=SMALL_STEPS, lr=LR, loss=_loss, **training
            )
        except FloatingPointError:
            found["diverged"].append(seed)
            continue
        said = translate_all(model, pairs, *_vocabularies(data))
        found["exact"].append(round(metrics.exact_match(said, pairs), 4))
        found["loss"].append(round(_test_loss(model, data, pairs), 4))
        found["alignment_error"].append(_errors_by_layer(model, data, pairs))
        found["seconds"].append(round(seconds, 1))
    print(name, found, flush=True)
    return {"parameters": count_parameters(make()), **found}


@torch.no_grad()
def _errors_by_layer(model: nn.Module, data: Corpus, pairs: list[Pair]) -> list[float]:
    """The alignment error of each decoder layer's mean over heads, gold words fed."""
    found: list[list[set]] = [[] for _ in model.decoder.blocks]
    for first in range(0, len(pairs), 250):
        few = pairs[first : first + 250]
        batch = corpus.collate(few, *_vocabularies(data)).to(DEVICE)
        maps = model.maps(batch.source, batch.lengths, batch.target_in).cross.mean(dim=2)
        for b, pair in enumerate(few):
            for layer, links in enumerate(found):
                links.append(metrics.best_links(maps[b, layer, : len(pair.target) + 1]))
    sure, possible = [pair.sure for pair in pairs], [pair.possible for pair in pairs]
    return [round(metrics.alignment_error_rate(links, sure, possible), 4) for links in found]


def _loss(model: nn.Module, batch: corpus.Batch) -> torch.Tensor:
    logits = model(batch.source, batch.lengths, batch.target_in)
    return smoothed_loss(logits, batch.target_out, SMOOTHING)


@torch.no_grad()
def _test_loss(model: nn.Module, data: Corpus, pairs: list[Pair]) -> float:
    """Mean cross-entropy per token on gold prefixes, in nats, of 500 sentences."""
    batch = corpus.collate(pairs[:500], *_vocabularies(data)).to(DEVICE)
    return float(translation_loss(model, batch))


def _timed(make: Callable[[], nn.Module], *arguments: Any, **settings: Any) -> tuple:
    """`train`, and the CPU seconds that it took."""
    began = time.process_time()
    model = train(make, *arguments, **settings)
    return model, time.process_time() - began


def _taught(model: nn.Module, data: Corpus, pairs: list[Pair]) -> list:
    return translate_all(model, pairs, *_vocabularies(data), teacher_forcing=True)


def _error(taught: list, pairs: list[Pair]) -> float:
    found = [metrics.best_links(translation.weights) for translation in taught]
    sure, possible = [pair.sure for pair in pairs], [pair.possible for pair in pairs]
    return round(metrics.alignment_error_rate(found, sure, possible), 4)


def _vocabularies(data: Corpus) -> tuple:
    return data.source_vocabulary, data.target_vocabulary


def _step_seconds(data: Corpus) -> dict[str, float]:
    """CPU seconds of a training step of `_runs`: the median of five short runs, in turns.

    The runs themselves are hours apart, and what else the machine does changes their seconds; of
    two that take turns it does not change the ratio.
    """
    taken = _empty("transformer", "rnn")
    for seed in range(6):  # the first warms up
        for name, seconds in taken.items():
            seconds.append(_trained(data, seed, name, TIMED_STEPS)[1] / TIMED_STEPS)
    return {name: round(statistics.median(seconds[1:]), 5) for name, seconds in taken.items()}


def _empty(*names: str) -> dict[str, list]:
    return {name: [] for name in names}


def _speeds(data: Corpus) -> dict[str, Any]:
    """Milliseconds of CPU for one training step, by length: TOKENS source and as many target words
    a batch, random ones, forward and backward; the median of five, both models in turns."""
    found: dict[str, Any] = {"lengths": list(LENGTHS), "transformer": [], "rnn": []}
    models = {name: _model(data, name).to(DEVICE) for name in ("transformer", "rnn")}
    for length in LENGTHS:
        size = (TOKENS // length, length)
        source, target = torch.randint(3, 150, (2, *size), device=DEVICE)
        lengths = torch.full(size[:1], length, device=DEVICE)
        times: dict[str, list[float]] = {name: [] for name in models}
        for _ in range(6):  # the first warms up
            for name, model in models.items():
                began = time.process_time()
                masked_loss(model(source, lengths, target), target).backward()
                times[name].append(1000 * (time.process_time() - began))
        for name, taken in times.items():
            found[name].append(round(statistics.median(taken[1:]), 1))
    return found
