"""The text box and the decoder by steps: their answers, their tables, what they refuse."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers.explorer import DecoderSteps, Step, TranslatorBox
from tests.test_explorer import COLUMNS, Reader, soft


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


def steps(count: int = 3, columns: int = 2, size: int = 4) -> list[Step]:
    words = ["<start>", "le", "chat", "<end>"]
    weights = soft(count, columns)
    return [
        Step(words[t], np.log(weights[t]), weights[t], np.arange(size) - t, words[t + 1], 0.5)
        for t in range(count)
    ]


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


# ---------------------------------------------------------------- the decoder by steps


def test_steps_as_a_table() -> None:
    read = Reader(DecoderSteps(steps(), COLUMNS, title="Three steps").html())
    assert read.rows[0] == [
        "step",
        "word fed",
        "largest weights",
        "sum of weights",
        "word produced",
    ]
    assert [row[1] for row in read.rows[1:]] == ["<start>", "le", "chat"]
    assert [row[3] for row in read.rows[1:]] == ["1.00"] * 3
    assert read.rows[3][4] == "<end> (0.50)"
    largest = soft(3, 2)[0]
    best = int(largest.argmax())
    assert read.rows[1][2].startswith(f"'{COLUMNS[best]}' {largest[best]:.2f}")


def test_steps_may_be_dicts_and_tensors() -> None:
    as_dicts = [
        {**vars(step), "scores": torch.tensor(step.scores), "weights": torch.tensor(step.weights)}
        for step in steps()
    ]
    assert DecoderSteps(as_dicts, COLUMNS).state == DecoderSteps(steps(), COLUMNS).state


def test_steps_are_copied() -> None:
    one = steps(1)
    view = DecoderSteps(one, COLUMNS)
    one[0].weights[:] = 0
    assert sum(view.state["steps"][0]["weights"]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [0.9, 0.3]}, "step 1: row 0 .* sums to 1.2"),
        ({"weights": [1.0]}, "step 1: weights have 1 rows and 1 columns"),
        ({"scores": [1.0]}, "1 scores for 2 source words"),
        ({"scores": [[1.0, 2.0]]}, "expected a vector"),
        ({"scores": [np.nan, 0.0]}, "hold NaN"),
        ({"context": []}, "expected a vector"),
        ({"context": [1.0]}, r"contexts have sizes \[1, 4\]"),
        ({"probability": 1.5}, "probability is 1.5"),
    ],
)
def test_steps_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    first, *others = (vars(step) for step in steps())
    with pytest.raises(ValueError, match=message):
        DecoderSteps([{**first, **change}, *others], COLUMNS)


def test_incomplete_and_missing_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="step 1 lacks scores, weights"):
        DecoderSteps([{"previous": "<start>"}], COLUMNS)
    with pytest.raises(ValueError, match="steps is empty"):
        DecoderSteps([], COLUMNS)
