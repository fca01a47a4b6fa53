"""Captioners: a picture goes in as a grid of vectors, a caption comes out word by word.

They offer the methods of a `Translator`, so `fit`, `greedy` and `forced` drive them: `source` is a
batch of pictures, and `lengths`, here the number of cells, is not read.

Shapes: B batch, T caption length, S cells, E embedding, H hidden, A attention, C width of h_ij,
V vocabulary.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from helpers.attention import AdditiveScore, attend
from helpers.corpus import (
    CELL,
    GRID,
    SCENE_VOCABULARY,
)
from helpers.corpus.scenes import CELLS, cut_cells
from helpers.models.attention_layer import AttentionLayer
from helpers.models.embedding import small_embedding
from helpers.models.kv_cache import KeyValues

POSITION_USES = ("keys and values", "keys", "nowhere")


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
        contents = self.see(cut_cells(ink).flatten(0, 1)).unflatten(0, (len(images), CELLS))
        return contents, self.positions.expand(len(images), -1, -1)


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
        self.embedding = small_embedding(len(SCENE_VOCABULARY), embed)
        self.cell = nn.GRUCell(embed + context, hidden)
        self.output = nn.Linear(hidden + context, len(SCENE_VOCABULARY))

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
        return self.decode(target_in, self.encode(source))

    def decode(self, target_in: Tensor, memory: Any) -> Tensor:
        """target_in (B, T), memory -> logits (B, T, V): the loop over the gold words."""
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
        if position not in POSITION_USES:
            raise ValueError(
                f"position is {position!r}; expected one of {', '.join(POSITION_USES)}"
            )
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


class MultiHeadCaptioner(Captioner):
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

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> KeyValues:
        """Pictures (B, 3, GRID * CELL, GRID * CELL) uint8 -> keys and values, once a picture."""
        return self.layer.project(torch.cat(self.encoder(source), dim=-1))

    def look(self, state: Tensor, memory: KeyValues) -> tuple[Tensor, Tensor]:
        """s_{t-1} (B, H), memory -> c_t (B, H), and the mean of the heads' weights (B, S)."""
        context, weights = self.each_look(state, memory)
        return context, weights.mean(dim=1)

    def each_look(self, state: Tensor, memory: KeyValues) -> tuple[Tensor, Tensor]:
        """s_{t-1} (B, H), memory -> c_t (B, H), and the weights of each head (B, A, S)."""
        context, weights = self.layer.look(state.unsqueeze(1), memory, need_weights=True)
        return context.squeeze(1), cast(Tensor, weights).squeeze(2)


class ReorderedCaptioner(nn.Module):
    """A trained attention captioner that is given the cells in another order (S,).

    Content and position of a cell stay together. Column i of the weights is cell order[i].
    """

    def __init__(self, model: AttentionCaptioner, order: Tensor) -> None:
        super().__init__()
        if sorted(order.tolist()) != list(range(CELLS)):
            raise ValueError(f"order is {order.tolist()}; expected each of 0 to {CELLS - 1} once")
        self.model, self.order = model, order

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> GridMemory:
        """As the model's own, its cells reordered."""
        return self.model.encode(source).reordered(self.order)

    def start(self, memory: GridMemory) -> Tensor:
        """As the model's own."""
        return self.model.start(memory)

    def step(
        self, previous: Tensor, state: Tensor, memory: GridMemory
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """As the model's own."""
        return self.model.step(previous, state, memory)

    def forward(self, source: Tensor, lengths: Tensor | None, target_in: Tensor) -> Tensor:
        """As the model's own, on its cells reordered."""
        return self.model.decode(target_in, self.encode(source))
