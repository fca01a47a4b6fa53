"""Notebook 01: four recurrent layers learn to say the word they read 19 steps ago, over seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.analysis import gradient_norms, update_gates
from helpers.models import open_update_gates
from helpers.settings import DEVICE, seed_everything
from helpers.tasks import FirstWord, random_words
from helpers.training import fit

WORDS, LENGTH, STEPS, LOOK, LR = 8, 20, 2000, 50, 5e-3
NEAR = 0.9  # an update gate above this counts as keeping


def orthogonal_rnn(embed: int, hidden: int, **settings: Any) -> nn.RNN:
    """A plain RNN whose recurrent weight starts as a rotation: no length is lost on the way."""
    layer = nn.RNN(embed, hidden, **settings)
    nn.init.orthogonal_(layer.weight_hh_l0)
    return layer


LAYERS: dict[str, Callable[..., nn.RNNBase]] = {
    "RNN": nn.RNN,
    "RNN, rotation": orthogonal_rnn,
    "GRU": nn.GRU,
    "GRU, bias +2": lambda *sizes, **settings: open_update_gates(nn.GRU(*sizes, **settings)),
}


def first_word_loss(model: nn.Module, words: Tensor) -> Tensor:
    """Cross-entropy of the first word, in nats."""
    return F.cross_entropy(model(words), words[:, 0])


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train each layer with each seed; look at gradients and update gates before and after."""
    recorded: dict[str, Any] = {
        "settings": {
            "words": WORDS, "length": LENGTH, "steps": STEPS, "batch_size": 64, "lr": LR,
            "hidden": 64, "kept_above": NEAR,
        },
        "steps": list(range(LOOK, STEPS + 1, LOOK)),
        "layers": {},
    }  # fmt: skip
    for name, layer in LAYERS.items():
        runs: dict[str, list] = {
            "loss": [], "right": [], "ratio_before": [], "ratio_after": [],
            "kept_before": [], "kept_after": [],
        }  # fmt: skip
        for seed in seeds:
            _one_run(name, layer, seed, runs)
        recorded["layers"][name] = {key: values for key, values in runs.items() if values}
    return recorded


def _one_run(name: str, layer: Callable[..., nn.RNNBase], seed: int, runs: dict[str, list]) -> None:
    seed_everything(seed)
    model = FirstWord(WORDS, layer=layer).to(DEVICE)
    words = random_words(WORDS, LENGTH, seed=seed)
    tested = next(random_words(WORDS, LENGTH, 2000, seed=seed + 1000))
    _look(model, tested, runs, "before")
    history = fit(model, words, STEPS, LR, first_word_loss, label=f"{name}, seed {seed}")
    _look(model, tested, runs, "after")
    means = torch.tensor(history.losses).view(-1, LOOK).mean(dim=1)
    runs["loss"].append([round(value, 4) for value in means.tolist()])
    with torch.no_grad():
        right = (model(tested).argmax(dim=-1) == tested[:, 0]).float().mean()
    runs["right"].append(round(float(right), 4))


def _look(model: FirstWord, words: Tensor, runs: dict[str, list], when: str) -> None:
    """Note the gradient's ratio, newest to oldest word, and how many update gates are near 1."""
    with torch.no_grad():
        inputs = model.embedding(words)
    norms = gradient_norms(model.recurrent, inputs)
    runs[f"ratio_{when}"].append(float(f"{norms[-1] / norms[0]:.4g}"))
    if isinstance(model.recurrent, nn.GRU):
        near = update_gates(model.recurrent, inputs) > NEAR
        runs[f"kept_{when}"].append(round(float(near.float().mean()), 4))
