"""Notebook 10: language models with a causal mask and a leaking one, with positions and without;
what they generate; and whether a layer without positions can tell where a word stands.

Sizes, steps and learning rate were chosen on dev with seeds 0 to 4; what is recorded is from test.
"""

from __future__ import annotations

from typing import Any

from helpers import corpus
from helpers.analysis import NGrams, text_quality
from helpers.authoring.measurements.common import count_parameters
from helpers.corpus import training_batches
from helpers.decoding import sample_sentences
from helpers.metrics import perplexity, perplexity_one_by_one
from helpers.models import LanguageModel
from helpers.settings import DEVICE, seed_everything
from helpers.tasks import PlaceLines, place_loss, right_places
from helpers.training import fit, next_word_loss

STEPS, LEAKING_STEPS, BATCH_SIZE, LR = 1000, 300, 64, 8e-3
GENERATED, LONGEST = 300, 40  # sentences of each kind, and words a sentence
TEMPERATURES = (0.3, 0.5, 0.7, 1.0, 1.3, 1.6)
TOP_K = (2, 5, 20)
ONE_BY_ONE = 300  # test sentences given word by word
PLACE_STEPS, PLACES, TESTED = 500, 24, 500
TEST_SEED = 1000  # lines and sentences for the test are drawn with 1000 + seed
MODELS = {
    "causal": {},
    "causal, no positions": {"positions": False},
    "causal, one layer": {"layers": 1},
    "causal, one layer, no positions": {"layers": 1, "positions": False},
    "leaking": {"mask": "leaking"},
}
TELLERS = {
    "causal": ("causal", True),
    "causal, no <start>": ("causal", False),
    "not causal": ("none", True),
}


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train each model with each seed and test it; count n-grams; let layers tell places."""
    data = corpus.load_corpus("lite")
    recorded: dict[str, Any] = {
        "settings": {
            "steps": STEPS, "leaking_steps": LEAKING_STEPS, "batch_size": BATCH_SIZE, "lr": LR,
            "generated": GENERATED, "longest": LONGEST, "one_by_one": ONE_BY_ONE,
            "place_steps": PLACE_STEPS, "places": PLACES, "tested": TESTED,
            "test_seed": TEST_SEED,
        },
        "n-grams": _counts(data),
    }  # fmt: skip
    for name, options in MODELS.items():
        recorded[name] = _models(name, options, data, seeds)
    recorded["tells its place"] = {name: _tellers(*kind, seeds) for name, kind in TELLERS.items()}
    return recorded


def _counts(data: corpus.Corpus) -> dict[str, float]:
    """Test perplexity by n; single words to runs of four."""
    training = [pair.target for pair in data.train]
    size = len(data.target_vocabulary)
    model = NGrams(training, 4, size)
    tested = [pair.target for pair in data.test]
    return {str(n): round(model.perplexity(tested, n), 3) for n in (1, 2, 3, 4)}


def _models(
    name: str, options: dict[str, Any], data: corpus.Corpus, seeds: list[int]
) -> dict[str, Any]:
    """One entry a seed. "perplexity": on test. "one_by_one": the same, nothing behind each word.
    "train": of the last 50 training steps. By temperature, and at 1 by top-k: what the generated
    sentences are worth (`language.Worth`); for models other than the first only at 1.
    """
    found: dict[str, Any] = {"perplexity": [], "one_by_one": [], "train_loss": []}
    training = [pair.target for pair in data.train]
    vocabulary = data.target_vocabulary
    for seed in seeds:
        seed_everything(seed)
        model = LanguageModel(len(vocabulary), **options).to(DEVICE)
        found["parameters"] = count_parameters(model)
        steps = LEAKING_STEPS if name == "leaking" else STEPS
        batches = training_batches(data, BATCH_SIZE, seed)
        history = fit(model, batches, steps, LR, loss=next_word_loss, label=f"{name}, seed {seed}")
        found["train_loss"].append(round(sum(history.losses[-50:]) / 50, 4))
        found["perplexity"].append(round(perplexity(model, data.test, data), 3))
        alone = perplexity_one_by_one(model, data.test[:ONE_BY_ONE], data)
        found["one_by_one"].append(round(alone, 3))
        ways = [("1.0", 1.0, None)]
        if name == "causal":
            ways = [(str(t), t, None) for t in TEMPERATURES] + [(f"top {k}", 1.0, k) for k in TOP_K]
        for way, temperature, k in ways:
            ids = sample_sentences(model, GENERATED, temperature, k, LONGEST, TEST_SEED + seed)
            made = text_quality([vocabulary.decode(sentence) for sentence in ids], training)
            for what, value in made._asdict().items():
                shares = found.setdefault("generated", {}).setdefault(way, {})
                shares.setdefault(what, []).append(round(value, 4))
        print(name, found["perplexity"], found["one_by_one"], flush=True)
    return found


def _tellers(mask: str, with_start: bool, seeds: list[int]) -> dict[str, list[Any]]:
    """One entry a seed. "right": share of places named right, the first left out, in lines as
    long as in training. "by_place": the same place by place."""
    found: dict[str, list[Any]] = {"right": [], "by_place": []}
    for seed in seeds:
        seed_everything(seed)
        lines = PlaceLines(PLACES, with_start, seed=seed)
        model = LanguageModel(lines.vocabulary, layers=1, mask=mask, positions=False).to(DEVICE)
        label = f"places, {mask}, start {with_start}, seed {seed}"
        fit(model, lines, PLACE_STEPS, LR, loss=place_loss, label=label)
        fresh = PlaceLines(PLACES, with_start, batch_size=TESTED, seed=TEST_SEED + seed)
        shares = right_places(model, next(iter(fresh)))
        found["right"].append(round(shares[1:].mean().item(), 4))
        found["by_place"].append([round(share, 3) for share in shares.tolist()])
        print(label, found["right"], flush=True)
    return found
