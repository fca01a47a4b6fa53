"""Exercises of notebook 01, second part: back through time by hand, and the GRU's cell."""

from __future__ import annotations

from collections.abc import Callable

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb01 import answers
from helpers.exercises.nb01.loops import cell_sizes


def _time_case(dice: Dice, e: int, h: int) -> tuple:
    shapes = ((2, e), (h,), (h, e), (h, h), (h,), (h,))
    numbers = [dice.normal(*shape) for shape in shapes]
    return *(number / 2 for number in numbers[:5]), numbers[5]


def _time_cases(dice: Dice) -> list[tuple]:
    return [
        _time_case(dice, 1, 3),
        _time_case(dice, 3, 4),
        _time_case(dice, 5, 3),
        _time_case(dice, *dice.sizes(2, low=3)),
        _time_case(dice, *dice.sizes(2, low=3)),
    ]


def _back(
    case: tuple,
    through=lambda w_h, delta: w_h.T @ delta,
    slopes=lambda h_2, h_1, h_0: (1 - h_2**2, 1 - h_1**2),
    word=lambda d_2, d_1: d_1,
    weight=lambda d_2, d_1, h_2, h_1, h_0: torch.outer(d_2, h_1) + torch.outer(d_1, h_0),
) -> tuple[torch.Tensor, torch.Tensor]:
    """The answer, with one of its steps exchanged."""
    words, h_0, w_x, w_h, bias, arriving = case
    h_1 = torch.tanh(w_x @ words[0] + w_h @ h_0 + bias)
    h_2 = torch.tanh(w_x @ words[1] + w_h @ h_1 + bias)
    slope_2, slope_1 = slopes(h_2, h_1, h_0)
    d_2 = arriving * slope_2
    d_1 = through(w_h, d_2) * slope_1
    return weight(d_2, d_1, h_2, h_1, h_0), w_x.T @ word(d_2, d_1)


through_time = Exercise(
    name="nb01.through_time",
    title="Back-propagation through two steps",
    difficulty=4,
    minutes=25,
    core=False,
    reference=answers.through_time,
    spec=answers.through_time_spec,
    cases=_time_cases,
    sizes=lambda inputs, start, *rest: {"embed": inputs.size(1), "hidden": start.size(0)},
    returns={"weight_gradient": "hidden hidden", "first_gradient": "embed"},
    shapes_hint="There is one sentence and no batch axis: states are vectors (hidden,), words "
    "vectors (embed,), so a matrix stands on the left, as in recurrent_weight @ start.",
    training_case=lambda: _time_case(Dice(), 64, 128),
    wrong_answers=(
        Wrong(
            "last_step_only",
            lambda *case: _back(case, weight=lambda d_2, d_1, h_2, h_1, h_0: torch.outer(d_2, h_1)),
            "dL/dW_h holds the share of the second step only. The same W_h acted in the first step "
            "too, and its gradient is the sum of both shares.",
        ),
        Wrong(
            "first_step_only",
            lambda *case: _back(case, weight=lambda d_2, d_1, h_2, h_1, h_0: torch.outer(d_1, h_0)),
            "dL/dW_h holds the share of the first step only; the second step, nearest to the loss, "
            "is missing.",
        ),
        Wrong(
            "no_slope",
            lambda *case: _back(case, slopes=lambda h_2, h_1, h_0: (1.0, 1.0)),
            "The derivative of tanh is missing. On its way through each tanh the gradient is "
            "multiplied by 1 - h * h.",
        ),
        Wrong(
            "no_slope_in_step_2",
            lambda *case: _back(case, slopes=lambda h_2, h_1, h_0: (1.0, 1 - h_1**2)),
            "The slope of the second step's tanh is missing: last_gradient arrives at h_2, and "
            "must pass that tanh before anything else.",
        ),
        Wrong(
            "no_slope_in_step_1",
            lambda *case: _back(case, slopes=lambda h_2, h_1, h_0: (1 - h_2**2, 1.0)),
            "The slope of the first step's tanh is missing. What arrives at h_1 must pass it too, "
            "on its way to x_1 and to W_h.",
        ),
        Wrong(
            "tanh_twice",
            lambda *case: _back(
                case,
                slopes=lambda h_2, h_1, h_0: (
                    1 - torch.tanh(h_2) ** 2,
                    1 - torch.tanh(h_1) ** 2,
                ),
            ),
            "tanh was taken once more. The state is tanh(a) already, so the slope at a is "
            "1 - h * h.",
        ),
        Wrong(
            "not_squared",
            lambda *case: _back(case, slopes=lambda h_2, h_1, h_0: (1 - h_2, 1 - h_1)),
            "The slope of tanh is taken as 1 - h. It is 1 - h * h, where h is the state itself.",
        ),
        Wrong(
            "slopes_of_given",
            lambda *case: _back(case, slopes=lambda h_2, h_1, h_0: (1 - h_1**2, 1 - h_0**2)),
            "The slopes are taken one state too early. A step's tanh made the state that the step "
            "returned, so its slope is 1 - h * h of that one: h_2 in step 2, h_1 in step 1.",
        ),
        Wrong(
            "one_slope",
            lambda *case: _back(case, slopes=lambda h_2, h_1, h_0: (1 - h_2**2, 1 - h_2**2)),
            "Both steps use the slope at h_2. Each tanh has its own, at the state that it made: "
            "the first step's is taken at h_1.",
        ),
        Wrong(
            "not_transposed",
            lambda *case: _back(case, through=lambda w_h, delta: w_h @ delta),
            "On the way back W_h is not transposed. Forward, row i of W_h collects for unit i; "
            "back, unit i hands out along the same row, which is the transposed product.",
        ),
        Wrong(
            "outer_turned",
            lambda *case: (_back(case)[0].T, _back(case)[1]),
            "dL/dW_h is transposed. Its entry (i, j) belongs to the weight from old unit j to new "
            "unit i, so delta stands first in the outer product.",
        ),
        Wrong(
            "one_state_late",
            lambda *case: _back(
                case,
                weight=lambda d_2, d_1, h_2, h_1, h_0: (
                    torch.outer(d_2, h_2) + torch.outer(d_1, h_1)
                ),
            ),
            "The deltas are multiplied by the states that each step made. W_h stands before the "
            "state that the step was given: h_1 in step 2, h_0 in step 1.",
        ),
        Wrong(
            "own_state",
            lambda *case: _back(
                case,
                weight=lambda d_2, d_1, h_2, h_1, h_0: (
                    torch.outer(d_2, h_2) + torch.outer(d_1, h_0)
                ),
            ),
            "In the share of step 2, delta_2 meets h_2, the state which that step made. W_h was "
            "applied to h_1 there.",
        ),
        Wrong(
            "second_word",
            lambda *case: _back(case, word=lambda d_2, d_1: d_2),
            "That is dL/dx_2. The first word acts one step earlier, so its gradient comes from "
            "delta_1.",
        ),
        Wrong(
            "straight_back",
            lambda *case: _back(case, through=lambda w_h, delta: delta),
            "The gradient goes from step 2 to step 1 without passing W_h. h_1 reaches h_2 only "
            "through it.",
        ),
        Wrong(
            "swapped",
            lambda *case: _back(case)[::-1],
            "The two results have changed places: first dL/dW_h, then dL/dx_1.",
        ),
        Wrong(
            "slope_with_plus",
            lambda *case: _back(case, slopes=lambda h_2, h_1, h_0: (1 + h_2**2, 1 + h_1**2)),
            "The slope of tanh has a plus: 1 + h * h. It is 1 - h * h, because tanh is flat where "
            "h is near 1 or -1.",
        ),
        Wrong(
            "slope_of_sigmoid",
            lambda *case: _back(
                case, slopes=lambda h_2, h_1, h_0: (h_2 * (1 - h_2), h_1 * (1 - h_1))
            ),
            "h * (1 - h) is the slope of a sigmoid. The slope of tanh is 1 - h * h.",
        ),
    ),
    hints=(
        "Draw the two steps. Where does W_h act, and by which ways does a change of it reach h_2? "
        "By which way does a change of x_1?",
        "forward: h_1, then h_2\n"
        "delta_2 = last_gradient times the slope of the second tanh\n"
        "what reaches h_1 = W_h transposed times delta_2\n"
        "delta_1 = that times the slope of the first tanh\n"
        "each delta and the state its step was given make a table; add the two tables",
        "delta_2 = last_gradient * (1 - second**2)\n"
        "delta_1 = (recurrent_weight.T @ ...) * (1 - ...)\n"
        "torch.outer(delta_2, first) + torch.outer(..., ...), input_weight.T @ ...",
    ),
    why="each delta is the gradient inside one tanh. From there it goes three ways: to the weight, "
    "times the state that the weight was applied to; to the word, through W_x; and one step "
    "further back, through W_h.",
)


def _gru_case(dice: Dice, b: int, e: int, h: int) -> tuple:
    shapes = ((b, e), (b, h), (3 * h, e), (3 * h, h), (3 * h,), (3 * h,))
    return tuple(dice.normal(*shape) for shape in shapes)


def _gru_cases(dice: Dice) -> list[tuple]:
    return [
        _gru_case(dice, 2, 3, 1),  # one unit: a row for r, one for z, one for n
        _gru_case(dice, 1, 2, 3),
        _gru_case(dice, 2, 1, 3),
        _gru_case(dice, 3, 4, 2),
        _gru_case(dice, *dice.sizes(3)),
        _gru_case(dice, *dice.sizes(3)),
    ]


def _gru(
    case: tuple,
    gate=torch.sigmoid,
    order: tuple[int, int, int] = (0, 1, 2),
    candidate=lambda own, r, old, bias: torch.tanh(own + r * (old + bias)),
    blend=lambda z, n, h: (1 - z) * n + z * h,
) -> torch.Tensor:
    """The answer, with one of its parts exchanged."""
    x, h, w, u, b, c = case
    own = (x @ w.T + b).chunk(3, dim=-1)
    old, bias = (h @ u.T).chunk(3, dim=-1), c.chunk(3)
    i, j, k = order
    r, z = gate(own[i] + old[i] + bias[i]), gate(own[j] + old[j] + bias[j])
    return blend(z, candidate(own[k], r, old[k], bias[k]), h)


def _reset_before(*case: torch.Tensor, **other: Callable) -> torch.Tensor:
    _, h, _, u, _, _ = case
    rows = u.chunk(3)[2]

    def candidate(own, r, old, bias):
        return torch.tanh(own + (r * h) @ rows.T + bias)

    return _gru(case, candidate=candidate, **other)


def _replaced_by(z: torch.Tensor, n: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    return z * n + (1 - z) * h


def _gates_not_transposed(x, h, w, u, b, c) -> torch.Tensor:
    turned = torch.cat([rows.T for rows in u.chunk(3)])
    return _gru((x, h, w, turned, b, c))


def _blind_gates(x, h, w, u, b, c) -> torch.Tensor:
    of_candidate = torch.arange(len(u)) >= len(u) // 3 * 2
    return _gru((x, h, w, u * of_candidate.unsqueeze(1), b, c * of_candidate))


gru_cell = Exercise(
    name="nb01.gru_cell",
    title="A cell that can keep: the GRU",
    difficulty=3,
    minutes=20,
    core=True,
    reference=answers.gru_cell,
    spec=answers.gru_cell_spec,
    cases=_gru_cases,
    sizes=cell_sizes,
    returns={"state": "batch hidden"},
    gradients=(
        "inputs",
        "state",
        "input_weight",
        "recurrent_weight",
        "input_bias",
        "recurrent_bias",
    ),
    shapes_hint="All three gates at once: inputs @ input_weight.T is (batch, 3 hidden), and "
    "chunk(3, dim=-1) cuts it into three of (batch, hidden).",
    training_case=lambda: _gru_case(Dice(), 64, 64, 128),
    wrong_answers=(
        Wrong(
            "reset_before",
            _reset_before,
            "The reset gate is applied to the state before the product with U_n. That is the cell "
            "of Cho et al. (2014). PyTorch multiplies the product, its bias included, by r.",
        ),
        Wrong(
            "z_replaces",
            lambda *case: _gru(case, blend=_replaced_by),
            "z and 1 - z have changed places. Chung et al. (2014) write it so; in PyTorch, as in "
            "Cho et al. (2014), z near 1 keeps the old state.",
        ),
        Wrong(
            "as_chung",
            lambda *case: _reset_before(*case, blend=_replaced_by),
            "This is the cell as Chung et al. (2014) write it: r is applied to the state before the"
            " product with U_n, and z near 1 replaces. In PyTorch r multiplies the product, its "
            "bias included, and z near 1 keeps.",
        ),
        Wrong(
            "not_transposed",
            _gates_not_transposed,
            "The three recurrent pieces are not transposed. Each is square, so no error tells you: "
            "with sentences as rows, U h of the formula becomes h @ U.T.",
        ),
        Wrong(
            "order_zrn",
            lambda *case: _gru(case, order=(1, 0, 2)),
            "The rows are read in the order z, r, n. PyTorch stacks them as r, z, n.",
        ),
        Wrong(
            "no_reset",
            lambda *case: _gru(
                case, candidate=lambda own, r, old, bias: torch.tanh(own + old + bias)
            ),
            "The reset gate is not used: the candidate always sees the whole old state.",
        ),
        Wrong(
            "bias_outside",
            lambda *case: _gru(
                case, candidate=lambda own, r, old, bias: torch.tanh(own + r * old + bias)
            ),
            "The recurrent bias of the candidate stands outside the reset. In PyTorch r multiplies "
            "U_n h + b'_n, the bias included; that is why it keeps two biases.",
        ),
        Wrong(
            "raw_gates",
            lambda *case: _gru(case, gate=lambda a: a),
            "The gates are used without the sigmoid. It is what makes them lie between 0 and 1.",
        ),
        Wrong(
            "raw_candidate",
            lambda *case: _gru(case, candidate=lambda own, r, old, bias: own + r * (old + bias)),
            "The candidate n lacks its tanh.",
        ),
        Wrong(
            "only_candidate",
            lambda *case: _gru(case, blend=lambda z, n, h: n),
            "The candidate replaces the whole state. The update gate decides, number by number, "
            "how much of the old state stays.",
        ),
        Wrong(
            "detached",
            lambda x, h, *rest: answers.gru_cell(x, h.detach(), *rest),
            "The numbers are right, but the old state is cut off from the graph: no gradient would "
            "go back to earlier words.",
        ),
        Wrong(
            "keras_order",
            lambda *case: _gru(case, order=(1, 0, 2), blend=_replaced_by),
            "The rows are read in the order z, r, n, and z near 1 replaces the state. Weights of "
            "other libraries are laid out so; PyTorch stacks r, z, n, and z near 1 keeps the old "
            "state.",
        ),
        Wrong(
            "reset_around_all",
            lambda *case: _gru(
                case, candidate=lambda own, r, old, bias: torch.tanh(r * (own + old + bias))
            ),
            "The reset gate multiplies the whole candidate, the word's part too. It decides how "
            "much of the old state is seen: only U_n h + b'_n is multiplied by r.",
            also=(
                lambda *case: _gru(
                    case, candidate=lambda own, r, old, bias: r * torch.tanh(own + old + bias)
                ),
            ),
        ),
        Wrong(
            "reset_on_the_word",
            lambda *case: _gru(
                case, candidate=lambda own, r, old, bias: torch.tanh(r * own + old + bias)
            ),
            "The reset gate multiplies the word's part. It decides how much of the old state is "
            "seen, so it belongs to U_n h + b'_n.",
        ),
        Wrong(
            "sigmoid_candidate",
            lambda *case: _gru(
                case, candidate=lambda own, r, old, bias: torch.sigmoid(own + r * (old + bias))
            ),
            "The candidate n has a sigmoid. Only the two gates have one; n has a tanh, because a "
            "state may hold negative numbers.",
        ),
        Wrong(
            "tanh_gates",
            lambda *case: _gru(case, gate=torch.tanh),
            "The gates have a tanh. A gate says how much passes, from 0 to 1, so it is a sigmoid.",
        ),
        Wrong(
            "recurrent_bias_forgotten",
            lambda *case: _gru((*case[:5], torch.zeros_like(case[5]))),
            "The recurrent bias has no part in it. PyTorch's cell has two biases, one for the "
            "word's part and one for the state's.",
        ),
        Wrong(
            "input_bias_forgotten",
            lambda *case: _gru((*case[:4], torch.zeros_like(case[4]), case[5])),
            "The input bias has no part in it. PyTorch's cell has two biases, one for the word's "
            "part and one for the state's.",
        ),
        Wrong(
            "no_biases",
            lambda *case: _gru((*case[:4], *(torch.zeros_like(bias) for bias in case[4:]))),
            "Both biases are missing: input_bias belongs to the word's part, recurrent_bias to "
            "the state's.",
        ),
        Wrong(
            "not_shared_out",
            lambda *case: _gru(case, blend=lambda z, n, h: n + z * h),
            "z of the old state is kept, and all of the candidate is added to it. The two shares "
            "must sum to 1, so the candidate gets 1 - z.",
            also=(
                lambda *case: _gru(case, blend=lambda z, n, h: z * n + h),
                lambda *case: _gru(case, blend=lambda z, n, h: n + (1 - z) * h),
                lambda *case: _gru(case, blend=lambda z, n, h: (1 - z) * n + h),
            ),
        ),
        Wrong(
            "gates_see_the_word_only",
            _blind_gates,
            "Both gates are computed from the word alone. They look at the old state too: add "
            "its share before the sigmoid.",
        ),
    ),
    hints=(
        "Which parts come from the word and which from the old state? Both have three pieces, for "
        "r, z and n. In which of the three are the two not just added?",
        "own = inputs times input_weight transposed + input_bias, cut into three\n"
        "old = state times recurrent_weight transposed + recurrent_bias, cut into three\n"
        "r and z: sigmoid of own + old. n: tanh of own + r times old\n"
        "then mix n and the old state by z",
        "own_r, own_z, own_n = (inputs @ input_weight.T + input_bias).chunk(3, dim=-1)\n"
        "old_r, old_z, old_n = ...\n"
        "candidate = torch.tanh(own_n + ... * old_n)",
    ),
    why="one product for all three gates is faster than three. The reset multiplies what comes "
    "from the old state, its bias included; the last line is a mixture, with z as the share of "
    "the old.",
)
