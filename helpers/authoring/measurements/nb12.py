"""Notebook 12: the Transformer beside the RNN with attention, by depth, and without its parts.

Sizes, steps and learning rates were chosen on dev with seed 0; what is recorded is from test (the
maps and the ablations: from its first TESTED sentences).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
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
# The RNN with attention of notebooks 05 and 06, as large as the Transformer, and its rate there.
HIDDEN, RNN_LR = 188, 7e-3
# The comparison. All models see the same batches, and a budget is a run of its own: the learning
# rate falls to 0 at its end. On dev, with seed 0, each model gets for each budget the best of these
# multiples of its rate above, and for the shortest one the better of two losses, with and without
# label smoothing, which it keeps. (Four times the rate is worst already in the shortest budget.) As
# the longest budget costs most, it tries the rate chosen for the budget before, and half of that.
COMPARED_BATCH_SIZE = 48
COMPARED_STEPS = {333: (0.5, 1, 2, 4), 1000: (0.5, 1, 2)}
LONGEST_STEPS = 3000
FEW = 3  # seeds of the longest budget
# With two blocks a side, and narrower, so that it has no more parameters than the others.
TWO_BLOCKS = {"width": 92, "heads": 4, "layers": 2, "mlp": 184}
# Two blocks a side, so that there is a depth to lose; narrow and short, as there are many runs.
SMALL = {"width": 64, "heads": 4, "layers": 2, "mlp": 128}
SMALL_STEPS, SOME, TESTED = 600, 5, 1000
# What is changed in the model, and what in its training.
ABLATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "whole": ({}, {}),
    "no positions": ({"positions": None}, {}),
    "no residual": ({"residual": False}, {}),
    "no norm": ({"norm": None}, {}),
    "no MLP": ({}, {}),  # see `_remove_mlps`
    "one head": ({"heads": 1}, {}),
    "one block": ({"layers": 1}, {}),
    "no scaling": ({"scale": False}, {}),
    "three blocks": ({"layers": 3}, {}),
    "post-norm": ({"norm": "post"}, {}),
    "no warm-up": ({}, {"warm_up": 0.0}),
    "post-norm, no warm-up": ({"norm": "post"}, {"warm_up": 0.0}),
    "tied": ({"tie": True}, {}),
}
LENGTHS, TOKENS = (16, 32, 64, 128, 256, 512), 512


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train everything and test it; what costs much with the first few seeds only."""
    data = corpus.load_corpus("lite")
    return {
        "settings": {
            **SIZES, "steps": STEPS, "batch_size": BATCH_SIZE, "lr": LR, "smoothing": SMOOTHING,
            "rnn": {"hidden": HIDDEN},
            "two_blocks": TWO_BLOCKS,
            "small": {**SMALL, "steps": SMALL_STEPS, "seeds": SOME, "tested": TESTED},
            "tokens": TOKENS,
        },
        "speed": _speeds(data),
        "transformer": _own_runs(data, seeds),
        "ablations": {name: _ablation(data, seeds[:SOME], name) for name in ABLATIONS},
        "compared": _compare(data, seeds[:SOME]),
    }  # fmt: skip


def _compare(data: Corpus, seeds: list[int]) -> dict[str, Any]:
    """All models on equal batches and steps, each with what dev chooses for it and the budget."""
    return {
        "batch_size": COMPARED_BATCH_SIZE,
        **{name: _chosen_runs(data, seeds, name) for name in ("transformer", "two_blocks", "rnn")},
    }


def _chosen_runs(data: Corpus, seeds: list[int], name: str) -> list[dict[str, Any]]:
    """For each budget: the choice on dev with seed 0, then a tested run for each seed."""
    losses: list[Callable] = [_loss, translation_loss]  # with label smoothing, and without it
    if name == "rnn":
        losses.reverse()
    base, found = RNN_LR if name == "rnn" else LR, []
    for steps, factors in COMPARED_STEPS.items():
        rates = [round(base * factor, 5) for factor in factors]
        found.append(_chosen_run(data, seeds, name, steps, rates, losses))
        losses = [_loss if found[-1]["smoothing"] else translation_loss]
    rates = [found[-1]["lr"] / 2, found[-1]["lr"]]
    found.append(_chosen_run(data, seeds[:FEW], name, LONGEST_STEPS, rates, losses))
    return found


def _chosen_run(
    data: Corpus,
    seeds: list[int],
    name: str,
    steps: int,
    rates: Sequence[float],
    losses: Sequence[Callable],
) -> dict[str, Any]:
    """One budget: the best rate on dev with the first loss, and then the better of the losses."""
    tried = [_compared(data, name, steps, lr, losses[0], 0) for lr in rates]
    dev = [_dev_match(model, data) for model, _ in tried]
    best = dev.index(max(dev))
    lr, loss, first, more = rates[best], losses[0], tried[best], {}
    for other in losses[1:]:
        again = _compared(data, name, steps, lr, other, 0)
        more["dev_with_the_other_loss"] = _dev_match(again[0], data)
        if more["dev_with_the_other_loss"] > max(dev):
            loss, first = other, again

    def run(seed: int) -> tuple[nn.Module, float]:
        return first if seed == 0 else _compared(data, name, steps, lr, loss, seed)

    return {
        "steps": steps,
        "sentences": steps * COMPARED_BATCH_SIZE,
        "parameters": count_parameters(_model(data, name)),
        "rates": [*rates],
        "dev": dev,
        **more,
        "lr": lr,
        "smoothing": SMOOTHING if loss is _loss else 0.0,
        "seeds": seeds,
        **_tested(data, seeds, run),
    }


def _dev_match(model: nn.Module, data: Corpus) -> float:
    """Exact match on the development set."""
    said = translate_all(model, data.dev, *_vocabularies(data))
    return round(metrics.exact_match(said, data.dev), 4)


def _compared(
    data: Corpus, name: str, steps: int, lr: float, loss: Callable, seed: int
) -> tuple[nn.Module, float]:
    return _timed(
        lambda: _model(data, name), data, seed, name, COMPARED_BATCH_SIZE,
        steps=steps, lr=lr, loss=loss,
    )  # fmt: skip


def _model(data: Corpus, name: str, **options: Any) -> nn.Module:
    sizes = len(data.source_vocabulary), len(data.target_vocabulary)
    if name == "rnn":
        return LuongTranslator(*sizes, hidden=HIDDEN)
    own = TWO_BLOCKS if name == "two_blocks" else SIZES
    return TransformerTranslator(*sizes, **{**own, **options})


def _tested(
    data: Corpus, seeds: list[int], trained: Callable[[int], tuple[nn.Module, float]]
) -> dict[str, Any]:
    """For each seed: scores by length and on longer sentences, alignment, CPU seconds.

    trained(seed): a trained model and the seconds that it took.
    """
    scores, found = TestScores(), _empty("seconds", "longer", "alignment_error", "crossing")
    for seed in seeds:
        model, seconds = trained(seed)
        scores.add(model, data)
        taught = _taught(model, data, data.test[:TESTED])
        hits, words = hits_by_kind(taught, data.test[:TESTED])["crossing"]
        said = translate_all(model, data.test_longer, *_vocabularies(data))
        found["seconds"].append(round(seconds, 1))
        found["longer"].append(sum(metrics.matches(said, data.test_longer)))
        found["alignment_error"].append(_error(taught, data.test[:TESTED]))
        found["crossing"].append(round(hits / words, 4))
    return {"longer_total": len(data.test_longer), **scores.scores, **found}


def _own_runs(data: Corpus, seeds: list[int]) -> dict[str, Any]:
    """The notebook's own Transformer, trained with each seed, and tested."""

    def trained(seed: int) -> tuple[nn.Module, float]:
        return _timed(
            lambda: _model(data, "transformer"), data, seed, "transformer", BATCH_SIZE,
            steps=STEPS, lr=LR, loss=_loss,
        )  # fmt: skip

    return {
        "steps": STEPS,
        "sentences": STEPS * BATCH_SIZE,
        "parameters": count_parameters(_model(data, "transformer")),
        **_tested(data, seeds, trained),
    }


def _ablation(data: Corpus, seeds: list[int], name: str) -> dict[str, Any]:
    """A small Transformer without one of its parts, or trained otherwise; alignment by layer."""
    (options, training), pairs = ABLATIONS[name], data.test[:TESTED]

    def make() -> nn.Module:
        model = _model(data, "transformer", **{**SMALL, **options})
        return _remove_mlps(model) if name == "no MLP" else model

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


class _Nothing(nn.Module):
    """A sub-layer that writes nothing to the stream, and has no parameters."""

    def forward(self, states: torch.Tensor, layer: Callable) -> tuple[torch.Tensor, None]:
        return states, None


def _remove_mlps(model: TransformerTranslator) -> TransformerTranslator:
    for block in (*model.encoder.blocks, *model.decoder.blocks):
        block.mlp, block.mlp_sublayer = nn.Identity(), _Nothing()
    return model


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
