"""Saboteurs: changes of the course under which its claims must fail, because else they say nothing.

A saboteur changes the course's own functions in a notebook's kernel, before the notebook imports
them, and names the claims that it has to break. A live claim that no saboteur breaks shows what
happens, and proves nothing: the ledger lists it as a demonstration.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers import attention, decoding, training
from helpers.exercises import REGISTRY
from helpers.models import AttentionLayer, positions
from helpers.tasks import two_lookups

Weights = Callable[[Tensor, Tensor | None], Tensor]
_masked_softmax = attention.masked_softmax


class Saboteur(NamedTuple):
    """A change of the course in this process, and the ids of the claims that it has to break."""

    change: Callable[[], None]
    breaks: tuple[str, ...]


def _replace(old: Any, new: Any) -> None:
    """Put `new` in the place of `old` wherever another module of the course holds it."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "helpers" and name != __name__:
            for key, value in list(vars(module).items()):
                if value is old:
                    setattr(module, key, new)


def _weights_from(weights: Weights) -> None:
    """Let every look take its weights from `weights(scores, mask)`."""

    def fused(
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None = None,
        scale: bool = True,
        causal: bool = False,
    ) -> Tensor:
        seen = attention.causal_mask(queries.shape[-2], device=queries.device) if causal else mask
        score = attention.scaled_dot if scale else attention.dot
        return attention.attend(queries, keys, values, seen, score)[0]

    _replace(attention.fused_attend, fused)
    _replace(_masked_softmax, weights)


def _give(exercise: str, answer: Any) -> None:
    """Let the check of an exercise hand back `answer`, whatever it is given."""
    REGISTRY[exercise].check = lambda function: answer  # type: ignore[method-assign]


def _wrong(exercise: str, name: str) -> None:
    """Let a known wrong answer take the place of the course's own."""
    found = next(wrong for wrong in REGISTRY[exercise].wrong_answers if wrong.name == name)
    _give(exercise, found.function)


def _few_steps() -> None:
    fit = training.fit

    def briefly(
        model: Any, batches: Any, steps: int | None = None, *arguments: Any, **options: Any
    ) -> training.History:
        if options.get("cpu_seconds"):
            options["cpu_seconds"] /= 10
        steps = None if steps is None else max(1, steps // 10)
        return fit(model, batches, steps, *arguments, **options)

    _replace(fit, briefly)


def _no_steps() -> None:
    torch.optim.Adam.step = lambda self, closure=None: None  # type: ignore[method-assign]


def _same_space() -> None:
    torch.linalg.qr = lambda matrix: (torch.eye(len(matrix)), matrix)


def _outputs_with(own: float) -> None:
    """Let a layer's outputs hold `own` times the states that ask."""
    look = AttentionLayer.look

    def changed(self: AttentionLayer, queries: Tensor, *arguments: Any, **options: Any) -> Any:
        outputs, weights = look(self, queries, *arguments, **options)
        return outputs + own * queries, weights

    AttentionLayer.look = changed  # type: ignore[method-assign]


def _placed_keys() -> None:
    """Let a layer's keys know their places."""
    project = AttentionLayer.project

    def placed(self: AttentionLayer, keys: Tensor, values: Tensor | None = None) -> Any:
        places = positions.sinusoidal_positions(keys.shape[1], keys.shape[2]).to(keys)
        return project(self, keys + places, keys if values is None else values)

    AttentionLayer.project = placed  # type: ignore[method-assign]


def _bent_read_out() -> None:
    make = two_lookups.TwoLookUps.__init__

    def bent(self: Any, heads: int = 1, read_out: str = "mlp", **options: Any) -> None:
        make(self, heads, "mlp", **options)

    two_lookups.TwoLookUps.__init__ = bent  # type: ignore[method-assign]


def _gold() -> None:
    def copied(model: Any, pairs: Any, *_: Any, **__: Any) -> list[decoding.Translation]:
        return [
            decoding.Translation([*pair.source], [*pair.target, "<end>"], None) for pair in pairs
        ]

    _replace(decoding.translate_all, copied)


def _samples(change: Callable[..., dict[str, Any]]) -> None:
    """Change what sentences are drawn with: change(temperature) -> other options."""
    sample = decoding.sample_sentences

    def changed(
        model: Any, count: int, temperature: float = 1.0, *rest: Any, **options: Any
    ) -> Any:
        options |= change(temperature)
        return sample(model, count, options.pop("temperature", temperature), *rest, **options)

    _replace(sample, changed)


def _copied_sentences() -> None:
    from helpers import corpus

    def copied(model: Any, count: int, *_: Any, **__: Any) -> list[list[int]]:
        data = corpus.load_corpus("lite")
        return [data.target_vocabulary.encode(pair.target) for pair in data.train[:count]]

    _replace(decoding.sample_sentences, copied)


def _no_mask_looks_ahead() -> None:
    tril = torch.Tensor.tril
    torch.Tensor.tril = lambda self, diagonal=0: tril(self, min(diagonal, 0))  # type: ignore


SABOTEURS: dict[str, Saboteur] = {
    "weights moved one place on": Saboteur(
        lambda: _weights_from(lambda scores, mask: _masked_softmax(scores, mask).roll(1, -1)),
        ("00.shipped",),
    ),
    "attention fixed to the mean": Saboteur(
        lambda: _weights_from(lambda scores, mask: _masked_softmax(0 * scores, mask)),
        ("11.two", "11.mlp", "11.uneven", "11.roles"),
    ),
    "mask ignored": Saboteur(
        lambda: _weights_from(lambda scores, mask: _masked_softmax(scores)),
        ("10.gradient", "10.effect", "10.causal"),
    ),
    "no positions": Saboteur(
        lambda: _replace(
            positions.sinusoidal_positions, lambda length, width: torch.zeros(length, width)
        ),
        ("10.positions",),
    ),
    "keys know their places": Saboteur(_placed_keys, ("10.equivariant",)),
    "trained on 10 % of the steps": Saboteur(
        _few_steps,
        (
            "10.live",
            "10.bigram",
            "10.trigram",
            "12.exact",
            "12.live",
            "12.aligned",
            "12.crossing",
            "12.longest",
        ),
    ),
    "no training step is taken": Saboteur(_no_steps, ("08.learnt",)),
    "the temperature is left out": Saboteur(
        lambda: _wrong("nb08.soft_lookup", "no_temperature"), ("08.exact",)
    ),
    "questions are the keys themselves": Saboteur(_same_space, ("08.shared",)),
    "the table of scores is not kept": Saboteur(
        lambda: _give(
            "nb08.attention_outputs",
            lambda q, k, v: (F.scaled_dot_product_attention(q[None], k[None], v[None])[0], None),
        ),
        ("08.square",),
    ),
    "the table of scores is kept": Saboteur(
        lambda: setattr(
            F,
            "scaled_dot_product_attention",
            lambda q, k, v, **_: torch.softmax(attention.scaled_dot(q, k), dim=-1) @ v,
        ),
        ("08.fused",),
    ),
    "temperature upside down": Saboteur(
        lambda: _samples(lambda temperature: {"temperature": 1 / temperature}),
        ("10.cold", "10.hot"),
    ),
    "sentences copied from the training set": Saboteur(_copied_sentences, ("10.new",)),
    "no mask looks ahead": Saboteur(_no_mask_looks_ahead, ("10.leak", "10.alone", "10.babble")),
    "a read-out with a ReLU": Saboteur(_bent_read_out, ("11.one", "11.live")),
    "no head is silenced": Saboteur(
        lambda: _replace(two_lookups.silence, lambda model, head: copy.deepcopy(model)),
        ("11.silent", "11.deaf"),
    ),
    "layers add their states": Saboteur(lambda: _outputs_with(1.0), ("12.alike", "12.lost")),
    "layers take their states away": Saboteur(
        lambda: _outputs_with(-1.0), ("12.kept", "12.arrives")
    ),
    "translations copied from the gold": Saboteur(_gold, ("12.longer",)),
}


def saboteur_of() -> dict[str, str]:
    """Return the name of the saboteur of each claim that has one, by the claim's id."""
    return {claim: name for name, saboteur in SABOTEURS.items() for claim in saboteur.breaks}
