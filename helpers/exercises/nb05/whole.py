"""Exercise of notebook 05 in which a whole is built: the decoder that runs all steps at once."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from helpers.attention import attend
from helpers.exercises import building
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb05 import answers

# "G" is 3H, the three gates of the GRU; "J" is 2H, context and state side by side.
PARAMETERS = {
    "attentional.weight": "H J",
    "embedding.weight": "V E",
    "gru.bias_hh_l0": "G",
    "gru.bias_ih_l0": "G",
    "gru.weight_hh_l0": "G H",
    "gru.weight_ih_l0": "G E",
    "output.bias": "V",
    "output.weight": "V H",
}


def _arranged(
    words: Tensor, state: Tensor, encoded: Tensor, mask: Tensor, vocabulary: int, embed: int
) -> tuple[tuple, tuple]:
    return (vocabulary, embed, state.size(-1)), (words, state, encoded, mask)


_whole = building.whole(answers.LuongDecoder, _arranged, ("scores", "state", "weights"))


def _case(dice: Dice, b: int, t: int, s: int, v: int, e: int, h: int) -> tuple:
    mask = (torch.arange(s) < dice.lengths(b, s).unsqueeze(1)).unsqueeze(1)  # (B, 1, S)
    return dice.integers(1, v, b, t), dice.normal(b, h) / 2, dice.normal(b, s, h), mask, v, e


def _cases(dice: Dice) -> list[tuple]:
    return [
        _case(dice, 1, 2, 3, 7, 4, 5),
        _case(dice, 2, 1, 3, 9, 4, 5),
        _case(dice, 2, 3, 4, 7, 5, 6),
        _case(dice, 3, 5, 2, 8, 4, 6),
        _case(dice, 4, 6, 5, 11, 3, 7),
    ]


def _sizes(
    words: Tensor, state: Tensor, encoded: Tensor, mask: Tensor, vocabulary: int, embed: int
) -> dict[str, int]:
    (batch, steps), hidden = words.shape, state.size(-1)
    sizes = {"B": batch, "T": steps, "S": encoded.size(1), "V": vocabulary, "E": embed}
    return {**sizes, "H": hidden, "G": 3 * hidden, "J": 2 * hidden}


def _by_columns(queries: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    scores = answers.scaled_dot_scores(queries, keys).masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=1).nan_to_num()
    return weights @ keys, weights


class _Slips(answers.LuongDecoder):
    """The decoder with one of its parts exchanged."""

    score = staticmethod(answers.scaled_dot_scores)
    mask_used = start_used = own_state_asks = rows = context_first = joined = True
    padding_is_zero = cut_off = wrong_last = context_said_alone = looks_once = False

    def forward(self, words, state, encoded, mask):
        start = state.unsqueeze(0) if self.start_used else torch.zeros_like(state).unsqueeze(0)
        states, last = self.gru(self.embedding(words), start)
        asks = states
        if not self.own_state_asks:
            asks = torch.cat([state.unsqueeze(1), states[:, :-1]], dim=1)
        if self.looks_once:
            asks = states[:, :1].expand_as(states)
        seen = mask if self.mask_used else torch.ones_like(mask)
        if self.padding_is_zero:
            scores = self.score(asks, encoded).masked_fill(~mask, 0.0)
            weights = torch.softmax(scores, dim=-1)
            context = weights @ encoded
        elif self.rows:
            context, weights = attend(asks, encoded, encoded, seen, self.score)
        else:
            context, weights = _by_columns(asks, encoded, seen)
        both = (context, states) if self.context_first else (states, context)
        vectors = answers.attentional_vectors(*both, self.attentional.weight)
        if not self.joined:
            vectors = states
        if self.context_said_alone:
            vectors = context
        if self.cut_off:
            vectors = answers.attentional_vectors(context.detach(), states, self.attentional.weight)
        return self.output(vectors), (state if self.wrong_last else last.squeeze(0)), weights


_slip = functools.partial(building.with_parts, _Slips)


def _plain(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.transpose(-2, -1)


LuongDecoder = Exercise(
    name="nb05.LuongDecoder",
    title="The decoder for all steps at once, whole",
    difficulty=3,
    minutes=20,
    core=True,
    reference=answers.LuongDecoder,
    spec=answers.LuongDecoderSpec,
    whole=_whole,
    to_write=("forward",),
    cases=_cases,
    sizes=_sizes,
    returns=building.named(
        {"scores": "B T V", "state": "B H", "weights": "B T S"}, PARAMETERS, "gradient of"
    ),
    shapes_hint="The GRU takes all embedded words (B, T, E) and a first state with an axis for its "
    "layers, (1, B, H): state.unsqueeze(0). Its states (B, T, H) are the queries.",
    slow_hint="Do you go from step to step? No state needs a context here, so one call of the GRU "
    "gives all states, and one call of attend gives all contexts.",
    training_case=lambda: _case(Dice(), 32, 14, 12, 150, 24, 40),
    wrong_answers=(
        Wrong(
            "padding_attended",
            _slip(mask_used=False),
            "Padding gets weight, because the mask is not used. Give it to attend; its shape "
            "(B, 1, S) serves all T queries of a sentence.",
            also=(_slip(padding_is_zero=True),),
        ),
        Wrong(
            "not_scaled",
            _slip(score=staticmethod(_plain)),
            "The scores are plain dot products, which is what attend takes if it is told nothing. "
            "Give it your scaled_dot_scores as its score.",
        ),
        Wrong(
            "state_before_asks",
            _slip(own_state_asks=False),
            "The query of step t is s_{t-1}, as in the decoder of 04. Here the GRU runs first, and "
            "the new state s_t looks.",
        ),
        Wrong(
            "looks_once",
            _slip(looks_once=True),
            "All steps look with the first state, so all get the same context. Each state is a "
            "query of its own: give attend all of them, (B, T, H).",
        ),
        Wrong(
            "by_columns",
            _slip(rows=False),
            "The softmax was taken over the target steps. The weights of one step share a sum of 1 "
            "over the source words, the last axis.",
        ),
        Wrong(
            "state_first",
            _slip(context_first=False),
            "The attentional vector was made from [s_t; c_t]. The order is [c_t; s_t]: the first H "
            "columns of W_c belong to the context.",
        ),
        Wrong(
            "state_read",
            _slip(joined=False),
            "The output layer reads the states alone, so nothing that was looked at can change a "
            "word. It should read the attentional vectors.",
        ),
        Wrong(
            "context_read",
            _slip(context_said_alone=True),
            "The output layer reads the contexts alone. It should read the attentional vectors, "
            "because the state says what has been written so far.",
        ),
        Wrong(
            "start_not_used",
            _slip(start_used=False),
            "The GRU starts from zeros and not from s_0, which tells it of the sentence before the "
            "first look. Give it the state as well, with an axis for its layers in front.",
        ),
        Wrong(
            "cut_off",
            _slip(cut_off=True),
            "The scores are right, but no gradient passes through the context: is there a "
            ".detach() on it? Then the look is never taught by the words.",
        ),
        Wrong(
            "first_state_returned",
            _slip(wrong_last=True),
            "The state that is returned is s_0. Return the GRU's last state, because decoding goes "
            "on from there, one word at a time.",
        ),
    ),
    hints=(
        "Which of the three parts (states, contexts, attentional vectors) needs the one before it, "
        "and which of them can be made for all steps in one call?",
        "states, last = the GRU on all embedded words, from s_0\n"
        "context, weights = attend, with the states as queries and the h_i as keys and values\n"
        "vectors = your attentional_vectors, with W_c\n"
        "return the output layer of the vectors, the last state, the weights",
        "states, last = self.gru(self.embedding(words), state.unsqueeze(0))\n"
        "context, weights = attend(states, encoded, encoded, mask, ...)\n"
        "vectors = attentional_vectors(context, ..., self.attentional.weight)\n"
        "return self.output(...), last.squeeze(0), weights",
    ),
    why="no state reads a context, so the GRU can make all states before the first look. Then all "
    "looks are one call of attend, and all attentional vectors one product.",
)
