"""Exercises of notebook 09, second part: sinusoidal positions, and a shift as a rotation."""

from __future__ import annotations

import math

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb09 import answers


def _size_cases(dice: Dice) -> list[tuple]:
    roll = dice.random.randint
    return [(3, 2), (2, 4), (5, 6), (1, 8), (2 * roll(4, 9) + 1, 12), (2 * roll(10, 30) + 1, 16)]


def _angles(length: int, width: int, exponents: torch.Tensor, first: int = 0) -> torch.Tensor:
    positions = torch.arange(first, first + length).unsqueeze(1)
    return positions * 10_000**exponents


def _pairs(width: int) -> torch.Tensor:
    return torch.arange(0, width, 2, dtype=torch.float64) / width


def _woven(angles: torch.Tensor) -> torch.Tensor:
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()


def _halves(length: int, width: int) -> torch.Tensor:
    angles = _angles(length, width, -_pairs(width))
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def _cosine_first(length: int, width: int) -> torch.Tensor:
    return answers.sinusoidal_positions(length, width).unflatten(1, (-1, 2)).flip(2).flatten(1)


def _each_column_its_own(length: int, width: int) -> torch.Tensor:
    angles = _angles(length, width, -torch.arange(width, dtype=torch.float64) / width)
    even = torch.arange(width) % 2 == 0
    return torch.where(even, angles.sin(), angles.cos()).float()


def _sines_only(length: int, width: int) -> torch.Tensor:
    return _angles(length, width, -_pairs(width)).sin().repeat_interleave(2, dim=1).float()


def _exponent_of_each_column(length: int, width: int) -> torch.Tensor:
    columns = torch.arange(width, dtype=torch.float64)
    angles = _angles(length, width, -2 * columns / width)
    return torch.where(columns % 2 == 0, angles.sin(), angles.cos()).float()


sinusoidal_positions = Exercise(
    name="nb09.sinusoidal_positions",
    title="A clock with many hands",
    difficulty=3,
    minutes=15,
    core=True,
    reference=answers.sinusoidal_positions,
    spec=answers.sinusoidal_positions_spec,
    cases=_size_cases,
    sizes=lambda length, width: {"T": length, "D": width},
    returns={"encoding": "T D"},
    shapes_hint="positions as a column, (T, 1), times frequencies, (D/2,), gives the angles, "
    "(T, D/2).",
    training_case=lambda: (200, 128),
    wrong_answers=(
        Wrong(
            "halves",
            _halves,
            "All sines come first, then all cosines. The numbers are the same in another order of "
            "columns, and some code does it so; the paper's formula puts each sine next to its "
            "cosine, in columns 2i and 2i + 1.",
        ),
        Wrong(
            "cosine_first",
            _cosine_first,
            "Sine and cosine have changed places: the sine stands in column 2i, the cosine in "
            "2i + 1. Position 0 is then 0, 1, 0, 1, ...",
        ),
        Wrong(
            "from_one",
            lambda length, width: _woven(_angles(length, width, -_pairs(width), first=1)),
            "The first row is position 1. Positions count from 0, as everywhere in Python.",
        ),
        Wrong(
            "each_column_its_own",
            _each_column_its_own,
            "Every column has a frequency of its own. A sine and the cosine beside it share one, "
            "w_i with 2i in the exponent for both: only then is a shift a rotation of the pair.",
        ),
        Wrong(
            "half_the_exponent",
            lambda length, width: _woven(_angles(length, width, -_pairs(width) / 2)),
            "The exponent is i / D where it should be 2i / D. With i counting pairs, i / D ends "
            "at one half: the slowest hand is then a hundred times too fast.",
        ),
        Wrong(
            "growing_frequencies",
            lambda length, width: _woven(_angles(length, width, _pairs(width))),
            "The frequencies grow: the position is multiplied by 10000^(2i/D) where it should be "
            "divided. Neighbouring positions then get unrelated numbers.",
            also=(  # in float32 such large angles are rounded, and their sines are others
                lambda length, width: _woven(_angles(length, width, _pairs(width).float())),
                lambda length, width: _woven(
                    _angles(length, width, torch.arange(0, width, 2) / width)
                ),
                lambda length, width: _woven(
                    torch.arange(length).unsqueeze(1)
                    * torch.exp(torch.arange(0, width, 2) * (math.log(10_000.0) / width))
                ),
            ),
        ),
        Wrong(
            "sines_only",
            _sines_only,
            "Both columns of a pair hold the sine. A sine alone does not tell on which side of its "
            "top it stands; the cosine does.",
        ),
        Wrong(
            "one_frequency",
            lambda length, width: _woven(_angles(length, width, 0 * _pairs(width))),
            "All pairs have the frequency 1. Then every pair says the same, and positions 44 apart "
            "look alike: 44 is nearly 7 times round.",
        ),
        Wrong(
            "transposed",
            lambda length, width: answers.sinusoidal_positions(length, width).T,
            "Rows and columns have changed places: a row is a position, and can be added to the "
            "vector of a word.",
        ),
        Wrong(
            "exponent_of_each_column",
            _exponent_of_each_column,
            "The exponent is 2j / D with j the number of the column, and only i, the number of "
            "the pair, may stand there. Then each column has a frequency of its own, and they "
            "fall twice as fast as they should.",
        ),
        Wrong(
            "other_base",
            lambda length, width: _woven(
                torch.arange(length).unsqueeze(1) * 1_000 ** -_pairs(width)
            ),
            "The base of the frequencies is another number than 10,000.",
            also=(
                lambda length, width: _woven(
                    torch.arange(length).unsqueeze(1) * 100_000 ** -_pairs(width)
                ),
            ),
        ),
        Wrong(
            "not_a_power",
            lambda length, width: _woven(
                torch.arange(length).unsqueeze(1) / (10_000 * _pairs(width))
            ),
            "10,000 is multiplied by 2i / D. It is raised to that power.",
            also=(
                lambda length, width: _woven(
                    torch.arange(length).unsqueeze(1) * (10_000 * _pairs(width))
                ),
            ),
        ),
    ),
    hints=(
        "What are the angles of position 0, and so its sines and cosines? How many different "
        "frequencies are there for D columns?",
        "pairs = 0, 2, 4, ... below D\n"
        "angles = positions as a column, times 10000 to the power of -pairs / D    (T, D/2)\n"
        "sines and cosines of the angles, woven: sine, cosine, sine, cosine, ...   (T, D)",
        "pairs = torch.arange(0, width, 2)\n"
        "angles = torch.arange(length).unsqueeze(1) * 10_000 ** (-pairs / ...)\n"
        "torch.stack([angles.sin(), ...], dim=-1).flatten(1)",
    ),
    why="each pair is the hand of a clock, the next one slower. stack puts a pair's two numbers "
    "side by side, flatten(1) the pairs in a row. float64 keeps large angles exact until the sine.",
)


def _rotation_cases(dice: Dice) -> list[tuple]:
    def case(t: int, d: int, shift: int) -> tuple:
        places = torch.tensor(dice.random.sample(range(30), t))
        return answers.sinusoidal_positions(30, d)[places], shift

    return [
        case(3, 2, 1),
        case(1, 4, 5),
        case(5, 6, -3),
        case(7, 8, 12),
        case(9, 12, dice.random.randint(2, 40)),
        case(4, 6, 0),
    ]


def _turned(sine: torch.Tensor, cosine: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    return torch.stack(
        [sine * turn.cos() + cosine * turn.sin(), cosine * turn.cos() - sine * turn.sin()], dim=-1
    ).flatten(1)


def _turn(encoding: torch.Tensor, shift: float) -> torch.Tensor:
    return shift * 10_000 ** -_pairs(encoding.size(1)).to(encoding)


def _split(encoding: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return encoding[:, 0::2], encoding[:, 1::2]


def _halves_turned(encoding: torch.Tensor, shift: int) -> torch.Tensor:
    sine, cosine = encoding.chunk(2, dim=1)
    turned = _turned(sine, cosine, _turn(encoding, shift)).unflatten(1, (-1, 2))
    return torch.cat([turned[..., 0], turned[..., 1]], dim=1)


def _added(encoding: torch.Tensor, shift: int) -> torch.Tensor:
    return encoding + answers.sinusoidal_positions(abs(shift) + 1, encoding.size(1))[-1].to(
        encoding
    )


def _stretched(encoding: torch.Tensor, shift: int) -> torch.Tensor:
    sine, cosine = _split(encoding)
    turn = _turn(encoding, shift)
    return torch.stack(
        [sine * turn.cos() + cosine * turn.sin(), cosine * turn.cos() + sine * turn.sin()], dim=-1
    ).flatten(1)


def _in_turn(encoding: torch.Tensor, shift: int) -> torch.Tensor:
    (sine, cosine), turn = _split(encoding), _turn(encoding, shift)
    sine = sine * turn.cos() + cosine * turn.sin()
    cosine = cosine * turn.cos() - sine * turn.sin()
    return torch.stack([sine, cosine], dim=-1).flatten(1)


def _by_angle(angle: torch.Tensor, encoding: torch.Tensor, shift: int) -> torch.Tensor:
    return _woven(angle + _turn(encoding, shift)).to(encoding)


def _position_from_the_first_pair(encoding: torch.Tensor, shift: int) -> torch.Tensor:
    position = torch.atan2(encoding[:, :1], encoding[:, 1:2]) + shift
    return _woven(position * _turn(encoding, 1.0)).to(encoding)


def _first_pair_only(encoding: torch.Tensor, shift: int) -> torch.Tensor:
    turn = _turn(encoding, shift) * (torch.arange(encoding.size(1) // 2) == 0)
    return _turned(*_split(encoding), turn)


rotate_positions = Exercise(
    name="nb09.rotate_positions",
    title="A shift is a rotation",
    difficulty=4,
    minutes=20,
    core=False,
    reference=answers.rotate_positions,
    spec=answers.rotate_positions_spec,
    cases=_rotation_cases,
    sizes=lambda encoding, shift: dict(zip("TD", encoding.shape, strict=True)),
    returns={"encoding": "T D"},
    shapes_hint="The even columns are the sines and the odd ones the cosines, (T, D/2) each; the "
    "angles k w_i are (D/2,).",
    training_case=lambda: (answers.sinusoidal_positions(200, 128), 7),
    wrong_answers=(
        Wrong(
            "turned_back",
            lambda encoding, shift: answers.rotate_positions(encoding, -shift),
            "The pairs turn the wrong way: these are the positions p - k. "
            "sin(a + b) = sin a cos b + cos a sin b, with a plus.",
        ),
        Wrong(
            "one_angle",
            lambda encoding, shift: _turned(
                *_split(encoding), torch.full((encoding.size(1) // 2,), float(shift))
            ),
            "Every pair is turned by the same angle k. Pair i turns by k w_i: the slow hands of "
            "the clock move less.",
        ),
        Wrong(
            "halves",
            _halves_turned,
            "The first half of the columns is taken for the sines. Here each sine stands next to "
            "its cosine: the sines are columns 0, 2, 4, ...",
        ),
        Wrong(
            "added",
            _added,
            "The encoding of k is added to that of p. But sin a + sin b is not sin(a + b): a pair "
            "(sine, cosine) must be turned, and keeps its length.",
        ),
        Wrong(
            "rolled",
            lambda encoding, shift: encoding.roll(-shift, dims=0),
            "The rows are moved. The row of p + k need not be among them; each row is to be "
            "changed by itself, whatever position it holds.",
        ),
        Wrong(
            "not_a_rotation",
            _stretched,
            "The cosine has a plus where it needs a minus: cos(a + b) = cos a cos b - sin a sin b. "
            "With two pluses the pairs do not keep their length.",
        ),
        Wrong(
            "half_the_exponent",
            lambda encoding, shift: _turned(
                *_split(encoding), shift * 10_000 ** (-_pairs(encoding.size(1)).to(encoding) / 2)
            ),
            "The frequencies are 10000^(-i/D) where they should be 10000^(-2i/D).",
        ),
        Wrong(
            "updated_in_turn",
            _in_turn,
            "The cosine was computed from the new sine. Both need the old ones: compute the two, "
            "then put them in place.",
        ),
        Wrong(
            "through_the_arcsine",
            lambda encoding, shift: _by_angle(torch.asin(_split(encoding)[0]), encoding, shift),
            "The angle is taken back from the sine, or from the cosine, alone. Two angles have "
            "the same sine, so half of the positions come out wrong. Use the formulas for sin(a + "
            "b) and cos(a + b), which need no angle.",
            also=(
                lambda encoding, shift: _by_angle(torch.acos(_split(encoding)[1]), encoding, shift),
                lambda encoding, shift: _by_angle(
                    torch.atan(_split(encoding)[0] / _split(encoding)[1]), encoding, shift
                ),
            ),
        ),
        Wrong(
            "position_from_the_first_pair",
            _position_from_the_first_pair,
            "The position is read from the first pair alone. That hand of the clock is round "
            "after 6.28 positions, so p and p + 6.28 look the same to it. Turn each pair by "
            "itself.",
        ),
        Wrong(
            "first_pair_only",
            _first_pair_only,
            "Only the first pair is turned. Each pair turns, the pair i by its own angle k w_i.",
        ),
        Wrong(
            "rows_as_positions",
            lambda encoding, shift: _woven(
                _angles(*encoding.shape, -_pairs(encoding.size(1)), first=shift)
            ).to(encoding),
            "The rows are taken for the positions 0, 1, 2, ... Which positions they hold is not "
            "told: each row must be turned as it is.",
        ),
        Wrong(
            "unchanged",
            lambda encoding, shift: encoding.clone(),
            "Nothing is turned: these are still the positions p.",
        ),
        Wrong(
            "woven_the_other_way",
            lambda encoding, shift: _turned(*_split(encoding)[::-1], _turn(encoding, shift)),
            "Sines and cosines have changed places on the way in or on the way out. Each pair is "
            "(sine, cosine): the sine stands in column 2i.",
            also=(
                lambda encoding, shift: (
                    _turned(*_split(encoding), _turn(encoding, shift))
                    .unflatten(1, (-1, 2))
                    .flip(2)
                    .flatten(1)
                ),
            ),
        ),
    ),
    hints=(
        "sin(a + b) and cos(a + b) can be written with the sines and cosines of a and of b. Which "
        "of the two angles is in the encoding, and which do you know?",
        "turn = k times each frequency                 (D/2,)\n"
        "sine, cosine = even columns, odd columns      (T, D/2)\n"
        "new sine = sine cos(turn) + cosine sin(turn)\n"
        "new cosine = cosine cos(turn) - sine sin(turn)\nwoven again, as before",
        "turned_sine = sine * turn.cos() + ...\nturned_cosine = cosine * turn.cos() - ...\n"
        "torch.stack([turned_sine, ...], dim=-1).flatten(1)",
    ),
    why="the matrix [[cos, sin], [-sin, cos]] of k w_i depends on k and not on p. So a linear "
    "layer can learn 'three words back' once, for all positions.",
)
