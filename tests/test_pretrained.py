"""The models that come with the course: small, readable without trust, and as good as claimed."""

from __future__ import annotations

import hashlib

import pytest
import torch

from helpers.authoring import pretraining
from helpers.decoding import translate, translate_all
from helpers.metrics import exact_match
from helpers.models import pretrained


@pytest.fixture(scope="module")
def additive():
    return pretrained.load_pretrained("additive")


def test_files_are_small():
    files = list(pretrained.PRETRAINED.glob("*.pt"))
    assert set(files) == {pretrained.model_path(name) for name in pretrained.CLASSES}
    assert all(path.stat().st_size <= 1_000_000 for path in files)
    assert sorted(pretrained.PRETRAINED.iterdir()) == sorted(
        [*files, pretrained.PRETRAINED / pretrained.CHECKSUMS]
    )


def test_every_model_can_be_rebuilt():
    assert set(pretraining.PRETRAINING) == set(pretrained.CLASSES)


@pytest.mark.parametrize(
    ("name", "least"), [("additive", 0.96), ("word values", 0.94), ("transformer", 0.96)]
)
def test_dev_score(name, least):
    model, data = pretrained.load_pretrained(name)
    said = translate_all(model, data.dev, data.source_vocabulary, data.target_vocabulary)
    assert exact_match(said, data.dev) > least


def test_the_sentences_that_notebook_00_offers_are_translated(additive):
    model, data = additive
    vocabularies = data.source_vocabulary, data.target_vocabulary
    for english, french in (
        ("The black cat does not eat the old bread.", "le chat noir ne mange pas le vieux pain ."),
        ("The girl's dog sleeps.", "le chien de la fille dort ."),
        ("My sister did not see the birds.", "ma sœur n' a pas vu les oiseaux ."),
        ("The car is old but it is beautiful.", "la voiture est vieille mais elle est belle ."),
        ("The book is old but it is beautiful.", "le livre est vieux mais il est beau ."),
    ):
        assert " ".join(translate(model, english, *vocabularies).words) == french


def shipped():
    return torch.load(pretrained.PRETRAINED / "additive.pt", weights_only=True)


def store(saved, folder):
    """Write a file that was made wrongly, not damaged: its checksum is right."""
    torch.save(saved, folder / "additive.pt")
    pretrained.write_checksum(folder / "additive.pt")


@pytest.mark.parametrize("name", pretrained.CLASSES)
@pytest.mark.parametrize("place", [0.3, 0.5, 0.8])
def test_a_flipped_bit_in_the_weights_is_noticed(tmp_path, name, place):
    path = pretrained.model_path(name)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 16
    (tmp_path / path.name).write_bytes(data)
    (tmp_path / pretrained.CHECKSUMS).write_bytes(
        (pretrained.PRETRAINED / pretrained.CHECKSUMS).read_bytes()
    )
    with pytest.raises(
        pretrained.PretrainedError, match="is damaged: its checksum .*helpers model"
    ):
        pretrained.load_pretrained(name, tmp_path)


def test_every_file_has_its_checksum():
    lines = (pretrained.PRETRAINED / pretrained.CHECKSUMS).read_text(encoding="utf-8").splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    files = [pretrained.model_path(name) for name in pretrained.CLASSES]
    assert listed == {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_broken_files_are_named(tmp_path, additive):
    with pytest.raises(pretrained.PretrainedError, match="there is no model .*additive.pt"):
        pretrained.load_pretrained("additive", tmp_path)
    with pytest.raises(pretrained.PretrainedError, match="there are \\['additive', 'transf"):
        pretrained.load_pretrained("Transformer")
    whole = (pretrained.PRETRAINED / "additive.pt").read_bytes()
    (tmp_path / "additive.pt").write_bytes(whole[: len(whole) // 2])  # half a download
    with pytest.raises(pretrained.PretrainedError, match="is damaged.*helpers models"):
        pretrained.load_pretrained("additive", tmp_path)
    store(shipped() | {"level": "lite"}, tmp_path)
    with pytest.raises(pretrained.PretrainedError, match="made for other data"):
        pretrained.load_pretrained("additive", tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"settings": {"hidden_size": 8}}, "settings that AdditiveTranslator does not take"),
        ({"settings": "wide"}, "settings that AdditiveTranslator does not take"),
        ({"level": "huge"}, "needs data that is not there.*'huge'"),
        ({"state": [1, 2]}, "is damaged"),
        ({"state": {}}, "made for other data"),
    ],
)
def test_what_a_file_holds_wrongly_is_named(tmp_path, changed, message):
    store(shipped() | changed, tmp_path)
    with pytest.raises(pretrained.PretrainedError, match=message):
        pretrained.load_pretrained("additive", tmp_path)


@pytest.mark.parametrize("key", ["level", "settings", "state"])
def test_what_a_file_lacks_is_named(tmp_path, key):
    store({name: part for name, part in shipped().items() if name != key}, tmp_path)
    with pytest.raises(pretrained.PretrainedError, match=f"lacks '{key}'.*helpers models"):
        pretrained.load_pretrained("additive", tmp_path)


def test_saving_and_loading_keeps_the_model(tmp_path, additive):
    model, data = additive
    pretrained.save_pretrained(model, "additive", "full", shipped()["settings"], tmp_path)
    again, _ = pretrained.load_pretrained("additive", tmp_path)
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
