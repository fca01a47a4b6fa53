"""The benchmark of the translators runs, on a handful of captions, and its baselines are sound."""

from __future__ import annotations

import json

import pytest
import torch

from helpers.authoring import cli
from helpers.authoring.benchmarks import translation
from helpers.authoring.benchmarks.tutorial_baselines import BASELINES, plain_loss, random_batches
from helpers.authoring.measurements import nb13
from helpers.corpus import multi30k
from helpers.corpus.batches import collate
from helpers.decoding import forced
from helpers.models import recipes
from tests.test_multi30k import sentences, write


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path, train=sentences(90), val=sentences(5), test_2016_flickr=sentences(20))


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", BASELINES)
@torch.no_grad()
def test_a_baseline_is_the_same_stepwise_and_learns_from_words_alone(name, folder):
    data = multi30k.load_multi30k(folder)
    model = BASELINES[name].build(data).eval()
    batch = collate(data.train[:4], data.source_vocabulary, data.target_vocabulary)
    logits = model(batch.source, batch.lengths, batch.target_in)
    stepwise, weights = forced(model, batch.source, batch.lengths, batch.target_in)
    torch.testing.assert_close(logits, stepwise)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones_like(weights[..., 0]))
    real = batch.target_out != 0
    by_hand = torch.nn.functional.cross_entropy(logits[real], batch.target_out[real])
    torch.testing.assert_close(plain_loss(model, batch), by_hand)
    assert model.gru.num_layers == BASELINES[name].layers


def test_the_two_baselines_are_those_that_are_announced():
    plans = {(p.hidden, p.layers, p.batch_size, p.lr) for p in BASELINES.values()}
    assert plans == {(256, 2, 128, 5e-3), (128, 1, 32, 1e-3)}
    assert [p.clip is not None for p in BASELINES.values()] == [True, False]


def test_random_batches_mix_lengths_and_hold_every_pair(folder):
    data = multi30k.load_multi30k(folder)
    stream = random_batches(data, 32, seed=1)
    batches = [next(stream) for _ in range(3)]
    assert [len(batch.lengths) for batch in batches] == [32, 32, 26]
    assert all(len(set(batch.lengths.tolist())) > 1 for batch in batches)
    met = sorted(tuple(row) for b in batches for row in b.target_in.tolist())
    assert len({tuple(w for w in row if w) for row in met}) > 10


@pytest.mark.parametrize("name", ["general", "baseline, hidden 128"])
def test_a_model_is_measured(name, folder):
    row = translation.measure(name, folder, seconds=2.0, threads=1, seed=0)
    assert row["model"] == name
    assert row["baseline"] == name.startswith("baseline")
    assert row["parameters"] > 1000
    assert row["tokens_per_second"] > 0
    assert row["wall_seconds"] > 0
    assert 0 <= row["interval"][0] <= row["bleu"] + 1e-6 <= row["interval"][1] + 5
    assert row["peak_mb"] > 50
    assert name in translation.line(row)


def test_the_command_writes_its_json(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(translation, "_apart", lambda function, *given: function(*given))
    monkeypatch.setattr(translation, "SPEED_SECONDS", 0.2)
    path = tmp_path / "found.json"
    options = ["--data", str(folder), "--cpu-seconds", "0.3", "--json", str(path)]
    names = ["additive", "baseline, hidden 128"]
    cli.main(["benchmark", "translation", *options, "--models", *names])
    found = json.loads(path.read_text(encoding="utf-8"))
    assert [row["model"] for row in found["models"]] == names
    wanted = {"model", "baseline", "parameters", "tokens_per_second", "bleu", "peak_mb"}
    assert all(wanted <= set(row) for row in found["models"])
    assert [(r["model"], r["width"]) for r in found["speeds"]] == [
        ("additive", 128),
        ("general", 128),
    ]
    assert all(row["ratio"] > 0 for row in found["speeds"])
    assert "baseline, hidden 128" in capsys.readouterr().out


def test_what_is_missing_or_unknown_is_said(folder, capsys):
    with pytest.raises(SystemExit):
        cli.main(["benchmark", "translation", "--data", str(folder)])
    assert "--cpu-seconds" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no model dot; expected some of no attention; additive"):
        translation.translation(folder, 1.0, names=["general", "dot"])


def test_long_trainings_get_dropout():
    assert [translation.dropout(s) for s in (60, 150, 300, 1200)] == [0, 0, 0.1, 0.2]


def test_the_long_run_asks_each_seed_alike_and_the_first_for_the_rest(monkeypatch):
    def benchmark(seconds, threads, names, seed):
        run = {"cpu_seconds": seconds, "threads": threads, "seed": seed}
        return run | {"models": [{"model": name} for name in names], "speeds": [{"ratio": 4.0}]}

    monkeypatch.setattr(nb13, "benchmark", benchmark)
    monkeypatch.setattr(nb13, "cache_times", dict)
    monkeypatch.setattr(nb13, "examples", lambda seed: {"seed": seed})
    monkeypatch.setattr(nb13.multi30k_download, "fetch", lambda: None)
    found = nb13.measure([0, 3])
    runs = [(r["model"], r["cpu_seconds"], r["threads"], r["seed"]) for r in found["runs"]]
    assert len(set(runs)) == len(runs)
    assert all(("general", t, 1, seed) in runs for t in (60, 150, 300) for seed in (0, 3))
    assert all((name, 150, 1, seed) in runs for name in recipes.TRANSLATORS for seed in (0, 3))
    assert all((name, t, 1, 0) in runs for name in BASELINES for t in (60, 150, 300))
    assert [run for run in runs if run[2] == 2 and run[3] == 3] == []
    assert ("general", 2400, 2, 0) in runs
    assert {"ratio": 4.0} in found["speeds"]
    assert found["examples"] == {"seed": 0}


def test_the_examples_come_from_a_model_that_was_trained_again(folder, monkeypatch):
    data = multi30k.load_multi30k(folder)
    monkeypatch.setattr(nb13, "load_multi30k", lambda: data)
    monkeypatch.setattr(nb13, "SHOWN", (len(data.test[3].source),))
    found = nb13.examples(seed=0, updates=2)
    assert (found["updates"], found["seed"]) == (2, 0)
    assert 0 <= found["bleu"] <= 100 and 0 <= found["chrf"] <= 100
    sources = {" ".join(pair.source) for pair in data.test}
    assert [row["source"] in sources for row in found["sentences"]] == [True]
    assert all(abs(row["bias"]) < 1e-4 for row in found["sampled"])  # every word is in the sample
