"""Captioners: a picture goes in as a grid of vectors, a caption comes out word by word.

They offer the methods of the translators in `helpers.recurrent`, so `fit`, `greedy` and `forced`
drive them: `source` is a batch of pictures, and `lengths`, here the number of cells, is not read.

Shapes: B batch, T caption length, S cells, E embedding, H hidden, A attention, C width of h_ij,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from helpers.attention import AdditiveScore, attend
from helpers.corpus import Batch, Vocabulary
from helpers.decoding import Translation, forced, greedy
from helpers.layers import AttentionLayer, Projected
from helpers.recurrent import small_embedding
from helpers.scenes import (
    CELL,
    COLOURS,
    GRID,
    RELATIONS,
    SHAPES,
    SIZES,
    VOCABULARY,
    Scene,
    cell_names,
)
from helpers.settings import DEVICE, course_seed

CELLS = GRID * GRID
LONGEST = 30  # words at which a captioner that does not end its caption is stopped
POSITIONS = ("keys and values", "keys", "nowhere")


class GridEncoder(nn.Module):
    """Turns a picture into a content vector per cell, and has a learnt position vector per cell.

    The cells are cut apart, so that no vector knows of its neighbours. Within each, small filters
    give an answer at every place and the strongest answer counts: the content tells what is in
    the cell and not where in it. It is normalised, so that no cell outshouts the others. Xu et al.
    (2015, section 3.1.1) take their vectors from a deep network trained on photographs, whose
    neighbours overlap, and add no position.
    """

    def __init__(self, content: int = 64, position: int = 32, filters: int = 32) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(3, filters, kernel_size=7, stride=3, padding=2),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(filters, content),
            nn.LayerNorm(content),
        )
        self.positions = nn.Parameter(0.3 * torch.randn(CELLS, position))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures -> contents (B, S, content) and positions (B, S, position), in reading order.

        images: (B, 3, GRID * CELL, GRID * CELL) uint8; ValueError for another size or type.
        """
        side = GRID * CELL
        if images.shape[1:] != (3, side, side) or images.dtype != torch.uint8:
            raise ValueError(
                f"pictures of shape {tuple(images.shape)} and type {images.dtype}; expected "
                f"(B, 3, {side}, {side}) and torch.uint8, as `collate_scenes` stacks them"
            )
        ink = 1 - images.float() / 255  # white paper is 0
        contents = self.see(_cut(ink).flatten(0, 1)).unflatten(0, (len(images), CELLS))
        return contents, self.positions.expand(len(images), -1, -1)


def _cut(images: Tensor) -> Tensor:
    """(B, 3, GRID * CELL, GRID * CELL) -> its cells in reading order (B, S, 3, CELL, CELL)."""
    cells = images.unflatten(3, (GRID, CELL)).unflatten(2, (GRID, CELL))
    return cells.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)


def move_cells(images: Tensor, order: Tensor) -> Tensor:
    """Cut pictures into cells and put them together anew: cell k shows what order[k] showed.

    images (B, 3, GRID * CELL, GRID * CELL), order (S,) -> pictures of the same shape.
    """
    cells = _cut(images)[:, order].unflatten(1, (GRID, GRID))  # (B, row, column, 3, CELL, CELL)
    return cells.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)


class GridMemory(NamedTuple):
    """What a captioner may look at: projected keys (B, S, A) and values h_ij (B, S, C)."""

    keys: Tensor
    values: Tensor

    def reordered(self, order: Tensor) -> GridMemory:
        """The same cells, contents and positions together, in another order (S,)."""
        return GridMemory(self.keys[:, order], self.values[:, order])


class Captioner(nn.Module):
    """The decoder that both captioners share; they differ in `encode` and in `look`.

    At step t: c_t = look with s_{t-1}; s_t = GRU([embedding(y_{t-1}); c_t], s_{t-1}); the word
    from a linear layer on [s_t; c_t]. s_0 = 0.
    """

    def __init__(self, context: int, embed: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.embedding = small_embedding(len(VOCABULARY), embed)
        self.cell = nn.GRUCell(embed + context, hidden)
        self.output = nn.Linear(hidden + context, len(VOCABULARY))

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> Any:
        """Pictures (B, 3, GRID * CELL, GRID * CELL) uint8 -> memory."""
        raise NotImplementedError("a captioner says in `encode` what it keeps of a picture")

    def look(self, state: Tensor, memory: Any) -> tuple[Tensor, Tensor | None]:
        """s_{t-1} (B, H), memory -> c_t (B, C), and a_t (B, S) or None."""
        raise NotImplementedError("a captioner says in `look` what its context is")

    def start(self, memory: Any) -> Tensor:
        """memory -> s_0 (B, H), zeros."""
        return self.output.weight.new_zeros(len(memory[0]), self.hidden)

    def step(
        self, previous: Tensor, state: Tensor, memory: Any
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """previous word (B,), s_{t-1} (B, H), memory -> logits (B, V), s_t (B, H), a_t or None."""
        state, context, weights = self._advance(self.embedding(previous), state, memory)
        return self.output(torch.cat([state, context], dim=-1)), state, weights

    def forward(self, source: Tensor, lengths: Tensor | None, target_in: Tensor) -> Tensor:
        """Pictures and target_in (B, T) -> logits (B, T, V), teacher forcing."""
        memory = self.encode(source)
        state, rows = self.start(memory), []
        for embedded in self.embedding(target_in).unbind(dim=1):
            state, context, _ = self._advance(embedded, state, memory)
            rows.append(torch.cat([state, context], dim=-1))
        return self.output(torch.stack(rows, dim=1))  # one product for all T steps

    def _advance(
        self, embedded: Tensor, state: Tensor, memory: Any
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """One step: embedded (B, E), s_{t-1} -> s_t (B, H), c_t (B, C), a_t (B, S) or None."""
        context, weights = self.look(state, memory)
        return self.cell(torch.cat([embedded, context], dim=-1), state), context, weights


class AttentionCaptioner(Captioner):
    """Looks at the grid anew before every word (Xu et al. 2015, soft attention, section 4.2).

    e_{t,i} = v . tanh(W s_{t-1} + U h_i), a_t = softmax(e_t), c_t = sum_i a_{t,i} h_i, with
    h_i = [content; position] of cell i. The paper decodes with an LSTM that starts from the mean
    of its h_i, scales c_t by a learnt gate, adds a penalty that makes the weights of each place
    sum to about 1 over the caption, and has y_{t-1} in its output layer; ours starts from zeros
    and does none of this.

    position: "keys" leaves it out of the values, and with "nowhere" it is in neither.
    """

    def __init__(
        self,
        content: int = 64,
        place: int = 32,
        embed: int = 32,
        hidden: int = 96,
        attention: int = 48,
        position: str = "keys and values",
    ) -> None:
        if position not in POSITIONS:
            raise ValueError(f"position is {position!r}; expected one of {', '.join(POSITIONS)}")
        super().__init__(content + place * (position == "keys and values"), embed, hidden)
        self.position = position
        self.encoder = GridEncoder(content, place)
        self.query = nn.Linear(hidden, attention)  # W
        self.key = nn.Linear(content + place * (position != "nowhere"), attention, bias=False)  # U
        self.score = AdditiveScore(attention)  # v

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> GridMemory:
        """Pictures (B, 3, GRID * CELL, GRID * CELL) uint8 -> memory; U h_i is computed once."""
        contents, positions = self.encoder(source)
        both = torch.cat([contents, positions], dim=-1)  # (B, S, C)
        keys = self.key(contents if self.position == "nowhere" else both)
        return GridMemory(keys, both if self.position == "keys and values" else contents)

    def look(self, state: Tensor, memory: GridMemory) -> tuple[Tensor, Tensor]:
        """s_{t-1} (B, H), memory -> c_t (B, C), a_t (B, S)."""
        query = self.query(state).unsqueeze(1)  # (B, 1, A)
        context, weights = attend(query, memory.keys, memory.values, score=self.score)
        return context.squeeze(1), weights.squeeze(1)


class MeanPooledCaptioner(Captioner):
    """The twin without attention: c is the same for every word, the mean over all cells.

    The parameters of the attention go into a layer that mixes content and position of each cell
    before the mean, c = mean_i relu(W_v h_i): a mean of the h_i themselves would lose which content
    stood at which position.
    """

    def __init__(
        self, content: int = 64, place: int = 32, embed: int = 32, hidden: int = 96
    ) -> None:
        super().__init__(content + place, embed, hidden)
        self.encoder = GridEncoder(content, place)
        self.value = nn.Linear(content + place, content + place)  # W_v

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor]:
        """Pictures (B, 3, GRID * CELL, GRID * CELL) uint8 -> (c,), with c (B, C)."""
        both = torch.cat(self.encoder(source), dim=-1)  # (B, S, C)
        return (torch.relu(self.value(both)).mean(dim=1),)

    def look(self, state: Tensor, memory: tuple[Tensor]) -> tuple[Tensor, None]:
        """Whatever the state asks for: c (B, C), and no weights."""
        return memory[0], None


class HeadsCaptioner(Captioner):
    """Looks with `heads` look-ups at the same time (notebook 11), whose sizes are all alike.

    The look is the layer of queries, keys and values: s_{t-1} asks, the cells h_i = [content;
    position] give keys and values, and c_t is what W_O makes of what the heads brought home. Any
    number of heads has equally many parameters.
    """

    def __init__(
        self, heads: int = 1, content: int = 64, place: int = 32, embed: int = 32, hidden: int = 96
    ) -> None:
        super().__init__(hidden, embed, hidden)
        self.encoder = GridEncoder(content, place)
        self.layer = AttentionLayer(hidden, heads, memory_width=content + place)

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> Projected:
        """Pictures (B, 3, GRID * CELL, GRID * CELL) uint8 -> keys and values, once a picture."""
        return self.layer.project(torch.cat(self.encoder(source), dim=-1))

    def look(self, state: Tensor, memory: Projected) -> tuple[Tensor, Tensor]:
        """s_{t-1} (B, H), memory -> c_t (B, H), and the mean of the heads' weights (B, S)."""
        context, weights = self.each_look(state, memory)
        return context, weights.mean(dim=1)

    def each_look(self, state: Tensor, memory: Projected) -> tuple[Tensor, Tensor]:
        """s_{t-1} (B, H), memory -> c_t (B, H), and the weights of each head (B, A, S)."""
        context, weights = self.layer.look(state.unsqueeze(1), memory, need_weights=True)
        return context.squeeze(1), weights.squeeze(2)


class Reordered:
    """A trained attention captioner that is given the cells in another order (S,).

    Content and position of a cell stay together. Column i of the weights is cell order[i].
    """

    def __init__(self, model: AttentionCaptioner, order: Tensor) -> None:
        if sorted(order.tolist()) != list(range(CELLS)):
            raise ValueError(f"order is {order.tolist()}; expected each of 0 to {CELLS - 1} once")
        self.model, self.order = model, order
        self.start, self.step = model.start, model.step

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> GridMemory:
        """As the model's own, its cells reordered."""
        return self.model.encode(source).reordered(self.order)


def collate_scenes(scenes: Sequence[Scene]) -> Batch:
    """Stack pictures (B, 3, GRID * CELL, GRID * CELL) uint8 as the source, and pad captions."""
    if not scenes:
        raise ValueError("collate_scenes got no scenes; expected at least one")
    start, end = Vocabulary.start, Vocabulary.end
    captions = [torch.tensor([start, *VOCABULARY.encode(s.caption), end]) for s in scenes]
    return Batch(
        source=torch.from_numpy(np.stack([scene.image for scene in scenes])),
        lengths=torch.full((len(scenes),), CELLS),
        target_in=pad_sequence([c[:-1] for c in captions], batch_first=True),
        target_out=pad_sequence([c[1:] for c in captions], batch_first=True),
    )


def scene_batches(
    scenes: Sequence[Scene], batch_size: int = 24, seed: int | None = None, window: int = 16
) -> Iterator[Batch]:
    """Yield shuffled training batches without end, on the course's device.

    Captions of similar length come together, so that little is padded: `window` batches are drawn
    at random, sorted by length, cut and shuffled. seed: of the order, `course_seed()` by default.
    """
    if batch_size < 1 or window < 1 or not scenes:
        raise ValueError(
            f"{len(scenes)} scenes, batch_size={batch_size}, window={window}: expected 1 or more"
        )
    generator = torch.Generator().manual_seed(course_seed() if seed is None else seed)
    while True:
        order = torch.randperm(len(scenes), generator=generator).tolist()
        for first in range(0, len(order), batch_size * window):
            chunk = order[first : first + batch_size * window]
            chunk.sort(key=lambda k: len(scenes[k].caption))
            cuts = [chunk[k : k + batch_size] for k in range(0, len(chunk), batch_size)]
            for k in torch.randperm(len(cuts), generator=generator).tolist():
                yield collate_scenes([scenes[i] for i in cuts[k]]).to(DEVICE)


def caption_all(
    model: Captioner | Reordered,
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
            words, weights = greedy(model, batch.source, batch.lengths, LONGEST)
            # The first <end>; a caption that has none is as long as the longest.
            ended = F.pad(words == Vocabulary.end, (0, 1), value=True)
            ends = (ended.int().argmax(dim=1) + 1).tolist()
        for row, end in enumerate(ends):
            said = [VOCABULARY.words[i] for i in words[row, :end].tolist()]
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


KINDS = {"colour": set(COLOURS), "shape": set(SHAPES), "size": set(SIZES), "relation": {*RELATIONS}}


def score_captions(model: Captioner | Reordered, scenes: Sequence[Scene]) -> CaptionScores:
    """Let `model` caption the scenes, freely and after gold words, and count what is right."""
    free = caption_all(model, scenes)
    taught = caption_all(model, scenes, teacher_forcing=True)
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    hits, chances = [], []
    for scene, said in zip(scenes, taught, strict=True):
        for t, word in enumerate(scene.caption):
            kind = next((kind for kind, words in KINDS.items() if word in words), None)
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
