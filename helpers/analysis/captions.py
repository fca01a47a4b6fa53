"""Captions of a whole test set, and which of their words are right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch.nn.functional as F

from helpers.corpus import (
    COLOURS,
    RELATIONS,
    SCENE_VOCABULARY,
    SHAPES,
    THING_SIZES,
    Scene,
    Vocabulary,
    cell_names,
)
from helpers.corpus.scenes import collate_scenes
from helpers.decoding import Translation, forced, greedy
from helpers.models.captioner import Captioner, ReorderedCaptioner
from helpers.settings import DEVICE

LONGEST_CAPTION = 30  # words at which a captioner that does not end its caption is stopped


def caption_all(
    model: Captioner | ReorderedCaptioner,
    scenes: Sequence[Scene],
    teacher_forcing: bool = False,
    batch_size: int = 250,
) -> list[Translation]:
    """Caption every scene, in their order; `source` holds the names of the cells.

    teacher_forcing: feed the gold words; each word is then the likeliest after the gold words
    before it, and row t of the weights is where the model looks while it has to say gold word t.
    """
    found = []
    for first in range(0, len(scenes), batch_size):
        chunk = scenes[first : first + batch_size]
        batch = collate_scenes(chunk).to(DEVICE)
        if teacher_forcing:
            logits, weights = forced(model, batch.source, batch.lengths, batch.target_in)
            words = logits.argmax(dim=-1)
            ends = [len(scene.caption) + 1 for scene in chunk]
        else:
            words, weights = greedy(model, batch.source, batch.lengths, LONGEST_CAPTION)
            # The first <end>; a caption that has none is as long as the longest.
            ended = F.pad(words == Vocabulary.end, (0, 1), value=True)
            ends = (ended.int().argmax(dim=1) + 1).tolist()
        for row, end in enumerate(ends):
            said = [SCENE_VOCABULARY.words[i] for i in words[row, :end].tolist()]
            looks = None if weights is None else weights[row, :end].cpu()
            found.append(Translation(cell_names(), said, looks))
    return found


@dataclass(frozen=True)
class CaptionScores:
    """Shares from 0 to 1; None where there is nothing to count.

    exact: captions right in every word when the model goes on from its own words. colour, shape,
    size, relation: words of the kind that are right after the gold words before them. hit: of the
    colour and shape words, those at which the cell with the largest weight holds the thing spoken
    of; random_thing: the same for a look at any one thing of the scene.
    """

    exact: float
    colour: float | None
    shape: float | None
    size: float | None
    relation: float | None
    hit: float | None
    random_thing: float


WORD_GROUPS = {
    "colour": set(COLOURS),
    "shape": set(SHAPES),
    "size": set(THING_SIZES),
    "relation": {*RELATIONS},
}


def score_captions(model: Captioner | ReorderedCaptioner, scenes: Sequence[Scene]) -> CaptionScores:
    """Let `model` caption the scenes, freely and after gold words, and count what is right."""
    free = caption_all(model, scenes)
    taught = caption_all(model, scenes, teacher_forcing=True)
    right: dict[str, list[bool]] = {kind: [] for kind in WORD_GROUPS}
    hits, chances = [], []
    for scene, said in zip(scenes, taught, strict=True):
        for t, word in enumerate(scene.caption):
            kind = next((kind for kind, words in WORD_GROUPS.items() if word in words), None)
            if kind is None:
                continue
            right[kind].append(said.target[t] == word)
            if kind in ("colour", "shape"):
                chances.append(1 / len(scene.things))
                if said.weights is not None:
                    hits.append(int(said.weights[t].argmax()) == scene.word_cells[t])
    golds = [[*scene.caption, "<end>"] for scene in scenes]
    exact = [said.target == gold for said, gold in zip(free, golds, strict=True)]
    shares = {kind: _share(found) for kind, found in right.items()}
    return CaptionScores(fmean(exact), **shares, hit=_share(hits), random_thing=fmean(chances))


def _share(found: Iterable[bool]) -> float | None:
    found = list(found)
    return sum(found) / len(found) if found else None
