"""Exercise of notebook 04 in which a whole is built: the decoder that looks back at each step."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from helpers.exercises import building
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb04 import answers

# "G" is 3H, the three gates of the cell; "I" is E + C, what it reads; "J" is H + C.
PARAMETERS = {
    "cell.bias_hh": "G",
    "cell.bias_ih": "G",
    "cell.weight_hh": "G H",
    "cell.weight_ih": "G I",
    "embedding.weight": "V E",
    "output.bias": "V",
    "output.weight": "V J",
    "query.weight": "D H",
    "v": "D",
}


def _arranged(
    words: Tensor,
    state: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    vocabulary: int,
    embed: int,
) -> tuple[tuple, tuple]:
    sizes = vocabulary, embed, state.size(-1), values.size(-1), keys.size(-1)
    return sizes, (words, state, keys, values, mask)


_whole = building.whole(answers.AdditiveDecoder, _arranged, ("scores", "state", "weights"))


def _case(dice: Dice, b: int, t: int, s: int, v: int, e: int, h: int, c: int, d: int) -> tuple:
    mask = (torch.arange(s) < dice.lengths(b, s).unsqueeze(1)).unsqueeze(1)  # (B, 1, S)
    states = dice.normal(b, h) / 2, dice.normal(b, s, d), dice.normal(b, s, c)
    return dice.integers(1, v, b, t), *states, mask, v, e


def _cases(dice: Dice) -> list[tuple]:
    return [
        _case(dice, 1, 2, 8, 11, 6, 3, 4, 5),
        _case(dice, 2, 1, 5, 6, 4, 3, 7, 8),
        _case(dice, 2, 3, 8, 10, 6, 4, 5, 7),
        _case(dice, 3, 5, 9, 11, 8, 4, 2, 7),
        _case(dice, 4, 6, 8, 11, 5, 3, 7, 2),
    ]


def _sizes(
    words: Tensor,
    state: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    vocabulary: int,
    embed: int,
) -> dict[str, int]:
    (batch, steps), hidden, width = words.shape, state.size(-1), values.size(-1)
    sizes = {"B": batch, "T": steps, "S": keys.size(1), "V": vocabulary, "E": embed, "H": hidden}
    parts = {"G": 3 * hidden, "I": embed + width, "J": hidden + width}
    return {**sizes, "C": width, "D": keys.size(-1), **parts}


class _Slips(answers.AdditiveDecoder):
    """The decoder with one of its parts exchanged."""

    mask_used = state_kept = new_state_read = state_first = looks_first = gold_words = True
    looks_once = cut_off = wrong_last = False

    def forward(self, words, state, keys, values, mask):
        start, read, maps, word = state, [], [], words[:, 0]
        seen = mask if self.mask_used else torch.ones_like(mask)
        for t in range(words.size(1)):
            asks = start if self.looks_once else state
            context, weights = self.look(asks, keys, values, seen)
            fed = self.embedding(words[:, t] if self.gold_words else word)
            new = self.cell(torch.cat([fed, context], dim=-1), state if self.state_kept else start)
            if not self.looks_first:
                context, weights = self.look(new, keys, values, seen)
            both = [new if self.new_state_read else state, context]
            read.append(torch.cat(both if self.state_first else both[::-1], dim=-1))
            maps.append(weights)
            word = self.output(read[-1]).argmax(dim=-1)
            state = new.detach() if self.cut_off else new
        last = start if self.wrong_last else state
        return self.output(torch.stack(read, dim=1)), last, torch.stack(maps, dim=1)


_slip = functools.partial(building.with_parts, _Slips)


AdditiveDecoder = Exercise(
    name="nb04.AdditiveDecoder",
    title="The decoder with attention, whole",
    difficulty=4,
    minutes=20,
    core=True,
    reference=answers.AdditiveDecoder,
    spec=answers.AdditiveDecoderSpec,
    whole=_whole,
    to_write=("look", "forward"),
    cases=_cases,
    sizes=_sizes,
    returns=building.named(
        {"scores": "B T V", "state": "B H", "weights": "B T S"}, PARAMETERS, "gradient of"
    ),
    training_case=lambda: _case(Dice(), 32, 14, 12, 150, 24, 32, 40, 16),
    wrong_answers=(
        Wrong(
            "padding_attended",
            _slip(mask_used=False),
            "Padding gets weight, so the mask has no effect. Give it to masked_softmax at each "
            "step; it has the shape (B, 1, S), as the weights of one step have.",
        ),
        Wrong(
            "looks_once",
            _slip(looks_once=True),
            "Every step asks with s_0, so every step gets the same context. Then the decoder has "
            "one vector for the whole sentence again. Ask anew at each step, with s_{t-1}.",
        ),
        Wrong(
            "looks_afterwards",
            _slip(looks_first=False),
            "The output layer and the weights come from a second look, with the new state. Look "
            "once at each step, with s_{t-1}, and let cell and output layer share that context.",
        ),
        Wrong(
            "state_not_kept",
            _slip(state_kept=False),
            "Each step's cell starts again from s_0, so the decoder forgets what it has said. "
            "The state that one step returns is the state that the next step takes.",
        ),
        Wrong(
            "old_state_read",
            _slip(new_state_read=False),
            "The output layer reads [s_{t-1}; c_t], the state from before the step. It should "
            "read the new state: [s_t; c_t].",
        ),
        Wrong(
            "context_first",
            _slip(state_first=False),
            "The output layer reads [c_t; s_t]. The course writes the state first, [s_t; c_t], "
            "and the layer's weights are laid out in that order.",
        ),
        Wrong(
            "own_words",
            _slip(gold_words=False),
            "From the second step on the decoder is fed its own likeliest word. Feed the words "
            "that are given: in training they are the gold words (teacher forcing).",
        ),
        Wrong(
            "cut_off",
            _slip(cut_off=True),
            "The scores are right, but the gradient does not pass from one step to the step "
            "before: is there a .detach() on the state? Then no step learns what later steps need.",
        ),
        Wrong(
            "first_state_returned",
            _slip(wrong_last=True),
            "The state that is returned is s_0. Return the state after the last word, because "
            "decoding goes on from there, one word at a time.",
        ),
    ),
    hints=(
        "What must happen anew for each word, and what can wait until all steps are done? Which "
        "of your four functions does each step need?",
        "look: the query is self.query(state), with an axis for T = 1; then your three functions, "
        "and the axis is taken away again.\n"
        "forward: for each embedded word, your decoder_step, which gives the next state. Keep "
        "[state; context] and the weights of each step. Behind the loop, stack both lists along "
        "a new axis 1, and give the first one to self.output.",
        "query = self.query(state).unsqueeze(1)\n"
        "weights = masked_softmax(additive_scores(query, keys, self.v), mask)\n"
        "...\n"
        "for embedded in self.embedding(words).unbind(dim=1):\n"
        "    state, context, weights = decoder_step(\n"
        "        embedded, state, lambda s: self.look(s, keys, values, mask), self.cell\n"
        "    )",
    ),
    why="every step needs the state of the step before, so the steps run in a loop, also in "
    "training. The output layer does not feed back into the loop, so it takes all T steps in one "
    "product behind it.",
)
