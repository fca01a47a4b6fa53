"""Notebook 11: two look-ups by one head and by several, and 07's relations with heads, over seeds.

Sizes, steps and learning rates were chosen with seeds 0 to 4, on the dev scenes and on other farms
than those recorded.
"""

from __future__ import annotations

from typing import Any

import torch

from helpers.analysis import score_captions
from helpers.authoring.measurements.common import count_parameters
from helpers.corpus import RELATION_AT, Scene, collate_scenes, draw_scenes, scene_batches
from helpers.models import MultiHeadCaptioner
from helpers.settings import DEVICE, seed_everything
from helpers.tasks import (
    DrawFarms,
    Farms,
    TwoLookUps,
    farm_loss,
    looks_at,
    moved_by,
    share_right,
    silence,
)
from helpers.training import fit

STEPS, BATCH_SIZE, LR = 800, 64, 5e-3
TESTED = 1000  # farms, six questions each
TEST_SEED = 1000  # test farms are drawn with 1000 + seed
WIDE = 1.0  # the spread of PyTorch's own tables
KINDS_OF_RUNS = {  # name -> heads, read-out, spread
    "1 head, linear": (1, "linear", 0.3),
    "2 heads, linear": (2, "linear", 0.3),
    "4 heads, linear": (4, "linear", 0.3),
    "1 head, mlp": (1, "mlp", 0.3),
    "2 heads, mlp": (2, "mlp", 0.3),
    "1 head, mlp, wide start": (1, "mlp", WIDE),
    "2 heads, mlp, wide start": (2, "mlp", WIDE),
}
SCENES, SCENES_TESTED = 8000, 1000
RELATION_STEPS, RELATION_BATCH, RELATION_LR = 1200, 24, 3e-3
FASTER, FEW = 8e-3, 3  # 07's learning rate, with the first few seeds


def measure(seeds: list[int]) -> dict[str, Any]:
    """Train every kind of run with each seed, and captioners of relations with one head and two.

    The runs with a wide start get twice as many seeds, the given ones first.
    """
    recorded: dict[str, Any] = {
        "settings": {
            "steps": STEPS, "batch_size": BATCH_SIZE, "lr": LR, "tested": TESTED,
            "test_seed": TEST_SEED, "wide": WIDE, "scenes": SCENES, "scenes_tested": SCENES_TESTED,
            "relation_steps": RELATION_STEPS, "relation_lr": RELATION_LR, "faster": FASTER,
            "few_seeds": FEW,
        },
        "parameters": count_parameters(TwoLookUps()),
        "captioner_parameters": count_parameters(MultiHeadCaptioner()),
    }  # fmt: skip
    more = [*seeds, *(seed + len(seeds) for seed in seeds)]  # rare failures need more runs
    for name, (heads, read_out, spread) in KINDS_OF_RUNS.items():
        runs = more if spread == WIDE else seeds
        recorded[name] = _farm_runs(name, heads, read_out, spread, runs)
    for name, lr, chosen in (
        ("relations", RELATION_LR, seeds),
        ("relations, faster", FASTER, seeds[:FEW]),
    ):
        recorded[name] = {str(heads): _relation_runs(heads, lr, chosen) for heads in (1, 2)}
    return recorded


def _farm_runs(
    name: str, heads: int, read_out: str, spread: float, seeds: list[int]
) -> dict[str, list[Any]]:
    """One entry a seed. "right": share of questions. "looks": mean weight of each head on the kind
    named first and second. For two heads and more also, for each head silenced, "right_without"
    and "moved_without": shares of answers that change with the first and with the second number.
    """
    found: dict[str, list[Any]] = {}
    for seed in seeds:
        seed_everything(seed)
        model = TwoLookUps(heads, read_out, spread=spread).to(DEVICE)
        draws = DrawFarms(BATCH_SIZE, seed=seed)
        fit(model, draws, STEPS, LR, loss=farm_loss, label=f"{name}, seed {seed}")
        farms = DrawFarms(seed=TEST_SEED + seed).draw(TESTED)
        with torch.no_grad():
            _, weights = model(farms, need_weights=True)
        _note(found, right=share_right(model, farms), looks=looks_at(weights, farms).tolist())
        if heads > 1:
            _note(found, **_without(model, farms))
        print({key: values[-1] for key, values in found.items()}, flush=True)
    return found


def _without(model: TwoLookUps, farms: Farms) -> dict[str, list[Any]]:
    quiet = [silence(model, head) for head in range(1, model.layer.heads + 1)]
    return {
        "right_without": [share_right(one, farms) for one in quiet],
        "moved_without": [list(moved_by(one, farms)) for one in quiet],
    }


def _relation_runs(heads: int, lr: float, seeds: list[int]) -> dict[str, list[Any]]:
    """One entry a seed. Shares of the words of each kind that are right on test scenes, and of the
    relation and colour words with each head silenced. "looks_at_first" and "..._second": mean
    weight of each head on the cell of a thing, at each step up to the relation word.
    """
    found: dict[str, list[Any]] = {}
    for seed in seeds:
        seed_everything(seed)
        scenes = draw_scenes(SCENES, "train", seed, "relation")
        model = MultiHeadCaptioner(heads).to(DEVICE)
        batches = scene_batches(scenes, RELATION_BATCH, seed)
        fit(model, batches, RELATION_STEPS, lr, label=f"{heads} heads, lr {lr}, seed {seed}")
        test = draw_scenes(SCENES_TESTED, "test", seed, "relation")
        scores = score_captions(model, test)
        _note(found, relation=scores.relation, colour=scores.colour, shape=scores.shape)
        if heads > 1:
            quiet = [score_captions(silence(model, head + 1), test) for head in range(heads)]
            _note(found, relation_without=[one.relation for one in quiet])
            _note(found, colour_without=[one.colour for one in quiet])
        for thing, name in enumerate(("first", "second")):
            _note(found, **{f"looks_at_{name}": _steps_to_relation(model, test, thing)})
        print({key: values[-1] for key, values in found.items()}, flush=True)
    return found


@torch.no_grad()
def _steps_to_relation(
    model: MultiHeadCaptioner, scenes: list[Scene], thing: int
) -> list[list[float]]:
    """Mean weight of each head on the cell of a thing, at the steps up to the relation word."""
    batch = collate_scenes(scenes).to(DEVICE)
    cells = torch.tensor([scene.cells[thing] for scene in scenes], device=DEVICE)
    memory = model.encode(batch.source)
    state, rows = model.start(memory), []
    for previous in batch.target_in[:, : RELATION_AT + 1].unbind(dim=1):
        _, weights = model.each_look(state, memory)  # (B, A, S)
        on_it = weights.gather(2, cells.view(-1, 1, 1).expand(-1, weights.shape[1], 1))
        rows.append(on_it.mean(dim=(0, 2)).tolist())
        _, state, _ = model.step(previous, state, memory)
    return rows


def _note(found: dict[str, list[Any]], **values: Any) -> None:
    for name, value in values.items():
        found.setdefault(name, []).append(_rounded(value))


def _rounded(value: Any) -> Any:
    return [_rounded(v) for v in value] if isinstance(value, list) else round(value, 4)
