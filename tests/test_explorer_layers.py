"""The layer in numbers, the picture of positions and the mask editor: what they say and refuse."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import palette
from helpers.attention import attend, causal_mask, padding_mask, scaled_dot
from helpers.explorer import AttentionGrid, MaskEditor, PositionPicture, base
from helpers.explorer.mask_editor import describe
from helpers.models.positions import sinusoidal_positions
from tests.test_explorer import ATTRIBUTES, EVIL, TAGS, Reader

WORDS = ["le", "chat", "dort"]
Q, K, V = [[1.0, 0.0], [0.0, 2.0]], [[1.0, 1.0], [0.0, 1.0], [2.0, 0.0]], [[1.0], [2.0], [-3.0]]


def views(words: list[str]) -> list[base.View]:
    """Each of the three widgets, with two words wherever words are shown."""
    return [
        AttentionGrid(np.eye(2), np.eye(2), np.eye(2), words, words, title=words[0]),
        PositionPicture(np.eye(2), title=" ".join(words)),
        MaskEditor(np.eye(2), words, words, title=words[0]),
    ]


def test_static_views_hold_words_as_text_only() -> None:
    for view in views(EVIL):
        read = Reader(view.html())
        assert {tag for tag, _ in read.tags} <= TAGS
        assert {name for _, names in read.tags for name in names} <= ATTRIBUTES
        assert EVIL[0] in read.text and EVIL[1] in read.text, type(view)


def test_every_view_has_its_forms() -> None:
    for view in views(["le", "chat"]):
        data, _ = view._repr_mimebundle_()
        assert "<table" in data["text/html"] and "var(" not in data["text/html"]
        assert 20 < len(data["text/plain"]) < 300
        assert data["text/plain"].endswith(".")
        json.dumps(view.state)


def test_what_is_given_is_neither_kept_nor_changed() -> None:
    numbers = torch.eye(3, requires_grad=True)
    for view in (
        AttentionGrid(numbers, numbers, numbers, WORDS, WORDS),
        PositionPicture(numbers),
        MaskEditor(numbers, WORDS, WORDS, torch.eye(3).bool()),
    ):
        before = json.dumps(view.state)
        with torch.no_grad():
            numbers.mul_(5)
        assert json.dumps(view.state) == before
        with torch.no_grad():
            numbers.div_(5)


# ---------------------------------------------------------------- the layer in numbers


def test_the_tables_are_those_of_attend() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((3, 2), (5, 2), (5, 4))
    )
    given = AttentionGrid(queries, keys, values).tables()
    context, weights = attend(queries, keys, values, score=scaled_dot)
    assert given["A"] == pytest.approx(weights.numpy(), abs=1e-4)
    assert given["Y"] == pytest.approx(context.numpy(), abs=1e-3)
    assert given["E"] == pytest.approx(scaled_dot(queries, keys).numpy(), abs=1e-3)


def test_the_grid_as_tables() -> None:
    view = AttentionGrid(Q, K, V, ["le", "chat"], WORDS, title="A layer")
    read = Reader(view.html())
    assert read.rows[0][1:] == ["K 0", "K 1", "V 0"]
    assert read.rows[3] == ["dort", "2.00", "0.00", "-3.00"]
    names = ["Q 0", "Q 1", *(f"{part} {word}" for part in "EA" for word in WORDS), "Y 0"]
    assert read.rows[4][1:] == names
    first = read.rows[5]
    assert first[:6] == ["le", "1.00", "0.00", "0.71", "0.00", "1.41"]
    assert first[6:9] == ["0.28", "0.14", "0.58"]
    assert float(first[9]) == pytest.approx(0.28 + 2 * 0.14 - 3 * 0.58, abs=0.02)
    assert "'le' at 'dort' with 0.58" in view.sentence()


def test_names_and_the_reach_of_the_slider_are_made_up_where_needed() -> None:
    state = AttentionGrid(Q, K, V).state
    assert state["rows"] == ["q0", "q1"] and state["columns"] == ["k0", "k1", "k2"]
    assert state["reach"] == 4.0
    assert AttentionGrid(Q, K, [[1.0], [2.0], [-6.5]]).state["reach"] == 7.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"queries": np.zeros((7, 2))},
            r"queries have shape (7, 2); expected (T, D) with T from 1",
        ),
        ({"queries": np.zeros((1, 2, 2))}, "take one: queries[0]"),
        ({"queries": np.zeros((2, 3))}, "the same number D of columns"),
        ({"values": np.zeros((2, 1))}, "each key needs exactly one value"),
        ({"values": np.zeros((3, 0))}, "expected (S, V) with V from 1 to 6"),
        ({"keys": [[1, 2], [3, np.nan], [0, 0]]}, "keys hold NaN or infinity"),
        ({"keys": [["a", "b"]]}, "cannot be read as numbers"),
        ({"rows": ["le"]}, "rows holds 1 words; expected 2"),
        ({"columns": "le chat dort"}, "expected a list of words"),
    ],
)
def test_what_is_no_layer_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        AttentionGrid(**{"queries": Q, "keys": K, "values": V, **change})


# ---------------------------------------------------------------- the picture of positions


@pytest.mark.parametrize(("length", "width", "most"), [(64, 32, 12_000), (128, 64, 60_000)])
def test_the_state_is_small_and_exact_enough(length: int, width: int, most: int) -> None:
    encoding = sinusoidal_positions(length, width).double()
    view = PositionPicture(encoding, title="Sinusoidal")
    assert len(json.dumps(view.state)) < most
    assert len(view.html().encode()) < 15_000
    read = np.array(view.state["numbers"]) * view.state["unit"]
    assert read == pytest.approx(encoding.numpy(), abs=6e-4)
    assert read @ read.T == pytest.approx((encoding @ encoding.T).numpy(), abs=0.03)


def test_the_positions_as_tables() -> None:
    encoding = sinusoidal_positions(20, 6)
    view = PositionPicture(encoding, title="Sinusoidal")
    read = Reader(view.html())
    assert read.rows[0][1:] == [f"dim {d}" for d in range(6)]
    shown = {int(line[0]): line[1:] for line in read.rows[1:10]}
    assert min(shown) == 0 and max(shown) == 19
    for position, cells in shown.items():
        assert [float(cell) for cell in cells] == pytest.approx(encoding[position], abs=0.006)
    distances = {int(line[0]): [float(x) for x in line[1:]] for line in read.rows[11:]}
    assert list(distances) == [0, 1, 2, 4, 8, 16]
    # Of this encoding every pair at one distance has one dot product: 3 at distance 0.
    assert distances[0] == [3.0, 3.0, 3.0]
    for mean, low, high in distances.values():
        assert low == pytest.approx(high, abs=0.011)
        assert low <= mean <= high
    shades = [names["bgcolor"] for tag, names in read.tags if "bgcolor" in names]
    assert shades[1] == palette.shade(1.0, palette.SIGNED_RAMP)  # cos(0) = 1


def test_the_signed_colours_run_through_near_white() -> None:
    assert palette.shade(0.0, palette.SIGNED_RAMP) == palette.BLUE.lower()
    assert palette.shade(0.5, palette.SIGNED_RAMP) == "#f7f7f7"
    assert palette.shade(1.0, palette.SIGNED_RAMP) == palette.ORANGE.lower()
    for place in np.linspace(0, 1, 101):
        colour = palette.shade(place, palette.SIGNED_RAMP)
        assert palette.contrast(palette.ink_on(colour), colour) >= 4.5


def test_an_encoding_of_zeros_can_be_drawn() -> None:
    view = PositionPicture(np.zeros((3, 2)))
    assert view.state["unit"] > 0
    assert view.state["numbers"] == [[0, 0]] * 3
    assert "0.00" in view.html()


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        (np.zeros((129, 4)), "length from 2 to 128"),
        (np.zeros((4, 65)), "width from 2 to 64"),
        (np.zeros((1, 4)), "length from 2 to 128"),
        (np.zeros((2, 4, 4)), "take one: encoding[0]"),
        (np.full((2, 2), np.inf), "NaN or infinity"),
    ],
)
def test_what_is_no_encoding_is_refused(encoding: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        PositionPicture(encoding)


# ---------------------------------------------------------------- the mask editor

FOUR = ["a", "b", "c", "d"]
CAUSAL = causal_mask(4)
PADDED = padding_mask(torch.tensor([3]), 4)[0].expand(4, 4)
LEAK = CAUSAL.clone()
LEAK[1, 2] = True
LEAKS = CAUSAL.clone()
LEAKS[0, 1] = LEAKS[0, 3] = True


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.ones(4, 4), "No mask: every query may look at every key, the future included."),
        (torch.ones(2, 4), "No mask: every query may look at every key."),
        (torch.zeros(4, 4), "Nothing is allowed: every row is empty, and its weights are zeros."),
        (CAUSAL, "Causal: each query sees itself and what came before."),
        (PADDED, "Padding: the last column is hidden from every query; the future is open."),
        (PADDED[:2], "Padding: the last column is hidden from every query."),
        (CAUSAL & PADDED, "Causal and padding: no future, and the last column is hidden"),
        (CAUSAL.tril(-1), "Causal without the diagonal: each query sees what came before, but not"),
        (
            CAUSAL.tril(-1),
            "Empty, so all zeros: 'a'. Not allowed to look at itself: 'b', 'c', 'd'.",
        ),
        (~CAUSAL, "The causal mask inverted: what should be forbidden is allowed. Empty, so"),
        (CAUSAL.T, "The wrong triangle: each query sees itself and what comes after."),
        (LEAK, "Leaking: 1 cell of the future allowed, where 'b' sees 'c'."),
        (LEAKS, "Leaking: 2 cells of the future allowed, the first where 'a' sees 'b'."),
        (torch.eye(4), "No leak, but 6 cells of the past forbidden as well."),
        (CAUSAL[1:], "A mask without a name: 9 of 12 cells allowed."),
    ],
)
def test_a_mask_is_told_in_words(mask: torch.Tensor, words: str) -> None:
    mask = mask.bool()
    said = describe(mask, FOUR[: len(mask)], FOUR)
    assert words in said
    assert said.endswith(".")


def test_padding_is_not_blamed_for_not_seeing_itself() -> None:
    for mask in (PADDED, CAUSAL & PADDED):
        assert "itself" not in describe(mask, FOUR, FOUR)


@given(st.integers(1, 5), st.integers(1, 5), st.randoms(use_true_random=False))
def test_leaks_and_empty_rows_are_never_missed(queries: int, keys: int, random: object) -> None:
    mask = torch.tensor([[random.random() < 0.5 for _ in range(keys)] for _ in range(queries)])
    said = describe(mask, [f"q{t}" for t in range(queries)], [f"k{s}" for s in range(keys)])
    empty = (~mask.any(dim=1)).nonzero().flatten().tolist()
    assert bool(empty) is ("empty" in said.lower())
    if queries == keys and bool(mask.triu(1).any()):
        assert re.search("Leaking|future|inverted|wrong triangle", said)
    elif queries == keys and mask.any():
        assert not re.search("Leaking|future (included|is open)|inverted", said)


def test_the_mask_can_be_read_back() -> None:
    given = causal_mask(3)
    editor = MaskEditor(torch.zeros(3, 3), WORDS, WORDS, given)
    assert editor.mask.dtype == torch.bool
    assert editor.mask.equal(given)
    editor.mask[0, 2] = True  # a copy: the editor's own stays
    assert editor.mask.equal(given)
    editor.live.chosen = {"mask": [[1, 0, 1], [1, 1, 0], [0, 0, 0]]}
    assert editor.mask.int().tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 0]]
    assert "Leaking: 1 cell" in editor.html() and "Empty, so all zeros: 'dort'" in repr(editor)


def test_without_anywidget_the_first_mask_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_live_widget", lambda state: None)
    editor = MaskEditor(torch.zeros(3, 3), WORDS, WORDS, causal_mask(3).numpy())
    assert editor.live is None
    assert editor.mask.equal(causal_mask(3))


def test_the_mask_as_tables() -> None:
    scores = torch.tensor([[5.0, 1.0, 1.0], [0.0, np.log(3.0), 9.0], [1.0, 1.0, 1.0]])
    mask = torch.tensor([[True, False, False], [True, True, False], [False, False, False]])
    read = Reader(MaskEditor(scores, WORDS, WORDS, mask, title="A mask").html())
    assert [line[1:] for line in read.rows[1:4]] == [["✓", "✗", "✗"], ["✓", "✓", "✗"], ["✗"] * 3]
    assert read.rows[5] == ["le", "1.00", "0.00", "0.00"]
    assert read.rows[6] == ["chat", "0.25", "0.75", "0.00"]
    assert read.rows[7] == ["dort", "0.00", "0.00", "0.00", "empty row: zeros"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"scores": np.zeros((11, 3))}, ValueError, "T from 1 to 10"),
        ({"scores": np.full((3, 3), -np.inf)}, ValueError, "NaN or infinity"),
        ({"rows": ["le"]}, ValueError, "rows holds 1 words; expected 3"),
        ({"mask": torch.ones(3, 3)}, TypeError, "expected booleans, True = may be attended"),
        ({"mask": np.ones((3, 3), dtype=int)}, TypeError, "pass mask.bool()"),
        ({"mask": torch.ones(2, 3).bool()}, ValueError, "the mask has shape (2, 3)"),
        ({"mask": torch.ones(1, 3, 3).bool()}, ValueError, "take one: mask[0]"),
    ],
)
def test_what_is_no_mask_is_refused(
    change: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        MaskEditor(**{"scores": np.zeros((3, 3)), "rows": WORDS, "columns": WORDS, **change})
