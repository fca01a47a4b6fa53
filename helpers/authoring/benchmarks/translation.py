"""How well, and how fast, do the course's translators learn real sentences in a given CPU time?

`python -m helpers benchmark translation --data DIR --cpu-seconds N`: DIR holds Multi30k's train.en,
train.fr, val.en and so on. Each model is trained for N CPU-seconds, its schedule ending there (all
threads are counted; reading, numbering and testing are not), then translates test_2016 greedily.
Words are lower-cased regex tokens, vocabularies those seen twice or more in training, BLEU is
sacrebleu's with `tokenize="none"` against references that keep their rare words.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from helpers import metrics
from helpers.authoring.benchmarks.tutorial_baselines import BASELINES, plain_loss, random_batches
from helpers.corpus import Batch, Corpus, Vocabulary, load_multi30k, same_length_batches
from helpers.decoding import translate_all
from helpers.models import recipes, sampled_softmax_loss
from helpers.settings import seed_everything
from helpers.training import History, fit

MODELS = (*recipes.TRANSLATORS, *BASELINES)
DROPOUT = ((240, 0.1), (900, 0.2))  # from so many CPU-seconds on: sentences come round again
SPEED_SECONDS = 8.0  # of CPU time for each model whose speed alone is asked for


def dropout(seconds: float) -> float:
    """The course's models need none while they see each sentence a few times."""
    return max((rate for limit, rate in DROPOUT if seconds >= limit), default=0.0)


class CountedBatches:
    """Hands batches on and counts the real target tokens in them, `<end>` included.

    The first batch is drawn at once: to number the whole corpus belongs to no model's time.
    """

    def __init__(self, batches: Iterator[Batch]) -> None:
        self.batches, self.tokens = batches, 0
        next(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            self.tokens += int((batch.target_out != Vocabulary.pad).sum())
            yield batch


def train(
    name: str,
    data: Corpus,
    seconds: float,
    seed: int,
    width: int | None = None,
    batch_size: int = 0,
) -> tuple[Any, History, float]:
    """Train one model for so many CPU-seconds; return it, its history, and tokens a CPU-second.

    width, batch_size: of the course's models, those of `recipes` by default.
    """
    seed_everything(seed)
    if name in BASELINES:
        plan = BASELINES[name]
        model = plan.build(data)
        batches = CountedBatches(random_batches(data, plan.batch_size, seed))
        options: dict[str, Any] = {
            "lr": plan.lr,
            "loss": plain_loss,
            "warm_up": None,  # a constant rate, as these tutorials have it
            "clip": float("inf") if plan.clip is None else plan.clip,
        }
    else:
        model = recipes.build_translator(name, data, width or recipes.WIDTH, dropout(seconds))
        batches = CountedBatches(same_length_batches(data, batch_size or recipes.BATCH_SIZE, seed))
        options = {
            "lr": recipes.RATES[name],
            "loss": sampled_softmax_loss,
            "weight_decay": recipes.WEIGHT_DECAY,
        }
    history = fit(model, batches, label=name, cpu_seconds=seconds, **options)
    return model, history, batches.tokens / history.cpu_seconds


def measure(name: str, folder: Path, seconds: float, threads: int, seed: int) -> dict[str, Any]:
    """Train one model and test it; in a process of its own, so that its peak memory is its own."""
    torch.set_num_threads(threads)
    data = load_multi30k(folder)
    model, history, speed = train(name, data, seconds, seed)
    said = translate_all(model, data.test, data.source_vocabulary, data.target_vocabulary)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "model": name,
        "baseline": name in BASELINES,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_second": round(speed, 1),
        "bleu": round(metrics.bleu(said, data.test), 2),
        "interval": [round(end, 2) for end in metrics.bleu_interval(said, data.test)],
        "steps": len(history.losses),
        "wall_seconds": round(history.seconds, 1),
        "peak_mb": round(peak / (1e6 if sys.platform == "darwin" else 1e3)),
    }


def measure_speed(baseline: str, folder: Path, threads: int) -> list[dict[str, Any]]:
    """Target tokens per CPU-second of the course's models, as a ratio to a baseline of one size.

    All have the baseline's width, and the course's have its number of layers but for a second one.
    """
    torch.set_num_threads(threads)
    data, plan = load_multi30k(folder), BASELINES[baseline]
    slow = train(baseline, data, SPEED_SECONDS, seed=0)[2]
    rows = []
    for name in ("additive", "general"):
        fast = train(name, data, SPEED_SECONDS, 0, plan.hidden, plan.batch_size)[2]
        rows.append(
            {
                "model": name,
                "against": baseline,
                "width": plan.hidden,
                "ratio": round(fast / slow, 2),
            }
        )
    return rows


def translation(
    folder: Path, seconds: float, threads: int = 1, names: list[str] | None = None, seed: int = 0
) -> dict[str, Any]:
    """All models, or those named, one after the other; then the speeds at one size.

    Raises ValueError for a model that is none of `MODELS`.
    """
    names = list(MODELS) if names is None else names
    if unknown := sorted(set(names) - set(MODELS)):
        raise ValueError(f"no model {', '.join(unknown)}; expected some of {'; '.join(MODELS)}")
    found: dict[str, Any] = {"cpu_seconds": seconds, "threads": threads, "seed": seed, "models": []}
    for name in names:
        found["models"].append(_apart(measure, name, folder, seconds, threads, seed))
        print(line(found["models"][-1]), flush=True)
    compared = [name for name in BASELINES if name in names]
    found["speeds"] = [
        row for name in compared for row in _apart(measure_speed, name, folder, threads)
    ]
    for row in found["speeds"]:
        print(
            f"{row['model']}, width {row['width']}: {row['ratio']:.2f} times the target tokens "
            f"per CPU-second of {row['against']!r}"
        )
    return found


def _apart(function: Callable[..., Any], *given: Any) -> Any:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *given).result()


def line(row: dict[str, Any]) -> str:
    """Return one row of the table."""
    return (
        f"{row['model']:22} {row['parameters']:>10,} parameters {row['tokens_per_second']:>8,.0f} "
        f"tokens/s {row['bleu']:>6.2f} BLEU {row['peak_mb']:>5} MB"
    )
