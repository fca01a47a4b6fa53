"""The benchmark of the translators runs, on a handful of captions, and its baselines are sound."""

from __future__ import annotations

import json

import pytest
import torch

from helpers import decoding
from helpers.authoring import cli
from helpers.authoring.benchmarks import one_change, translation
from helpers.authoring.benchmarks.tutorial_baselines import BASELINES, plain_loss, random_batches
from helpers.authoring.measurements import nb13
from helpers.corpus import multi30k
from helpers.corpus.batches import collate
from helpers.decoding import forced
from helpers.models import recipes
from helpers.results import load_results
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
    monkeypatch.setattr(nb13, "extras", lambda seeds: {"seed": seeds[0]})
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
    assert found["examples"] == found["extras"] == {"seed": 0}


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


def test_pieces_are_those_of_the_count_by_hand():
    words = ["nage"] * 6 + ["une"] * 4 + ["plage"] * 3 + ["plonge"] * 2
    pieces = one_change.Pieces([words], rounds=3)
    assert list(pieces.ranks) == [("e", "_"), ("g", "e_"), ("a", "ge_")]
    assert pieces.cut(["nuage", "ne"]) == ("n", "u", "age_", "n", "e_")


def test_pieces_are_put_together_again(folder):
    data = multi30k.load_multi30k(folder)
    cut = one_change.in_pieces(data, rounds=30)
    assert max(len(pair.target) for pair in cut.test) > max(len(p.target) for p in data.test)
    for whole, pair in zip(data.test, cut.test, strict=True):
        one = decoding.Translation(list(pair.source), [*pair.target, "<end>"], None)
        assert one_change.words_of(one, whole).words == list(whole.target)


def test_each_change_is_trained_and_tested_in_words(folder, monkeypatch):
    data = multi30k.load_multi30k(folder)
    monkeypatch.setattr(one_change, "load_multi30k", lambda: data)
    translation.train("general", data, 0.1, seed=0)  # the first optimizer takes long to load
    for changes in nb13.CHANGES.values():
        few = {name: min(value, 4) for name, value in changes.items()}
        found = one_change.one_change(0.2, seed=0, **few)
        ways = ("dev", "test", "test_beam", "dev_mean", "test_mean", "test_mean_beam")
        assert found["steps"] > 0 and all(0 <= found[way] <= 100 for way in ways)


def test_batches_have_another_size_near_the_end(folder, monkeypatch):
    data, now = multi30k.load_multi30k(folder), iter((0.0, 1.0, 5.9, 6.1, 7.0))
    monkeypatch.setattr(one_change.time, "process_time", lambda: next(now))
    batches = one_change.growing_batches(data, seed=0, seconds=10.0, last=10)
    sizes = [len(next(batches).lengths) for _ in range(5)]
    assert min(sizes[:3]) > 10 >= max(sizes[3:])


def test_the_record_holds_the_changes_of_the_recipe():
    recorded = load_results("13")["extras"]
    assert recorded["cpu_seconds"] == nb13.CHANGED_SECONDS
    found = [(run["name"], run["seed"]) for run in recorded["runs"]]
    asked = [(name, 0) for name in nb13.CHANGES] + [*nb13.AGAIN]
    assert sorted(found) == sorted(asked)
    for run in recorded["runs"]:
        assert nb13.CHANGES[run["name"]].items() <= run.items()
