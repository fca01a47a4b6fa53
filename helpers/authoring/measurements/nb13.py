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
from helpers.models.kv_cache import KeyValues
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
FAR = (2048, 8192, 32768)  # with a cache only: without one a word would take minutes
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
def cache_times(lengths: tuple[int, ...] = LENGTHS, far: tuple[int, ...] = FAR) -> dict[str, Any]:
    """Milliseconds (CPU, one thread) for one more word after T words of one sentence.

    A fresh Transformer. "cached": keys and values of the T words are kept. "uncached": all T
    positions anew. Two parts of "cached", in all layers: "attention", the look at the T words, and
    "copy", joining what is kept with the new word, which makes new tensors. "write" does the same
    without a copy: into tensors that had room for the new word. far: lengths at which "uncached" is
    left out; what is kept is then random, because its numbers do not change the time.
    """
    torch.set_num_threads(1)
    seed_everything(0)
    sizes = VOCABULARY, VOCABULARY
    model = TransformerTranslator(*sizes, width=recipes.WIDTH, layers=2, mlp=2 * recipes.WIDTH)
    model.eval()
    source = torch.randint(4, VOCABULARY, (1, SOURCE_LENGTH))
    memory = model.encode(source, torch.tensor([SOURCE_LENGTH]))
    rows = []
    for length in (*lengths, *far):
        word = torch.randint(4, VOCABULARY, (1,))
        kept = _kept(model, memory, min(length, lengths[0]))
        if length > lengths[0]:
            kept = tuple(KeyValues(*(_lengthened(p, length) for p in part)) for part in kept)
        programs = {
            "cached": lambda k=kept, w=word: model.step(w, k, memory),
            "attention": _attention(kept),
            "copy": _copy(kept),
            "write": _write(kept),
        }
        if length in lengths:
            words = torch.randint(4, VOCABULARY, (1, length))
            programs["uncached"] = lambda w=words: kv_cache.step_uncached(model, w, memory)
        rounds = ROUNDS if length in lengths else ROUNDS // 3
        rows.append({"length": length, **_milliseconds(programs, rounds)})
    near = [row for row in rows if row["length"] in lengths]
    return {
        "width": recipes.WIDTH,
        "layers": 2,
        "source_length": SOURCE_LENGTH,
        "rows": near,
        "far": [row for row in rows if row["length"] in far],
    }


def _kept(model: TransformerTranslator, memory: Any, length: int) -> Any:
    """Keys and values of `length` random words, in every layer."""
    words = torch.randint(4, VOCABULARY, (1, length))
    return model.decoder(model.target_embedding(words), memory.projected, memory.mask)[1]


def _lengthened(part: torch.Tensor, length: int) -> torch.Tensor:
    """Random numbers in the shape of `part` (B, A, S, D/A), but of `length` words."""
    return torch.randn(*part.shape[:2], length, part.shape[3])


def _attention(kept: Any) -> Callable:
    """The look of one query at all keys, in every layer; projections and output are the same."""
    query = torch.randn(1, kept[0].keys.shape[1], 1, kept[0].keys.shape[3])
    attend = torch.nn.functional.scaled_dot_product_attention
    return lambda: [attend(query, part.keys, part.values) for part in kept]


def _copy(kept: Any) -> Callable:
    """What is kept, followed by one word, as new tensors: `KeyValues.append`."""
    new = KeyValues(*(part[:, :, :1] for part in kept[0]))
    return lambda: [part.append(new) for part in kept]


def _write(kept: Any) -> Callable:
    """One word written into the last place of tensors that have room for it."""
    new = [part[:, :, 0].clone() for part in kept[0]]
    buffers = [torch.cat([part, part[:, :, :1]], dim=2) for layer in kept for part in layer]

    def write() -> None:
        for buffer, word in zip(buffers, new * len(kept), strict=True):
            buffer[:, :, -1] = word

    return write


def _milliseconds(
    programs: dict[str, Callable], rounds: int = ROUNDS, repeats: int = 8
) -> dict[str, float]:
    """The median over rounds in which the programs take turns, of CPU time for one call."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds + 1):
        for name, run in programs.items():
            began = time.process_time()
            for _ in range(repeats):
                run()
            times[name].append((time.process_time() - began) / repeats * 1e3)
    # The first round warms up.
    return {name: round(statistics.median(found[1:]), 4) for name, found in times.items()}
