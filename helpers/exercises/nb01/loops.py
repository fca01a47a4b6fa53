"""Exercises of notebook 01, first part: the cell, the loop over positions, and clipping."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb01 import answers


def _cell_cases(dice: Dice) -> list[tuple]:
    def case(b: int, e: int, h: int) -> tuple:
        words, state = dice.normal(b, e), dice.normal(b, h)
        weights = [dice.normal(*shape) / 2 for shape in ((h, e), (h, h), (h,))]  # tanh well below 1
        return words, state, *weights

    return [case(1, 3, 2), case(2, 1, 3), case(3, 4, 2), case(*dice.sizes(3)), case(*dice.sizes(3))]


def _training_cell() -> tuple:
    shapes = ((64, 64), (64, 128), (128, 64), (128, 128), (128,))
    return tuple(torch.randn(*shape) / 10 for shape in shapes)


def cell_sizes(inputs: torch.Tensor, state: torch.Tensor, *weights: torch.Tensor) -> dict[str, int]:
    """What the symbols of a cell's shapes stand for."""
    return {"batch": inputs.size(0), "embed": inputs.size(1), "hidden": state.size(1)}


rnn_cell = Exercise(
    name="nb01.rnn_cell",
    title="One step of a recurrent network",
    difficulty=2,
    minutes=10,
    core=True,
    reference=answers.rnn_cell,
    spec=answers.rnn_cell_spec,
    cases=_cell_cases,
    sizes=cell_sizes,
    returns={"state": "batch hidden"},
    gradients=("inputs", "state", "input_weight", "recurrent_weight", "bias"),
    shapes_hint="A row of inputs has `embed` numbers and W_x has the shape (hidden, embed): which "
    "of the two must be transposed so that inputs @ ... gives (batch, hidden)? state and W_h "
    "likewise.",
    training_case=_training_cell,
    wrong_answers=(
        Wrong(
            "not_transposed",
            lambda x, h, w_x, w_h, b: torch.tanh(x @ w_x.T + h @ w_h + b),
            "W_h is not transposed. It is square, so no error tells you: with sentences as rows, "
            "W h of the formula becomes h @ W.T.",
        ),
        Wrong(
            "no_recurrence",
            lambda x, h, w_x, w_h, b: torch.tanh(x @ w_x.T + b),
            "The old state is not used. Then each word is read as if it were the first, and "
            "nothing is remembered.",
        ),
        Wrong(
            "no_tanh",
            lambda x, h, w_x, w_h, b: x @ w_x.T + h @ w_h.T + b,
            "The sum is right, but tanh is missing: step by step the numbers would grow without "
            "end.",
        ),
        Wrong(
            "two_tanhs",
            lambda x, h, w_x, w_h, b: torch.tanh(x @ w_x.T) + torch.tanh(h @ w_h.T + b),
            "tanh was taken of the parts and then added. The formula takes it once, of the whole "
            "sum; only then does the state stay between -1 and 1.",
        ),
        Wrong(
            "bias_outside",
            lambda x, h, w_x, w_h, b: torch.tanh(x @ w_x.T + h @ w_h.T) + b,
            "The bias is added after tanh. It belongs into the sum, where it moves the point at "
            "which a unit turns over.",
        ),
        Wrong(
            "old_state_added",
            lambda x, h, w_x, w_h, b: h + torch.tanh(x @ w_x.T + h @ w_h.T + b),
            "The old state is added to the new one. A plain cell replaces it; a way to keep parts "
            "of it comes with the gates.",
        ),
        Wrong(
            "detached",
            lambda x, h, *weights: answers.rnn_cell(x, h.detach(), *weights),
            "The numbers are right, but the old state is cut off from the graph: no gradient would "
            "go back to earlier words.",
        ),
        Wrong(
            "bias_forgotten",
            lambda x, h, w_x, w_h, b: torch.tanh(x @ w_x.T + h @ w_h.T),
            "The bias has no part in it. Without it a unit that gets only zeros can say nothing "
            "but 0.",
        ),
        Wrong(
            "sigmoid",
            lambda x, h, w_x, w_h, b: torch.sigmoid(x @ w_x.T + h @ w_h.T + b),
            "This is a sigmoid, from 0 to 1, where the cell has tanh, from -1 to 1. A state made "
            "by sigmoids could never hold a negative number.",
        ),
        Wrong(
            "relu",
            lambda x, h, w_x, w_h, b: torch.relu(x @ w_x.T + h @ w_h.T + b),
            "This is a ReLU where the cell has tanh. A ReLU has no bound above, so the state "
            "could grow from step to step.",
        ),
        Wrong(
            "word_not_read",
            lambda x, h, w_x, w_h, b: torch.tanh(h @ w_h.T + b),
            "The inputs are not used, so the new state is the same whichever word is read.",
        ),
    ),
    hints=(
        "Which two things meet in a step, and which matrix does each go through?",
        "one row for each sentence: inputs times W_x transposed, plus state times W_h transposed, "
        "plus the bias; tanh of it all",
        "torch.tanh(inputs @ input_weight.T + state @ ... + ...)",
    ),
    why="a row vector times the transposed matrix is the matrix times the column vector, for all "
    "sentences of the batch at once. The bias is added to each row.",
)


@dataclass
class ToyCell:
    """A cell with fixed weights that counts its calls and checks what it is given.

    input_weight (hidden, embed), recurrent_weight (hidden, hidden). sizes: the batch, embed and
    hidden that it expects.
    """

    input_weight: torch.Tensor
    recurrent_weight: torch.Tensor
    sizes: tuple[int, int, int]
    calls: int = 0

    def __call__(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        batch, embed, hidden = self.sizes
        for name, given, symbols, shape, what in (
            (
                "x",
                x,
                "(batch, embed)",
                (batch, embed),
                "one position, the middle axis, of them all",
            ),
            ("h", h, "(batch, hidden)", (batch, hidden), "the states of all sentences before it"),
        ):
            if tuple(given.shape) != shape:
                raise Misstep(
                    f"cell was given {name} of shape {tuple(given.shape)}; it needs {symbols}, here"
                    f" {shape}: {what}."
                )
        return torch.tanh(x @ self.input_weight.T + h @ self.recurrent_weight.T)


def _unroll_case(dice: Dice, b: int, s: int, e: int, h: int) -> tuple:
    cell = ToyCell(dice.normal(h, e), dice.normal(h, h), (b, e, h))
    return cell, dice.normal(b, s, e), dice.normal(b, h)


def _unroll_cases(dice: Dice) -> list[tuple]:
    return [
        _unroll_case(dice, 1, 2, 3, 4),
        _unroll_case(dice, 2, 3, 1, 4),
        _unroll_case(dice, 3, 1, 2, 4),
        _unroll_case(dice, *dice.sizes(4)),
        _unroll_case(dice, *dice.sizes(4)),
    ]


def _all_states(cell, inputs: torch.Tensor, state: torch.Tensor, keep: bool = True) -> list:
    states = []
    for x in inputs.unbind(dim=1):
        new = cell(x, state)
        states.append(new)
        state = new if keep else state
    return states


def _backwards(cell, inputs: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    return torch.stack(_all_states(cell, inputs.flip(1), state)[::-1], dim=1)


def _with_first(cell, inputs: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    return torch.stack([state, *_all_states(cell, inputs, state)[:-1]], dim=1)


def _cut_off(cell, inputs: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    return torch.stack(_all_states(lambda x, h: cell(x, h.detach()), inputs, state), dim=1)


unroll = Exercise(
    name="nb01.unroll",
    title="The same cell at every position",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.unroll,
    spec=answers.unroll_spec,
    cases=_unroll_cases,
    sizes=lambda cell, inputs, state: {
        **dict(zip(("batch", "source", "embed"), inputs.shape, strict=True)),
        "hidden": state.size(1),
    },
    returns={"states": "batch source hidden"},
    gradients=("inputs", "state"),
    observe=lambda cell, inputs, state: {"of cell": cell.calls},
    shapes_hint="cell takes one position of all sentences, (batch, embed): index the middle axis "
    "of inputs, as in inputs[:, 0].",
    training_case=lambda: _unroll_case(Dice(), 64, 24, 64, 128),
    wrong_answers=(
        Wrong(
            "same_start",
            lambda cell, inputs, state: torch.stack(
                _all_states(cell, inputs, state, keep=False), dim=1
            ),
            "Every position starts from the first state. The state that cell returns must go into "
            "the next call: it is all that is remembered.",
        ),
        Wrong(
            "backwards",
            _backwards,
            "The sentence is read from its end. The state at position i must know words 1 to i.",
        ),
        Wrong(
            "backwards_as_read",
            lambda cell, inputs, state: torch.stack(
                _all_states(cell, inputs.flip(1), state), dim=1
            ),
            "The sentence is read from its end, and the states stand in that order. The first word "
            "is read first: h_1 knows x_1 and h_0, nothing else.",
        ),
        Wrong(
            "zero_start",
            lambda cell, inputs, state: torch.stack(
                _all_states(cell, inputs, torch.zeros_like(state)), dim=1
            ),
            "The loop starts from zeros and leaves out the state that was given. A decoder, for "
            "one, starts from a state that holds a sentence.",
        ),
        Wrong(
            "last_only",
            lambda cell, inputs, state: _all_states(cell, inputs, state)[-1],
            "Only the last state is returned. Collect them all: later notebooks need a state for "
            "each word.",
        ),
        Wrong(
            "positions_first",
            lambda cell, inputs, state: torch.stack(_all_states(cell, inputs, state)),
            "The axes are (source, batch, hidden): stack makes the new axis at the front unless "
            "told otherwise. Batch comes first here.",
        ),
        Wrong(
            "with_first",
            _with_first,
            "The results begin with h_0, and the state after the last word is missing. h_0 is "
            "what the loop starts from; no word has been read there.",
        ),
        Wrong(
            "one_too_many",
            lambda cell, inputs, state: torch.stack(
                [state, *_all_states(cell, inputs, state)], dim=1
            ),
            "h_0 is among the results, which makes one too many. It is what the loop starts from; "
            "no word has been read there.",
        ),
        Wrong(
            "cut_off",
            _cut_off,
            "The numbers are right, but the state is detached between the steps, so no gradient "
            "goes back through time.",
        ),
        Wrong(
            "stacked_and_viewed",
            lambda cell, inputs, state: torch.stack(_all_states(cell, inputs, state)).reshape(
                *inputs.shape[:2], -1
            ),
            "stack gave (source, batch, hidden), and a view or reshape made (batch, source, "
            "hidden) of it. That moves no number: the states of different sentences are mixed. "
            "Stack along dim=1.",
        ),
        Wrong(
            "last_for_all",
            lambda cell, inputs, state: torch.stack(
                _all_states(cell, inputs, state)[-1:] * inputs.size(1), dim=1
            ),
            "All positions hold the last state. Is one and the same list entry, or tensor, "
            "written again at each step? Each position keeps the state that it had.",
        ),
    ),
    hints=(
        "What does the first call of cell need, and what the second? Which of these comes from "
        "the call before?",
        "for each position from left to right: state = cell(that position's inputs, state); keep "
        "it in a list\nthen stack the list along the axis of positions",
        "for position in range(inputs.size(1)):\n    state = cell(inputs[:, position], state)\n"
        "torch.stack(states, dim=...)",
    ),
    why="the state is the only thing that a step hands on. stack puts the states of shape "
    "(batch, hidden) along a new axis 1, so that the batch stays first.",
)


def _clip_cases(dice: Dice) -> list[tuple]:
    def case(e: int, h: int, limit: float) -> tuple:
        return dice.normal(h, e), 3 * dice.normal(h, h), limit

    return [
        (torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0]]), 1.5),
        (torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0]]), 10.0),
        case(3, 2, 2.0),
        case(*dice.sizes(2), 0.5),
        case(*dice.sizes(2), 5.0),
        (torch.zeros(2, 3), torch.zeros(2, 2), 1.0),  # a norm of 0 is at most 1: 1 / 0 is not asked
        # Norms of 5 under limits that lie barely below it, and not far above.
        (torch.tensor([[3.0], [0.0]]), torch.tensor([[0.0, 4.0], [0.0, 0.0]]), 4.9),
        (torch.tensor([[3.0], [0.0]]), torch.tensor([[0.0, 4.0], [0.0, 0.0]]), 8.0),
    ]


def _norm(*gradients: torch.Tensor) -> torch.Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients]).norm()


def _scaled(first: torch.Tensor, second: torch.Tensor, limit: float, norm) -> tuple:
    factor = limit / norm if norm > limit else 1.0
    return first * factor, second * factor


def _each_alone(first: torch.Tensor, second: torch.Tensor, limit: float) -> tuple:
    return tuple(g * (limit / g.norm()).clamp(max=1.0) for g in (first, second))


def _to_length_one(first: torch.Tensor, second: torch.Tensor, limit: float) -> tuple:
    factor = 1 / _norm(first, second) if _norm(first, second) > limit else 1.0
    return first * factor, second * factor


def _in_place(first: torch.Tensor, second: torch.Tensor, limit: float) -> tuple:
    factor = (limit / _norm(first, second)).clamp(max=1.0)
    return first.mul_(factor), second.mul_(factor)


def _by_mean_square(first: torch.Tensor, second: torch.Tensor, limit: float) -> tuple:
    return _scaled(first, second, limit, (first.square().mean() + second.square().mean()).sqrt())


def _by_absolutes(first: torch.Tensor, second: torch.Tensor, limit: float) -> tuple:
    return _scaled(first, second, limit, first.abs().sum() + second.abs().sum())


def _thrown_away(first: torch.Tensor, second: torch.Tensor, limit: float) -> tuple:
    kept = _norm(first, second) <= limit
    return first * kept, second * kept


clip_by_norm = Exercise(
    name="nb01.clip_by_norm",
    title="Shorten a gradient, keep its direction",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.clip_by_norm,
    spec=answers.clip_by_norm_spec,
    cases=_clip_cases,
    sizes=lambda first, second, limit: {"embed": first.size(1), "hidden": first.size(0)},
    returns={"input_gradient": "hidden embed", "recurrent_gradient": "hidden hidden"},
    training_case=lambda: (torch.randn(384, 128), torch.randn(384, 384), 1.0),
    wrong_answers=(
        Wrong(
            "each_alone",
            _each_alone,
            "Each tensor is clipped by its own norm. That turns the whole step into another "
            "direction: the norm is taken over both tensors together, and both are scaled alike.",
        ),
        Wrong(
            "by_value",
            lambda first, second, limit: (
                first.clamp(-limit, limit),
                second.clamp(-limit, limit),
            ),
            "Each number is cut at the limit by itself. That turns the step into another "
            "direction; to keep it, multiply all the numbers by one factor.",
        ),
        Wrong(
            "always_scaled",
            lambda first, second, limit: tuple(
                gradient * (limit / _norm(first, second)) for gradient in (first, second)
            ),
            "Short gradients are stretched to the limit. Clipping only shortens: a gradient within "
            "the limit stays as it is.",
        ),
        Wrong(
            "sum_of_norms",
            lambda first, second, limit: _scaled(
                first, second, limit, first.norm() + second.norm()
            ),
            "The two norms are added up. The norm of all the numbers together is the root of the "
            "sum of all squares.",
        ),
        Wrong(
            "no_root",
            lambda first, second, limit: _scaled(first, second, limit, _norm(first, second) ** 2),
            "The norm is taken without its root: the sum of squares is the norm squared.",
        ),
        Wrong(
            "to_length_one",
            _to_length_one,
            "Long gradients come out with length 1, whatever the limit. The factor is the limit "
            "divided by the norm.",
        ),
        Wrong(
            "in_place",
            _in_place,
            "The result is right, but the caller's gradients were changed in place. Return new "
            "tensors here.",
        ),
        Wrong(
            "largest_number",
            lambda first, second, limit: _scaled(
                first, second, limit, torch.maximum(first.abs().max(), second.abs().max())
            ),
            "The largest number is taken for the norm. The norm is the root of the sum of the "
            "squares of all numbers.",
        ),
        Wrong(
            "larger_norm",
            lambda first, second, limit: _scaled(
                first, second, limit, torch.maximum(first.norm(), second.norm())
            ),
            "The larger one of the two norms is taken. The norm of all the numbers together is "
            "the root of the sum of both squares.",
        ),
        Wrong(
            "only_stretched",
            lambda first, second, limit: _scaled(first, second, -limit, -_norm(first, second)),
            "The comparison is turned round: long gradients stay as they are. Those whose norm is "
            "above the limit are to be shortened.",
        ),
        Wrong(
            "factor_upside_down",
            lambda first, second, limit: tuple(
                g * (_norm(first, second) / limit).clamp(min=1.0) for g in (first, second)
            ),
            "The factor is upside down, so long gradients become longer still. To get the length "
            "of the limit, multiply by limit / norm.",
        ),
        Wrong(
            "root_of_the_mean",
            _by_mean_square,
            "The squares are averaged. A norm is the root of their sum, so it grows with the "
            "number of parameters.",
        ),
        Wrong(
            "sum_of_absolutes",
            _by_absolutes,
            "The absolute numbers are added up. The norm is the root of the sum of the squares.",
        ),
        Wrong(
            "upper_end_only",
            lambda first, second, limit: (first.clamp(max=limit), second.clamp(max=limit)),
            "Each number is cut at the limit, and only from above. That changes the direction "
            "of the step; shrink all numbers by one factor.",
        ),
        Wrong(
            "thrown_away",
            _thrown_away,
            "A gradient that is too long is set to 0, so nothing is learnt from this batch. "
            "Shrink it to the limit, because its direction is right.",
        ),
    ),
    hints=(
        "How long is the vector that you get by laying all the numbers of both tensors end to end? "
        "What one number must it be multiplied by to have the length `limit`?",
        "norm = root of (the sum of the squares in the one + the same of the other)\n"
        "if it is above the limit: both tensors times limit / norm; else as they are",
        "norm = torch.sqrt((input_gradient**2).sum() + ...)\nfactor = ... if norm > limit else 1.0",
    ),
    why="one factor for all numbers shortens the step and keeps its direction; a factor for each "
    "tensor would turn it.",
)
