"""Notebook 13: real sentences. What each model learns in one CPU time, and what a cache saves.

The trainings are those of `python -m helpers benchmark translation`, each in a process of its own,
on Multi30k from where `multi30k_download` keeps it. They are long: with three seeds about 70
minutes on two cores. Runs on one thread go two at a time, which costs each about 3 % of its tokens
per CPU-second.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from helpers.corpus import multi30k_download
from helpers.models import TransformerTranslator, kv_cache, recipes
from helpers.settings import ROOT, seed_everything

SECONDS = 150.0
BASELINES = ("baseline, hidden 256", "baseline, hidden 128")
# CPU-seconds, threads and models of each run: for every seed, and for the first one only.
RUNS = ((300.0, 1, ("general",)), (SECONDS, 1, recipes.TRANSLATORS), (60.0, 1, ("general",)))
FIRST = (
    *((seconds, 1, BASELINES) for seconds in (60.0, SECONDS, 300.0)),
    *((seconds, 2, ("general",)) for seconds in (300.0, 600.0, 1200.0, 2400.0)),
)
LENGTHS = (32, 64, 128, 256, 512)
VOCABULARY, SOURCE_LENGTH, ROUNDS = 6434, 20, 15  # of the timings of the cache


def measure(seeds: list[int]) -> dict[str, Any]:
    """Run the benchmark for each seed, and time the cache once."""
    multi30k_download.fetch()
    jobs = [(*job, seed) for seed in seeds for job in RUNS] + [(*job, seeds[0]) for job in FIRST]
    runs = []
    for threads, workers in ((1, 2), (2, 1)):
        with ThreadPoolExecutor(workers) as pool:
            chosen = [job for job in jobs if job[1] == threads]
            chosen.sort(key=lambda job: -job[0] * len(job[2]))  # the longest first: none is left
            runs += pool.map(lambda job: benchmark(*job), chosen)
    return {
        "settings": {
            "seconds": SECONDS,
            "batch_size": recipes.BATCH_SIZE,
            "width": recipes.WIDTH,
            "rates": recipes.RATES,
        },
        "runs": [_row(run, model) for run in runs for model in run["models"]],
        "speeds": [row for run in runs for row in run["speeds"]],
        "cache": cache_times(),
    }


def _row(run: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    return {name: run[name] for name in ("cpu_seconds", "threads", "seed")} | model


def benchmark(seconds: float, threads: int, names: tuple[str, ...], seed: int) -> dict[str, Any]:
    """Run `python -m helpers benchmark translation` and return its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        command = [sys.executable, "-m", "helpers", "benchmark", "translation"]
        home = str(multi30k_download.default_folder())
        command += ["--data", home, "--cpu-seconds", str(seconds)]
        command += ["--threads", str(threads), "--seed", str(seed), "--json", str(path)]
        subprocess.run([*command, "--models", *names], cwd=ROOT, check=True)
        return json.loads(path.read_text(encoding="utf-8"))


@torch.no_grad()
def cache_times(lengths: tuple[int, ...] = LENGTHS) -> dict[str, Any]:
    """Milliseconds (CPU, one thread) for one more word after T words of one sentence.

    A fresh Transformer. "cached": keys and values of the T words are kept. "uncached": all T
    positions anew. "attention": the part of "cached" that looks at the T words, in all layers.
    """
    torch.set_num_threads(1)
    seed_everything(0)
    sizes = VOCABULARY, VOCABULARY
    model = TransformerTranslator(*sizes, width=recipes.WIDTH, layers=2, mlp=2 * recipes.WIDTH)
    model.eval()
    source = torch.randint(4, VOCABULARY, (1, SOURCE_LENGTH))
    memory = model.encode(source, torch.tensor([SOURCE_LENGTH]))
    rows = []
    for length in lengths:
        words = torch.randint(4, VOCABULARY, (1, length))
        _, kept, _ = model.decoder(model.target_embedding(words), memory.projected, memory.mask)
        programs = {
            "cached": lambda k=kept, w=words: model.step(w[:, -1], k, memory),
            "uncached": lambda w=words: kv_cache.step_uncached(model, w, memory),
            "attention": _attention(model, kept),
        }
        rows.append({"length": length, **_milliseconds(programs)})
    return {"width": recipes.WIDTH, "layers": 2, "source_length": SOURCE_LENGTH, "rows": rows}


def _attention(model: TransformerTranslator, kept: Any) -> Callable:
    """The look of one query at all keys, in every layer; projections and output are the same."""
    query = torch.randn(1, kept[0].keys.shape[1], 1, kept[0].keys.shape[3])
    attend = torch.nn.functional.scaled_dot_product_attention
    return lambda: [attend(query, part.keys, part.values) for part in kept]


def _milliseconds(programs: dict[str, Callable], repeats: int = 8) -> dict[str, float]:
    """The median over rounds in which the programs take turns, of CPU time for one call."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS + 1):
        for name, run in programs.items():
            began = time.process_time()
            for _ in range(repeats):
                run()
            times[name].append((time.process_time() - began) / repeats * 1e3)
    # The first round warms up.
    return {name: round(statistics.median(found[1:]), 4) for name, found in times.items()}
