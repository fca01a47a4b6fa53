"""The picture looked at word by word: what it shows, what it says, and what it refuses."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.corpus.scenes import cell_names, draw_scenes, render
from helpers.explorer import Looks
from helpers.explorer.picture import PNG_BYTES, place, small_png, top
from helpers.palette import VEIL
from tests.test_explorer import ATTRIBUTES, EVIL, TAGS, Reader

WORDS = ["red", "and", "<end>"]
WEIGHTS = np.array([[0.94, 0.03, 0.02, 0.01], [0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.0, 0.0]])
PICTURE = np.zeros((8, 8, 3), dtype=np.uint8)
PICTURE[:4, :4, 0] = 255  # red in cell 0 of 4


def rows_of(view: Looks) -> list[list[str]]:
    return Reader(view.html()).rows


def decoded(view: Looks) -> np.ndarray:
    data = view.state["picture"].removeprefix("data:image/png;base64,")
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.format == "PNG"
        return np.array(image.convert("RGB"))


def test_the_picture_arrives_as_it_is() -> None:
    assert (decoded(Looks(PICTURE, WORDS, WEIGHTS)) == PICTURE).all()
    for scene in draw_scenes(4, "dev", 0):
        words, cells = len(scene.caption), 16
        view = Looks(render(scene), scene.caption, np.full((words, cells), 1 / cells))
        difference = decoded(view).astype(int) - render(scene)
        assert abs(difference).max() <= 12  # few colours, but none that is missed
        assert len(view.state["picture"]) < 15_000 and len(view.html()) < 40_000


def test_a_picture_that_takes_much_is_made_smaller() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 800, 3), dtype=np.uint8)
    data = small_png(noise)
    assert len(data) <= PNG_BYTES
    with Image.open(io.BytesIO(data)) as image:
        assert image.width < 512 and image.width / image.height == pytest.approx(2, rel=0.05)
    assert Looks(noise, WORDS, WEIGHTS).state["shape"] == [400, 800]  # drawn as wide as it was
    assert small_png(PICTURE) == small_png(PICTURE.copy())


def test_cells_are_counted_in_reading_order() -> None:
    assert [place(cell, 4) for cell in range(16)] == cell_names()
    assert top([0.1, 0.6, 0.3]) == 1 and top([0.5, 0.5]) == 0 and top([0.0, 0.0]) is None


def test_the_table_says_where_each_word_looks() -> None:
    view = Looks(PICTURE, WORDS, WEIGHTS)
    assert rows_of(view) == [
        ["word", "largest weight", "of the cell"],
        ["red", "0.94", "row 1, column 1"],
        ["and", "0.40", "row 2, column 2"],
        ["<end>", "0.00", "none"],
    ]
    assert "'red' looks at row 1, column 1 with 0.94." in view.sentence()


def test_the_table_marks_misses_and_other_words() -> None:
    view = Looks(PICTURE, WORDS, WEIGHTS, [0, 1, None], ["red", "or", "<end>"], title="A caption")
    rows = rows_of(view)
    assert rows[0][3:] == ["gold cell", "the model says"]
    assert [row[3:] for row in rows[1:]] == [
        ["row 1, column 1 ●", ""],
        ["row 1, column 2 ▲", "✗ or"],
        ["none", ""],
    ]
    read = Reader(view.html())
    assert "1 of 2 words that have a gold cell look at it most." in read.text
    assert view.sentence().endswith("1 of 2 words that have a gold cell look at it most.")
    pictures = [names for tag, names in read.tags if tag == "img"]
    assert [names["alt"] for names in pictures] == ["Picture with the caption: red and <end>"]
    assert pictures[0]["src"] == view.state["picture"]


def test_a_word_that_looks_nowhere_has_missed_its_gold_cell() -> None:
    view = Looks(PICTURE, WORDS, WEIGHTS, [0, None, 3])
    assert rows_of(view)[3] == ["<end>", "0.00", "none", "row 2, column 2 ▲"]


def test_the_end_needs_no_gold_cell() -> None:
    scene = draw_scenes(1, "dev", 0)[0]
    words = [*scene.caption, "<end>"]
    weights = np.full((len(words), 16), 1 / 16)
    view = Looks(render(scene), words, weights, scene.word_cells)
    assert view.state["gold"] == [*scene.word_cells, None]
    with pytest.raises(ValueError, match="one for each word"):  # only "<end>" may be left out
        Looks(render(scene), scene.caption, weights[:-1], scene.word_cells[:-1])


def test_a_long_caption_stays_small() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    words = [f"word{t}" for t in range(40)]
    said = [f"other{t}" for t in range(40)]
    view = Looks(noise, words, np.full((40, 196), 1 / 196), [195] * 40, said)
    assert len(view.html().encode()) < 40_000


def test_every_form_is_there_and_words_stay_words() -> None:
    view = Looks(PICTURE, EVIL, WEIGHTS[:2], said=EVIL[::-1], title=EVIL[0])
    data, _ = view._repr_mimebundle_()
    assert 20 < len(data["text/plain"]) < 300
    assert data["text/plain"].endswith(".")
    read = Reader(data["text/html"])
    assert {tag for tag, _ in read.tags} == TAGS - {"small"} | {"img"}
    extra = {"img": {"alt", "src", "width"}}
    for tag, names in read.tags:
        assert set(names) <= ATTRIBUTES | extra.get(tag, set())
        if tag == "img":
            assert names["src"].startswith("data:image/png;base64,")
    assert EVIL[0] in read.text and EVIL[1] in read.text
    assert "var(" not in data["text/html"]
    json.dumps(view.state)


def test_what_is_given_is_neither_kept_nor_changed() -> None:
    picture, weights = PICTURE.copy(), torch.tensor(WEIGHTS, requires_grad=True)
    words, gold = list(WORDS), [0, None, None]
    view = Looks(torch.tensor(picture), words, weights, gold)
    before = json.dumps(view.state)
    with torch.no_grad():
        weights.zero_()
    words[0], gold[0] = "changed", 3
    assert json.dumps(view.state) == before
    assert (picture == PICTURE).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"picture": PICTURE[..., 0]}, "picture has shape (8, 8); expected (H, W, 3)"),
        ({"picture": PICTURE.transpose(2, 0, 1)}, "take picture.transpose(1, 2, 0)"),
        ({"picture": PICTURE[:0]}, "picture has shape (0, 8, 3)"),
        ({"picture": PICTURE / 255}, "picture holds float64; expected uint8"),
        ({"picture": "cat.png"}, "picture has shape ()"),
        ({"words": "red and"}, "expected a list of words"),
        ({"words": []}, "words is empty"),
        ({"words": ["red"] * 41}, "words holds 41 words; expected at most 40"),
        ({"weights": WEIGHTS[0]}, "weights have shape (4,); expected (T, S)"),
        ({"weights": WEIGHTS[None]}, "Of a batch, weights[0] is the first picture"),
        ({"weights": WEIGHTS[:, :3]}, "shape (3, 3); expected (T, S) with S a square number"),
        ({"weights": WEIGHTS[:, :0]}, "S a square number"),
        ({"weights": WEIGHTS[:2]}, "2 rows and 4 columns; expected 3 rows (target words)"),
        ({"weights": WEIGHTS * 0.9}, "over the last axis (the cells)"),
        ({"weights": np.log(WEIGHTS + 1e-9)}, "Take the softmax over the cells first"),
        ({"weights": WEIGHTS * np.nan}, "NaN or infinity"),
        ({"weights": "many"}, "cannot be read as numbers"),
        ({"gold": [0]}, "gold holds 1 cells; expected 3"),
        ({"gold": [0, 4, None]}, "gold holds 4; expected None or the number of a cell"),
        ({"gold": [0, -1, None]}, "gold holds -1"),
        ({"gold": [0.5, 1, None]}, "gold holds 0.5"),
        ({"gold": [True, 1, None]}, "gold holds True"),
        ({"gold": 3}, "gold is 3; expected a list"),
        ({"said": ["red"]}, "said holds 1 words; expected 3"),
        ({"said": ["red", None, "<end>"]}, "said holds None"),
    ],
)
def test_bad_input_is_named(change: dict[str, object], message: str) -> None:
    given = {"picture": PICTURE, "words": WORDS, "weights": WEIGHTS, **change}
    with pytest.raises(ValueError, match=re.escape(message)):
        Looks(**given)


def test_the_still_picture_shows_the_look_at_one_word() -> None:
    white = np.full((64, 64, 3), 255, dtype=np.uint8)
    view = Looks(white, WORDS, WEIGHTS, [0, 3, None], still=1)
    assert (decoded(view) == white).all()  # what the live view draws on stays bare
    (image,) = [names for tag, names in Reader(view.html()).tags if tag == "img"]
    assert "'and'" in image["alt"] and image["src"] != view.state["picture"]
    with Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))) as picture:
        seen = np.array(picture.convert("RGB")).astype(int)
    for cell, weight in enumerate(WEIGHTS[1]):
        middle = seen[16 + 32 * (cell // 2), 16 + 32 * (cell % 2)]
        assert abs(middle - 255 * (1 - VEIL * (1 - weight))).max() <= 12
    orange = [0xD5, 0x5E, 0x00]
    assert abs(seen[33, 40] - orange).max() <= 12 and abs(seen[62, 62] - orange).max() <= 12
    assert (seen[31, 40] == seen[8, 40]).all()  # no frame around another cell
    for place_of_word in (-1, 3):
        with pytest.raises(ValueError, match="one of the 3 words"):
            Looks(white, WORDS, WEIGHTS, still=place_of_word)
