"""The text box: its answers, its tables, what it refuses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers.explorer import TranslatorBox
from tests.test_explorer import Reader


def translate(text: str) -> SimpleNamespace:
    """A stand-in for a model: each word in capitals, each looking at its own source word."""
    words = text.split()
    if not words:
        raise ValueError("there is no word in this sentence")
    if "zebra" in words:
        raise ValueError("not in the vocabulary: 'zebra'")
    if "boom" in words:
        raise RuntimeError("the model is <b>broken</b>")
    if "silent" in words:
        return SimpleNamespace(source=words, target=["MUET"], weights=None)
    target = [word.upper() for word in words] + ["<end>"]
    return SimpleNamespace(
        source=words, target=target, weights=torch.eye(len(target), len(words)).float()
    )


# ---------------------------------------------------------------- the text box


def test_a_sentence_gets_translation_and_map() -> None:
    box = TranslatorBox(translate, ["the cat ."])
    reply = box.answer({"view": "translator_box", "text": "l' ami dort .", "ticket": 7})
    assert reply["ticket"] == 7
    assert reply["translation"] == "L'AMI DORT."
    assert reply["note"] == ""
    assert reply["map"]["rows"] == ["L'", "AMI", "DORT", ".", "<end>"]
    assert reply["map"]["columns"] == ["l'", "ami", "dort", "."]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "There is no word in this sentence"),
        ("a zebra", "Not in the vocabulary: 'zebra'"),
        ("boom", "Something went wrong: RuntimeError: the model is <b>broken</b>"),
    ],
)
def test_faults_become_friendly_answers(text: str, error: str) -> None:
    box = TranslatorBox(translate)
    assert box.reply(text) == {"error": error}
    assert box.reply("the cat")["translation"] == "THE CAT"


@pytest.mark.parametrize("text", ["the " * 10_000, "the " * 61, "x" * 1_001])
def test_a_text_that_is_too_long_is_not_translated(text: str) -> None:
    reply = TranslatorBox(lambda text: pytest.fail("it was translated")).reply(text)
    assert set(reply) == {"error"} and len(str(reply)) < 300
    assert f"{len(text):,} characters. The box takes one sentence, of at most 60" in reply["error"]


def test_a_text_of_the_longest_length_is_translated() -> None:
    assert "translation" in TranslatorBox(translate).reply("the " * 60)


def test_a_model_without_attention_has_no_map() -> None:
    reply = TranslatorBox(translate).reply("silent")
    assert reply["map"] is None
    assert "no attention" in reply["note"]
    assert "did not reach <end>" in reply["note"]


@pytest.mark.parametrize(
    "result",
    [
        None,
        SimpleNamespace(source=["a"], target=["A"], weights=np.array([[2.0]])),
        SimpleNamespace(source=["a"], target=[1], weights=None),
    ],
)
def test_a_result_that_cannot_be_shown_is_no_friendly_answer(result: object) -> None:
    reply = TranslatorBox(lambda text: result).reply("a")
    assert reply["error"].startswith("Something went wrong: ")


def test_other_messages_get_no_reply() -> None:
    box = TranslatorBox(translate)
    assert box.answer({"view": "other"}) is None
    assert box.answer("text") is None


def test_the_first_example_is_translated_at_once() -> None:
    asked = []

    def recording(text: str) -> SimpleNamespace:
        asked.append(text)
        return translate(text)

    box = TranslatorBox(recording, ["the cat .", "a dog ."])
    assert asked == ["the cat ."]
    read = Reader(box.html())
    assert ["English", "the cat ."] in read.rows
    assert ["French", "THE CAT."] in read.rows
    assert "Run the cell" in read.text
    assert "THE CAT." in box.sentence()


def test_the_box_answers_through_the_widget() -> None:
    box = TranslatorBox(translate, ["the cat ."])
    sent = []
    box.live.send = sent.append
    box.live._handle_custom_msg({"view": "translator_box", "text": "a zebra", "ticket": 3}, [])
    assert sent == [
        {"view": "translator_box", "ticket": 3, "error": "Not in the vocabulary: 'zebra'"}
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"translate": "the cat"}, "expected a function"),
        ({"translate": translate, "examples": "the cat"}, "list of words"),
        ({"translate": translate, "height": 3}, "height is 3"),
    ],
)
def test_the_box_refuses(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TranslatorBox(**arguments)
