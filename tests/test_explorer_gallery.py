"""The gallery: the verdict on each row, what is refused, what is sent, and the static tables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import palette
from helpers.corpus.pairs import Pair
from helpers.decoding import Translation
from helpers.explorer import AttentionGallery, Example, Reading, compare
from helpers.explorer.gallery import STATIC_BYTES, model_colours
from helpers.metrics import RowVerdict, row_verdicts
from tests.test_explorer import ATTRIBUTES, EVIL, TAGS, Reader

SOURCE = ["the", "black", "cat", "does", "not", "sleep"]
TARGET = ["le", "chat", "noir", "ne", "dort", "pas", "<end>"]
SURE = {(0, 0), (2, 1), (1, 2), (4, 3), (5, 4), (4, 5)}
POSSIBLE = SURE | {(3, 3)}


def pointing(looks: list[int], columns: int = 6, weight: float = 0.95) -> np.ndarray:
    """Return a map whose row t gives `weight` to looks[t] and shares the rest out."""
    weights = np.full((len(looks), columns), (1 - weight) / (columns - 1))
    weights[np.arange(len(looks)), looks] = weight
    return weights


GOOD = pointing([0, 2, 1, 3, 5, 4, 5])
BAD = pointing([0, 1, 5, 3, 5, 4, 5])
SLIP = ["le", "chat", "blanc", "ne", "dort", "pas", "<end>"]


def example(**change: object) -> Example:
    readings = {"additive": Reading(GOOD, TARGET), "scaled dot": Reading(BAD, SLIP)}
    whole = Example(SOURCE, TARGET, ("negation", "adjective-after"), SURE, POSSIBLE, readings)
    return replace(whole, **change)


def faultless(tags: tuple[str, ...] = ("negation",)) -> Example:
    readings = {"additive": Reading(GOOD, TARGET), "scaled dot": Reading(GOOD, TARGET)}
    return example(tags=tags, readings=readings)


# ---------------------------------------------------------------- verdicts


def test_each_row_gets_its_place() -> None:
    verdicts = row_verdicts(BAD, TARGET, SLIP, SURE, POSSIBLE)
    places = [verdict.place for verdict in verdicts]
    assert places == ["sure", "next", "elsewhere", "possible", "sure", "sure", "unlinked"]
    assert [verdict.look for verdict in verdicts] == [0, 1, 5, 3, 5, 4, 5]
    assert [verdict.word for verdict in verdicts if not verdict.right] == ["noir"]
    assert verdicts[2] == RowVerdict("noir", "blanc", 5, pytest.approx(0.95), "elsewhere")
    assert [v.word for v in verdicts if v.off_gold] == ["chat", "noir"]
    assert [v.word for v in verdicts if v.sharp_and_wrong] == ["chat", "noir"]


def test_sharp_means_above_nine_tenths_and_off_gold() -> None:
    for weight, sharp in ((0.9, False), (0.91, True)):
        for look, off in ((0, False), (1, True), (3, True)):
            (verdict,) = row_verdicts(pointing([look], 4, weight), ["a"], ["a"], [(0, 0)])
            assert verdict.off_gold is off
            assert verdict.sharp_and_wrong is (sharp and off)
    (unlinked,) = row_verdicts(pointing([0], 4, 0.99), ["a"], ["a"], [])
    assert not unlinked.off_gold and not unlinked.sharp_and_wrong


def test_a_word_beside_a_possible_link_is_next_to_it() -> None:
    (verdict,) = row_verdicts(pointing([3], 5), ["a"], ["a"], [(0, 0)], [(2, 0)])
    assert verdict.place == "next"


def test_a_row_of_zeros_looks_at_nothing() -> None:
    linked, unlinked = row_verdicts(np.zeros((2, 3)), ["a", "b"], ["a", "b"], [(0, 0)])
    assert (linked.look, linked.weight, linked.place) == (None, 0.0, "elsewhere")
    assert (unlinked.look, unlinked.place) == (None, "unlinked")


def test_of_equal_weights_the_first_counts() -> None:
    (verdict,) = row_verdicts([[0.5, 0.5]], ["a"], ["a"], [(1, 0)])
    assert (verdict.look, verdict.place) == (0, "next")


def test_tensors_arrays_and_frozen_arrays_are_judged_alike() -> None:
    frozen = BAD.copy()
    frozen.flags.writeable = False
    leaf = torch.tensor(BAD, requires_grad=True)
    expected = row_verdicts(BAD, TARGET, SLIP, SURE, POSSIBLE)
    for weights in (frozen, leaf):
        assert row_verdicts(weights, TARGET, SLIP, SURE, POSSIBLE) == expected


links = st.sets(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=6)


@given(st.lists(st.integers(0, 4), min_size=3, max_size=3), links, links)
def test_places_are_those_of_the_distances(
    looks: list[int], sure: set[tuple[int, int]], further: set[tuple[int, int]]
) -> None:
    words = ["a", "b", "c"]
    for t, verdict in enumerate(row_verdicts(pointing(looks, 5), words, words, sure, further)):
        far = [abs(s - looks[t]) for s, row in sure | further if row == t]
        on_sure = (looks[t], t) in sure
        wanted = "unlinked"
        if far:
            nearest = {0: "sure" if on_sure else "possible", 1: "next"}
            wanted = nearest.get(min(far), "elsewhere")
        assert verdict.place == wanted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": BAD[:-1]}, "shape (6, 6) for 7 target words and 7 words of the model"),
        ({"weights": BAD[None]}, "expected (T, S)"),
        ({"said": TARGET[:-1]}, "teacher_forcing=True"),
        ({"target": [*TARGET, "."]}, "8 target words"),
        ({"sure": [(6, 0)]}, "the link (6, 0) lies outside a map of 7 target and 6 source words"),
        ({"possible": [(0, -1)]}, "the link (0, -1) lies outside"),
    ],
)
def test_rows_that_do_not_fit_are_named(change: dict[str, object], message: str) -> None:
    fitting = {"weights": BAD, "target": TARGET, "said": SLIP, "sure": SURE, "possible": POSSIBLE}
    with pytest.raises(ValueError, match=re.escape(message)):
        row_verdicts(**{**fitting, **change})


# ---------------------------------------------------------------- what the browser gets


def test_state_holds_maps_marks_and_choices() -> None:
    view = compare([faultless(), example()], title="Two models")
    assert isinstance(view, AttentionGallery)
    state = json.loads(json.dumps(view.state))
    assert state["title"] == "Two models"
    blue, green = palette.MODEL_COLOURS["additive"], palette.MODEL_COLOURS["scaled dot"]
    assert state["models"] == [["additive", blue], ["scaled dot", green]]
    assert state["groups"] == [
        ["all", [0, 1]],
        ["word wrong or off gold", [1]],
        ["with a wrong word", [1]],
        ["sharp and wrong", [1]],
        ["adjective-after", [1]],
        ["negation", [0, 1]],
    ]
    shown = state["examples"][1]
    assert shown["gold"] == [list(link) for link in sorted(SURE)]
    assert shown["possible"] == [[3, 3]]
    good, bad = shown["maps"]
    assert good["weights"][0] == [950, 10, 10, 10, 10, 10]
    places = [state["places"][row[2]][1] for row in bad["rows"]]
    assert places == ["●", "△", "▲", "○", "●", "●", "–"]
    assert [row[0] for row in bad["rows"]] == SLIP
    assert [row[1] for row in bad["rows"]] == [0, 1, 5, 3, 5, 4, 5]
    assert [row[3] for row in bad["rows"]] == [0, 1, 1, 0, 0, 0, 0]
    assert good["summary"].startswith("7 of 7 words right, 6 of 6 linked words")
    assert bad["summary"].startswith("6 of 7 words right, 4 of 6 linked words")


def test_choices_without_a_sentence_are_left_out() -> None:
    names = [name for name, _ in compare([faultless()]).state["groups"]]
    assert names == ["all", "negation"]
    blunt = example(readings={"additive": Reading(pointing([1] * 7, weight=0.5), TARGET)})
    names = [name for name, _ in compare([blunt]).state["groups"]]
    assert "word wrong or off gold" in names
    assert "with a wrong word" not in names and "sharp and wrong" not in names


def test_a_sentence_may_have_no_construction_and_no_link() -> None:
    view = compare([example(tags=(), sure=(), possible=())])
    assert [name for name, _ in view.state["groups"]] == [
        "all",
        "word wrong or off gold",
        "with a wrong word",
    ]
    assert {row[2] for row in view.state["examples"][0]["maps"][0]["rows"]} == {4}


def test_models_the_palette_does_not_know_get_other_colours() -> None:
    first, second = model_colours(["additive", "mine"])
    assert first == palette.MODEL_COLOURS["additive"] and second != first
    assert len(set(model_colours(["mine", "yours"]))) == 2


def test_nothing_given_is_kept_or_changed() -> None:
    weights, said, source = GOOD.copy(), list(TARGET), list(SOURCE)
    view = compare([example(source=source, readings={"mine": Reading(weights, said)})])
    weights[:], said[0], source[0] = 0, "changed", "changed"
    shown = view.state["examples"][0]
    assert shown["source"] == SOURCE
    assert shown["maps"][0]["weights"][0][0] == 950
    assert shown["maps"][0]["rows"][0][0] == "le"


def test_an_example_comes_from_translations() -> None:
    pair = Pair(
        tuple(SOURCE), tuple(TARGET[:-1]), frozenset(SURE), frozenset(POSSIBLE), ("negation",)
    )
    made = {
        "additive": Translation(SOURCE, TARGET, torch.tensor(GOOD)),
        "scaled dot": Translation(SOURCE, SLIP, torch.tensor(BAD)),
    }
    (shown,) = compare([Example.from_translations(pair, made)]).state["examples"]
    assert shown == compare([example(tags=("negation",))]).state["examples"][0]
    for translation, message in (
        (Translation(SOURCE, TARGET, None), "has no map to show"),
        (Translation(SOURCE, TARGET[:-2], torch.tensor(GOOD[:-2])), "has 5 words; expected 7"),
        (Translation(SOURCE[1:], TARGET, torch.tensor(GOOD)), "expected 'the black cat does"),
    ):
        with pytest.raises(ValueError, match=message):
            Example.from_translations(pair, {"mine": translation})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: compare([]), "examples is empty"),
        (lambda: compare(example()), "expected a list of Example"),
        (lambda: compare(["le chat"]), "example 1 is 'le chat'"),
        (lambda: compare([example(source=[])]), "source of example 1 is empty"),
        (
            lambda: compare([example(), example(target=TARGET[:-1])]),
            "target of example 2 ends with",
        ),
        (lambda: compare([example(tags="negation")]), "tags of example 1 is 'negation'"),
        (lambda: compare([example(sure=[(0, 7)])]), "sure of example 1 holds (0, 7)"),
        (lambda: compare([example(possible=[3])]), "possible of example 1 holds 3"),
        (lambda: compare([example(readings=[GOOD])]), "readings of example 1 are no dict"),
        (lambda: compare([example(readings={})]), "readings of example 1 is empty"),
        (
            lambda: compare([example(readings=dict.fromkeys("abc", Reading(GOOD, TARGET)))]),
            "have 3 models; expected one or two",
        ),
        (
            lambda: compare([example(readings={"a": GOOD})]),
            "the reading of 'a' in example 1 is ndar",
        ),
        (
            lambda: compare([example(readings={"a": Reading(GOOD, TARGET[:-1])})]),
            "said of 'a' in example 1 has 6 words; expected 7",
        ),
        (
            lambda: compare([example(readings={"a": Reading(GOOD * 2, TARGET)})]),
            "the map of 'a' in example 1: row 0",
        ),
        (
            lambda: compare(
                [example(readings={"a": Reading(np.tile(GOOD, (2, 1, 1, 1)), TARGET)})]
            ),
            "2 layers of 1 heads; expected one map",
        ),
        (
            lambda: compare([example(), example(readings={"a": Reading(GOOD, TARGET)})]),
            "example 2 has the models ['a'], the first has ['additive', 'scaled dot']",
        ),
        (lambda: compare([example()], height=3), "height is 3"),
    ],
)
def test_bad_input_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


# ---------------------------------------------------------------- static view


def test_static_tables_show_maps_and_marks() -> None:
    read = Reader(compare([faultless(), example()], title="Two models").html())
    assert {tag for tag, _ in read.tags} <= TAGS | {"details", "summary"}
    assert sum(tag == "details" for tag, _ in read.tags) == 1  # the first sentence is open
    assert {name for _, names in read.tags for name in names} <= ATTRIBUTES
    assert sum(tag == "table" for tag, _ in read.tags) == 4  # two sentences, two models
    assert "word wrong or off gold: the black cat does not sleep" in read.text
    assert "adjective-after:" not in read.text  # the same sentence is not shown twice
    assert "scaled dot: 6 of 7 words right, 4 of 6 linked words" in read.text
    assert read.rows[0][1:] == [*SOURCE, "mark"]
    marks = [row[-1] for row in read.rows[9:16]]
    assert [row[0] for row in read.rows[8:16]][1:] == TARGET
    assert marks[:3] == ["●", "△!", "▲! ✗ blanc"]
    assert "△ next to a linked word" in read.text and "▲ far from any linked word" in read.text


def test_hostile_words_stay_text() -> None:
    words = [*EVIL, *SOURCE[2:]]
    target = [EVIL[0], *TARGET[1:]]
    readings = {EVIL[0]: Reading(BAD, [EVIL[1], *TARGET[1:]])}
    hostile = example(source=words, target=target, tags=(EVIL[1],), readings=readings)
    for view in (compare([hostile], title=EVIL[0]), compare([long_example(90, *EVIL)])):
        read = Reader(view.html())
        assert {tag for tag, _ in read.tags} <= TAGS
        assert EVIL[0] in read.text and EVIL[1] in read.text


def long_example(size: int, first: str = "word0", name: str = "additive") -> Example:
    words = [first, *(f"word{i}" for i in range(1, size))]
    scores = np.random.default_rng(size).normal(size=(size + 1, size)) * 3
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    target = [*words, "<end>"]
    links = [(i, i) for i in range(size)]
    readings = {name: Reading(weights, target), "other": Reading(weights[::-1], target)}
    return Example(words, target, (f"tag-{size % 5}",), links, links, readings)


@pytest.mark.parametrize("size", [10, 14, 24, 34])
def test_static_view_stays_small(size: int) -> None:
    html = compare([long_example(size + i % 2) for i in range(12)]).html()
    assert len(html.encode()) <= 60_000
    assert html.count("<table") >= 1


def test_sentences_too_long_for_their_weights_show_where_they_look() -> None:
    view = compare([long_example(60)])
    read = Reader(view.html())
    assert len(view.html().encode()) < STATIC_BYTES
    assert read.rows[0] == ["target word", "additive", "other"]
    assert len(read.rows) == 62 and re.fullmatch(r"word\d+ 0\.\d\d [●△▲]!?", read.rows[1][1])


def test_a_notebook_with_many_sentences_stays_small() -> None:
    view = compare([long_example(24 - i % 8) for i in range(24)])
    data, _ = view._repr_mimebundle_()
    sent = [json.dumps(view.state), view.live._esm, view.live._css, json.dumps(data)]
    assert sum(len(part.encode()) for part in sent) < 250_000


def test_the_sentence_counts_the_errors() -> None:
    text = compare([faultless(), example()]).sentence()
    assert text == (
        "Attention maps of 2 sentences by additive and scaled dot; 1 of them have a wrong word or "
        "a look off gold."
    )
