"""Notebook 07: captioners with and without attention, relations, and readers of bags, over seeds.

Sizes and steps were chosen on the dev scenes with seeds 0 to 4, and the learning rate of both
captioners with seeds 0 and 1; all that is recorded is from test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.analysis import caption_all, score_captions
from helpers.authoring.measurements.common import count_parameters
from helpers.corpus import (
    CELLS,
    RELATION_AT,
    RELATIONS,
    Scene,
    collate_scenes,
    draw_scenes,
    move_cells,
    relation_between,
    scene_batches,
)
from helpers.models import AttentionCaptioner, Captioner, MeanPooledCaptioner, ReorderedCaptioner
from helpers.settings import DEVICE, seed_everything
from helpers.tasks import READERS, BagReader, Bags, bag_loss, content_to_name, score_bags
from helpers.training import fit

SCENES, TESTED, PROBED = 8000, 1000, 3000
STEPS, BATCH_SIZE, LR = 1100, 24, 8e-3
RELATION_STEPS = 1500
LONGER = 4  # times as many steps, for the twin
FEW = 3  # seeds of the longer runs, and of the captioners that have positions in fewer places
BAG_STEPS, BAG_LR, NOISE = 1000, 5e-3, 0.3
STRENGTHS = (0.5, 1.0, 2.0, 4.0)
LINKS = (",", "and", "<end>")  # what may stand behind a thing


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train everything with each seed (the longer runs with the first few) and test it."""
    few = seeds[:FEW]
    recorded: dict[str, Any] = {
        "settings": {
            "scenes": SCENES, "tested": TESTED, "steps": STEPS, "batch_size": BATCH_SIZE, "lr": LR,
            "relation_steps": RELATION_STEPS, "longer": LONGER, "few_seeds": FEW,
            "bag_steps": BAG_STEPS, "bag_lr": BAG_LR, "noise": NOISE,
        },
    }  # fmt: skip
    recorded["bags"] = {p: {s: _bags(p, s, seeds) for s in STRENGTHS} for p in READERS}
    recorded["attention"] = _runs(AttentionCaptioner, seeds, "list", STEPS, _orders)
    recorded["mean"] = _runs(MeanPooledCaptioner, seeds, "list", STEPS)
    recorded["relations"] = _runs(
        AttentionCaptioner, seeds, "relation", RELATION_STEPS, _around_the_relation
    )
    recorded["relations"]["guess_from_first_cell"] = round(_guess_from_first_cell(), 4)
    recorded["without_position"] = {
        "list": {
            "keys": _runs(_with_position("keys"), few, "list", STEPS, _slips),
            "nowhere": _runs(_with_position("nowhere"), few, "list", STEPS),
        },
        "relation": {
            position: _runs(_with_position(position), few, "relation", RELATION_STEPS)
            for position in ("keys", "nowhere")
        },
    }
    recorded["mean_longer"] = _runs(MeanPooledCaptioner, few, "list", LONGER * STEPS)
    return recorded


def _with_position(position: str) -> Callable[[], AttentionCaptioner]:
    return lambda: AttentionCaptioner(position=position)


def _runs(
    make: Callable[[], Captioner],
    seeds: Sequence[int],
    captions: str,
    steps: int,
    more: Callable[[Captioner, list[Scene], int], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Train with each seed; note the scores on test and held-out scenes, and what `more` finds."""
    recorded: dict[str, Any] = {"parameters": count_parameters(make()), "test": {}, "held_out": {}}
    for seed in seeds:
        scenes = draw_scenes(SCENES, "train", seed, captions)
        seed_everything(seed)
        model = make().to(DEVICE)
        label = f"{type(model).__name__}, {captions}, seed {seed}"
        fit(model, scene_batches(scenes, BATCH_SIZE, seed), steps, LR, label=label)
        test = draw_scenes(TESTED, "test", seed, captions)
        _note(recorded["test"], asdict(score_captions(model, test)))
        held_out = draw_scenes(TESTED, "held out", seed, captions)
        _note(recorded["held_out"], asdict(score_captions(model, held_out)))
        if more is not None:
            _note(recorded, more(model, test, seed))
        print("exact so far:", recorded["test"]["exact"], flush=True)
    return recorded


def _note(recorded: dict[str, Any], found: dict[str, Any]) -> None:
    """Append what one seed gave; what a model has none of is left out."""
    for name, value in found.items():
        if value is not None:
            several = isinstance(value, list)
            value = [round(v, 4) for v in value] if several else round(value, 4)
            recorded.setdefault(name, []).append(value)


def _orders(model: AttentionCaptioner, scenes: list[Scene], seed: int) -> dict[str, float]:
    """The share of captions that stay word for word when cells come in another order: with their
    positions, and when the contents alone change places, which is another picture."""
    order = torch.randperm(CELLS, generator=torch.Generator().manual_seed(seed))
    plain = caption_all(model, scenes)
    reordered = caption_all(ReorderedCaptioner(model, order.to(DEVICE)), scenes)
    moved = [
        replace(scene, image=move_cells(torch.from_numpy(scene.image)[None], order)[0].numpy())
        for scene in scenes
    ]
    others = caption_all(model, moved)
    return {
        "same_reordered": _same(plain, reordered),
        "same_contents_moved": _same(plain, others),
    }


def _slips(model: AttentionCaptioner, scenes: list[Scene], seed: int) -> dict[str, float]:
    """Of the captions that are not right, the share whose first wrong word should have said whether
    one more thing follows: ",", "and" or <end>."""
    wrong = between = 0
    for scene, said in zip(scenes, caption_all(model, scenes), strict=True):
        gold = [*scene.caption, "<end>"]
        first = next((w for w, own in zip(gold, said.target, strict=False) if w != own), None)
        wrong += first is not None
        between += first in LINKS
    return {"slips_between_things": between / wrong if wrong else 0.0}


def _same(first: Sequence[Any], second: Sequence[Any]) -> float:
    return sum(a.target == b.target for a, b in zip(first, second, strict=True)) / len(first)


def _around_the_relation(
    model: AttentionCaptioner, scenes: list[Scene], seed: int
) -> dict[str, Any]:
    """Up to the step that says 'above', 'below', 'left' or 'right': at which thing each step looks,
    and what a linear probe reads of the two cells from the last step's s_{t-1} and c_t.
    """
    learn = _steps_to_relation(model, draw_scenes(PROBED, "dev", seed, "relation"))
    test = _steps_to_relation(model, scenes)
    looked = test["weights"].argmax(dim=-1)  # (N, steps)
    found: dict[str, Any] = {}
    for k, thing in enumerate(("first", "second")):
        gold = test["cells"][:, k]
        found[f"looks_at_{thing}"] = (looked == gold[:, None]).float().mean(dim=0).tolist()
        for where in ("state", "context"):
            predict = _linear_probe(learn[where], learn["cells"][:, k])
            right = (predict(test[where]) == gold).float().mean()
            found[f"{thing}_cell_in_{where}"] = right.item()
    return found


@torch.no_grad()
def _steps_to_relation(model: AttentionCaptioner, scenes: list[Scene]) -> dict[str, Tensor]:
    """One row a scene: the "weights" of all steps, the last "state" s_{t-1} and "context" c_t, and
    the "cells" of both things."""
    batch = collate_scenes(scenes).to(DEVICE)
    memory = model.encode(batch.source)
    state, rows = model.start(memory), []
    for previous in batch.target_in[:, : RELATION_AT + 1].unbind(dim=1):
        before = state
        context, weights = model.look(before, memory)
        rows.append(weights)
        _, state, _ = model.step(previous, before, memory)
    return {
        "weights": torch.stack(rows, dim=1),
        "state": before,
        "context": context,
        "cells": torch.tensor([scene.cells for scene in scenes], device=DEVICE),
    }


def _guess_from_first_cell() -> float:
    """The share of relations that the best guess gets right which knows the large thing's cell."""
    firsts: dict[str, list[int]] = {relation: [] for relation in RELATIONS}
    for first in range(CELLS):
        for second in range(CELLS):
            if (relation := relation_between(first, second)) is not None:
                firsts[relation].append(first)
    # Each relation is as frequent, and so is each pair of cells within a relation.
    best = (max(f.count(cell) / len(f) for f in firsts.values()) for cell in range(CELLS))
    return sum(best) / len(RELATIONS)


def _linear_probe(inputs: Tensor, cells: Tensor) -> Callable[[Tensor], Tensor]:
    """Least squares from inputs (N, D) to the cell (N,), a column for each; a little ridge."""

    def with_one(rows: Tensor) -> Tensor:
        return F.pad(rows, (0, 1), value=1.0).double()

    known = with_one(inputs)
    ridge = 1e-3 * len(known) * torch.eye(known.shape[1], dtype=known.dtype, device=known.device)
    wanted = F.one_hot(cells, CELLS).double()
    weights = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted)
    return lambda rows: (with_one(rows) @ weights).argmax(dim=-1)


def _bags(projections: str, strength: float, seeds: Sequence[int]) -> dict[str, Any]:
    """Train a reader with each seed; note its scores, also with noise, and what it keeps."""
    recorded: dict[str, Any] = {"parameters": count_parameters(BagReader(projections))}
    for seed in seeds:
        seed_everything(seed)
        model, bags = BagReader(projections).to(DEVICE), Bags(strength, seed)
        label = f"bags of strength {strength}, {projections}, seed {seed}"
        fit(model, bags, BAG_STEPS, BAG_LR, loss=bag_loss, label=label)
        answer, look = score_bags(model, bags)
        in_key, in_value = content_to_name(model, bags)
        noisy = score_bags(model, bags, noise=NOISE).answer
        found = {"answer": answer, "look": look, "answer_with_noise": noisy}
        _note(recorded, found | {"content_in_key": in_key, "content_in_value": in_value})
    return recorded
