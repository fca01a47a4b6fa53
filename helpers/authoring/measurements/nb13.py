"""Notebook 13: real sentences. What each model learns in one CPU time, and what a cache saves.

A Transformer is trained once more as the notebook trains its own model, for its translations.

The trainings are those of `python -m helpers benchmark translation`, each in a process of its own,
on Multi30k from where `multi30k_download` keeps it. They are long: with three seeds about 70
minutes on two cores. Runs on one thread go two at a time, which costs each about 3 % of its tokens
per CPU-second.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sacrebleu
import torch

from helpers import metrics
from helpers.authoring.benchmarks.one_change import one_change
from helpers.corpus import (
    Corpus,
    Pair,
    collate,
    load_multi30k,
    multi30k_download,
    same_length_batches,
)
from helpers.decoding import Translation, translate_all
from helpers.models import TransformerTranslator, kv_cache, recipes, sampled_softmax_loss
from helpers.models.kv_cache import KeyValues
from helpers.models.sampled_softmax import draw_words, sampled_loss
from helpers.settings import ROOT, seed_everything
from helpers.training import fit

SECONDS = 150.0
BASELINES = ("baseline, hidden 256", "baseline, hidden 128")
# CPU-seconds, threads and models of each run: for every seed, and for the first one only.
RUNS = ((300.0, 1, ("general",)), (SECONDS, 1, recipes.TRANSLATORS), (60.0, 1, ("general",)))
FIRST = (
    *((seconds, 1, BASELINES) for seconds in (60.0, SECONDS, 300.0)),
    *((seconds, 2, ("general",)) for seconds in (300.0, 600.0, 1200.0, 2400.0)),
)
UPDATES = 850  # of the model whose translations are kept, as many as the notebook's own makes
SHOWN = (8, 14)  # words of the first sentences whose translations are kept; and two more, where
# the notebook's own model stops early under seed 0.
STOPPED = ("a man in light colored clothing", "a woman wearing a bright pink overcoat")
# What one change of the recipe is worth in the same CPU-seconds, on one thread and with the first
# seed. The recipe is trained again, to see how far two runs of one seed differ, and with the second
# seed too, as is the change that came out best.
CHANGED_SECONDS = 300.0
CHANGES: dict[str, dict[str, Any]] = {
    "the recipe": {},
    "byte pairs": {"pieces": 4000},
    "larger batches at the end": {"last_batch": 128},
    "dropout on the embeddings": {"word_dropout": 0.2},
}
AGAIN = (("the recipe", 0), ("the recipe", 1), ("larger batches at the end", 1))  # seeds' places
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
    rows = [_row(run, model) for run in runs for model in run["models"]]
    return {
        "settings": {
            "seconds": SECONDS,
            "batch_size": recipes.BATCH_SIZE,
            "width": recipes.WIDTH,
            "rates": recipes.RATES,
        },
        "runs": rows,
        "speeds": [row for run in runs for row in run["speeds"]],
        "examples": examples(seeds[0]),
        "extras": extras(seeds),
        "cache": cache_times(),
    }


def _row(run: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    return {name: run[name] for name in ("cpu_seconds", "threads", "seed")} | model


def extras(seeds: list[int], seconds: float = CHANGED_SECONDS) -> dict[str, Any]:
    """Train the general model with each of `CHANGES`, in a process of its own, one at a time."""
    jobs = [(name, seeds[0]) for name in CHANGES]
    jobs += [(name, seeds[place]) for name, place in AGAIN if place < len(seeds)]
    spawn, runs = multiprocessing.get_context("spawn"), []
    for name, seed in jobs:
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            found = pool.submit(one_change, seconds, seed, **CHANGES[name]).result()
        runs.append({"name": name, "seed": seed, **CHANGES[name], **found})
    return {"cpu_seconds": seconds, "threads": 1, "runs": runs}


def examples(seed: int, updates: int = UPDATES) -> dict[str, Any]:
    """Train a Transformer as the notebook trains its own model, and keep some of what it says.

    It makes as many updates, from the same batches, with its own learning rate.
    """
    data = load_multi30k()
    seed_everything(seed)
    model = recipes.build_translator("transformer", data)
    batches = same_length_batches(data, recipes.BATCH_SIZE, seed)
    rate = recipes.RATES["transformer"]
    history = fit(model, batches, updates, rate, loss=sampled_softmax_loss, label="transformer")
    said = translate_all(model, data.test, data.source_vocabulary, data.target_vocabulary)
    return {
        "seed": seed,
        "updates": updates,
        "parameters": sum(p.numel() for p in model.parameters()),
        "cpu_seconds": round(history.cpu_seconds, 1),
        **_judged(said, data.test),
        "sampled": sample_bias(model, data),
    }


@torch.no_grad()
def sample_bias(
    model: Any, data: Corpus, sentences: int = 100, draws: int = 25
) -> list[dict[str, float]]:
    """How much too low is the sampled loss for a trained model's logits, in nats a token?

    Over the tokens of some sentences of the development set, with words drawn as in training, for
    the logits as they are and multiplied by 2 and 3. "deviation": of a token's logits, the mean.
    """
    batch = collate(data.dev[:sentences], data.source_vocabulary, data.target_vocabulary)
    real = batch.target_out != data.target_vocabulary.pad
    logits = model.eval()(batch.source, batch.lengths, batch.target_in)[real]  # (N, V)
    targets, size = batch.target_out[real], logits.shape[1]
    rows = []
    for times in (1, 2, 3):
        scaled, losses = times * logits, []
        for _ in range(draws):
            sample = draw_words(targets, size)
            losses.append(sampled_loss(scaled[:, sample.words], sample, size, smoothing=0.0))
        bias = torch.stack(losses).mean() - torch.nn.functional.cross_entropy(scaled, targets)
        deviation = scaled.std(dim=1).mean()
        rows.append({"deviation": round(float(deviation), 2), "bias": round(float(bias), 5)})
    return rows


def _judged(said: list[Translation], pairs: list[Pair]) -> dict[str, Any]:
    """Return BLEU, its interval and chrF (Popović 2015), in percent, and a few translations."""
    texts, references = [" ".join(one.words) for one in said], [[" ".join(p.target) for p in pairs]]
    shown = [next(k for k, p in enumerate(pairs) if len(p.source) == words) for words in SHOWN]
    sources = [" ".join(pair.source) for pair in pairs]
    shown += [
        k for start in STOPPED for k, source in enumerate(sources) if source.startswith(start)
    ]
    return {
        "bleu": round(metrics.bleu(said, pairs), 2),
        "interval": [round(end, 2) for end in metrics.bleu_interval(said, pairs)],
        "chrf": round(sacrebleu.corpus_chrf(texts, references).score, 2),
        "sentences": [
            {"source": sources[k], "reference": references[0][k], "said": texts[k]} for k in shown
        ],
    }


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
    positions anew. "room": as "cached", but what is kept had room for the new word (`Roomy`). Three
    parts, in all layers: "attention", the look at the T words; "copy", joining what is kept with
    the new word, which makes new tensors; and "write", putting it where there is room. far: lengths
    at which "uncached" is left out; what is kept is then random, because its numbers do not change
    the time.
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
        roomy = tuple(Roomy.of(part) for part in kept)
        programs = {
            "cached": lambda k=kept, w=word: model.step(w, k, memory),
            "room": lambda k=roomy, w=word: model.step(w, k, memory),
            "attention": _attention(kept),
            "copy": _appending(kept),
            "write": _appending(roomy),
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


class Roomy(KeyValues):
    """Keys and values with room behind the last position: `append` writes there, and copies none.

    room: the whole tensors, keys and values, of which this is the beginning.
    """

    room: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, kept: KeyValues, more: int = 1) -> Roomy:
        """Return the same keys and values, with room for `more` positions."""
        room = tuple(torch.nn.functional.pad(part, (0, 0, 0, more)) for part in kept)
        return cls._first(room, kept.keys.shape[2])

    @classmethod
    def _first(cls, room: tuple[torch.Tensor, ...], positions: int) -> Roomy:
        found = cls(*(part[:, :, :positions] for part in room))
        found.room = room
        return found

    def append(self, later: KeyValues) -> Roomy:
        """As `KeyValues.append`, but written into the room that there is."""
        first = self.keys.shape[2]
        last = first + later.keys.shape[2]
        for part, new in zip(self.room, later, strict=True):
            part[:, :, first:last] = new
        return Roomy._first(self.room, last)


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


def _appending(kept: Any) -> Callable:
    """What is kept, and one word more, in every layer: whatever its `append` does for that."""
    new = KeyValues(*(part[:, :, :1].clone() for part in kept[0]))
    return lambda: [part.append(new) for part in kept]


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
