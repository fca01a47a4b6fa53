"""The shipped translators as scripts: what the page needs to translate by itself.

A script and not a file of bytes, because a page that was opened from a file may load scripts but
must not fetch anything else.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from helpers.authoring.pretraining import PRETRAINING
from helpers.explorer import Walk
from helpers.explorer.walk import CELLS
from helpers.figures.diagrams.attention import additive_step
from helpers.models import load_pretrained, model_path

# The models that a reader can choose from, by name, and what they are called in the page.
LABELS = {
    "additive": "GRU with additive attention (04)",
    "word values": "GRU whose values are words without context (06)",
    "transformer": "Transformer with two blocks a side (12)",
}
LONGEST_WALK = 16  # source words: a wider diagram is too small to be read


def weights_script(name: str) -> str:
    """Return the script that hands the model of this name over to `AttentionBook.store`.

    The numbers are those of its file, in half precision, one tensor behind the other in the order
    of their names. The additive model brings its walk along.
    """
    model, data = load_pretrained(name)
    tensors = {key: value.detach().cpu().half() for key, value in model.state_dict().items()}
    numbers = b"".join(tensor.numpy().astype("<f2").tobytes() for tensor in tensors.values())
    file = {
        "source": data.source_vocabulary.words,
        "target": data.target_vocabulary.words,
        "settings": PRETRAINING[name][1],
        "shapes": {key: list(tensor.shape) for key, tensor in tensors.items()},
        "walks": walks() if name == "additive" else {},
        "data": base64.b64encode(numbers).decode(),
    }
    text = json.dumps(file, ensure_ascii=False, separators=(",", ":"))
    return f"AttentionBook.store({json.dumps(name)}, {text});\n"


def walks() -> dict[int, dict[str, Any]]:
    """Return the walk through one step of the decoder by the number of source words.

    The words stand as their numbers, and the moments are missing: the page fills both in. "first"
    is how many numbers of a vector the page gives to a box.
    """
    return {
        size: Walk(additive_step([str(i + 1) for i in range(size)])).state | {"first": CELLS}
        for size in range(2, LONGEST_WALK + 1)
    }


def choices() -> dict[str, dict[str, str]]:
    """Return for each translator the "file" of its script and its "label", by its name."""
    return {
        name: {"file": f"{model_path(name).stem}.js", "label": label}
        for name, label in LABELS.items()
    }
