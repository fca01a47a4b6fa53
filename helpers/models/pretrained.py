"""Models that come trained with the course, in data/models/; rebuilt by `python -m helpers models`.

A file holds {"level", "settings", "state"}: the level of data/en-fr that it was trained on, the
keyword arguments of its class, and its weights in half precision, to stay under 1 MB. SHA256SUMS
beside it has the checksums, because a file with a flipped bit loads like any other.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from helpers import corpus
from helpers.models.recurrent import AdditiveTranslator, LuongTranslator
from helpers.models.transformer import TransformerTranslator
from helpers.settings import DATA, DEVICE

PRETRAINED = DATA / "models"
CHECKSUMS = "SHA256SUMS"  # in the form of `sha256sum --check`
# By name; the file of "word values" is word_values.pt. Only the book translates with the
# Transformer, because the learner trains one in notebook 12.
CLASSES = {
    "additive": AdditiveTranslator,
    "word values": LuongTranslator,
    "transformer": TransformerTranslator,
}


class PretrainedError(RuntimeError):
    """A shipped model is missing, damaged or does not fit the data; the message says what to do."""


def model_path(name: str, folder: Path = PRETRAINED) -> Path:
    """Return where the model of this name is stored."""
    return folder / f"{name.replace(' ', '_')}.pt"


def load_pretrained(
    name: str = "additive", folder: Path = PRETRAINED
) -> tuple[AdditiveTranslator | LuongTranslator | TransformerTranslator, corpus.Corpus]:
    """Return a trained model, ready to translate, and the corpus that it was trained on.

    Raises PretrainedError where the file is missing, damaged or made for other data.
    """
    path = model_path(name, folder)
    remedy = "Take the file from git again, or train it anew with `python -m helpers models`."
    if name not in CLASSES or not path.is_file():
        raise PretrainedError(f"there is no model {path}; there are {sorted(CLASSES)}. {remedy}")
    if _checksum(path) != _read_checksums(folder).get(path.name):
        raise PretrainedError(
            f"{path} is damaged: its checksum is not the one in {folder / CHECKSUMS}. {remedy}"
        )
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        level, settings = saved["level"], saved["settings"]
        state = {key: value.float() for key, value in saved["state"].items()}
    except KeyError as error:
        raise PretrainedError(f"{path} lacks {error}. {remedy}") from error
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise PretrainedError(f"{path} is damaged ({error}). {remedy}") from error
    try:
        data = corpus.load_corpus(level)
    except corpus.CorpusError as error:
        raise PretrainedError(f"{path} needs data that is not there: {error}") from error
    sizes = len(data.source_vocabulary), len(data.target_vocabulary)
    try:
        model = CLASSES[name](*sizes, **settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PretrainedError(
            f"{path} has settings that {CLASSES[name].__name__} does not take ({error}). {remedy}"
        ) from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise PretrainedError(
            f"{path} was made for other data than data/en-fr/{level} holds now. {remedy}"
        ) from error
    return model.to(DEVICE).eval(), data


def save_pretrained(
    model: nn.Module, name: str, level: str, settings: dict[str, Any], folder: Path = PRETRAINED
) -> Path:
    """Store a trained model in half precision, and its checksum; return the path."""
    state = {key: value.detach().cpu().half() for key, value in model.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = model_path(name, folder)
    torch.save({"level": level, "settings": settings, "state": state}, path)
    write_checksum(path)
    return path


def write_checksum(path: Path) -> None:
    """Put the checksum of a model's file into the list beside it."""
    checksums = _read_checksums(path.parent) | {path.name: _checksum(path)}
    lines = [f"{checksum}  {name}\n" for name, checksum in sorted(checksums.items())]
    (path.parent / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_checksums(folder: Path) -> dict[str, str]:
    """Return the checksums by the files' names; none if there is no list."""
    listed = folder / CHECKSUMS
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    return {name: checksum for checksum, _, name in (line.partition("  ") for line in lines)}
