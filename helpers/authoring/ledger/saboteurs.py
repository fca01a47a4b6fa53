"""Saboteurs: changes of the course under which its claims must fail, because else they say nothing.

A saboteur changes the course's own functions in a notebook's kernel, before the notebook imports
them, and names the claims that it has to break. A live claim that no saboteur breaks shows what
happens, and proves nothing: the ledger lists it as a demonstration, and `DEMONSTRATIONS` says why.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType
from typing import NamedTuple

from helpers.authoring.ledger.changes import learning, looking, measuring, reading, replacing


class Saboteur(NamedTuple):
    """A change of the course in this process, and the ids of the claims that it has to break.

    brief: notebooks, by number, whose trainings take a tenth of their steps under this saboteur,
    because the claims that it breaks there do not ask what was learnt; and the labels of those
    trainings that take all their steps even so.
    """

    change: Callable[[], None]
    breaks: tuple[str, ...]
    brief: Mapping[str, tuple[str, ...]] = {}


SABOTEURS: dict[str, Saboteur] = {
    # how a query finds its keys
    "weights moved one place on": Saboteur(looking.moved_one_on, ("00.shipped",)),
    "attention fixed to the mean": Saboteur(
        looking.fixed_to_mean,
        (
            "04.overall",
            "04.longest",
            "04.over_control",
            "04.live",
            "04.others",
            "04.unseen",
            "04.perturbed",
            "04.gold_links",
            "04.over_diagonal",
            "05.overall",
            "05.longest",
            "05.bleu",
            "05.live",
            "06.live",
            "06.overall",
            "06.bleu",
            "06.gain",
            "06.longest",
            "06.longer",
            "06.null",
            "06.aer",
            "06.masked",
            "06.second",
            "06.one_hot",
            "06.crossing",
            "06.sharp",
            "07.hit",
            "07.colour",
            "07.shape",
            "07.live",
            "07.twin",
            "07.held_out",
            "07.moved",
            "07.alike",
            "07.two",
            "09.gender",
            "09.pronoun",
            "09.noun",
            "09.looks_back",
            "09.again",
            "09.with",
            "09.longest",
            "09.looks",
            "11.two",
            "11.mlp",
            "11.uneven",
            "11.roles",
        ),
    ),
    "mask ignored": Saboteur(
        looking.mask_ignored,
        ("10.gradient", "10.effect", "10.causal", "13.cache"),
        brief={"13": ()},
    ),
    "nothing seen beyond eight places": Saboteur(looking.only_near, ("09.flat",), brief={"09": ()}),
    "no later word seen": Saboteur(
        looking.only_back,
        ("09.equivariant", "09.without", "09.without_longest", "09.luck"),
        brief={"09": ("no positions",)},
    ),
    "gradient cut at the softmax's sum": Saboteur(
        looking.softmax_sum_without_gradient, ("10.after",)
    ),
    "every score is scaled": Saboteur(
        looking.every_score_scaled, ("05.unscaled", "05.vanished"), brief={"05": ()}
    ),
    "no score is scaled": Saboteur(
        looking.no_score_scaled, ("05.scaled", "05.kept"), brief={"05": ()}
    ),
    "layers add their states": Saboteur(
        partial(looking.outputs_with, 1.0), ("12.alike", "12.lost")
    ),
    "layers take their states away": Saboteur(
        partial(looking.outputs_with, -1.0), ("12.kept", "12.arrives")
    ),
    "the mean may choose": Saboteur(
        looking.mean_may_choose, ("09.mean",), brief={"09": ("the mean",)}
    ),
    "one matrix for keys and values": Saboteur(looking.one_matrix, ("07.apart",), brief={"07": ()}),
    "a read-out with a ReLU": Saboteur(looking.bent_read_out, ("11.one", "11.live")),
    "no head is silenced": Saboteur(looking.no_head_silenced, ("11.silent", "11.deaf")),
    "the temperature is left out": Saboteur(
        partial(replacing.wrong, "nb08.soft_lookup", "no_temperature"), ("08.exact",)
    ),
    "questions are the keys themselves": Saboteur(looking.same_space, ("08.shared",)),
    "the table of scores is not kept": Saboteur(looking.table_not_kept, ("08.square",)),
    "the table of scores is kept": Saboteur(looking.table_kept, ("08.fused",)),
    # positions
    "no positions": Saboteur(looking.no_positions, ("10.positions",)),
    "all positions are alike": Saboteur(
        looking.positions_alike, ("09.placed", "09.far"), brief={"09": ()}
    ),
    "positions drawn at random": Saboteur(looking.positions_drawn, ("09.near",), brief={"09": ()}),
    "keys know their places": Saboteur(looking.placed_keys, ("10.equivariant",)),
    "no mask looks ahead": Saboteur(
        looking.no_mask_looks_ahead, ("10.leak", "10.alone", "10.babble")
    ),
    # what a network keeps
    "a rotation without tanh": Saboteur(
        reading.turned_without_tanh,
        ("01.rnn", "01.inputs", "09.faded"),
        brief={"01": (), "09": ()},
    ),
    "gates keep from the start": Saboteur(
        reading.gates_keep,
        ("01.vanish", "01.plain", "01.live", "03.fresh"),
        brief={"03": ()},
    ),
    "update gates are shut": Saboteur(reading.gates_shut, ("01.kept", "01.keeping", "01.after")),
    "the last state is lost": Saboteur(
        reading.last_state_lost,
        (
            "03.shortest",
            "03.near",
            "03.null",
            "03.loss",
            "03.first",
            "03.valley",
            "03.last",
            "03.newest",
            "03.ends",
            "03.live",
            "03.gradient",
        ),
    ),
    "the last state in place of attention": Saboteur(
        reading.last_state_alone, ("06.shortcut", "06.pooled"), brief={"06": ()}
    ),
    "each word is read from its own state": Saboteur(
        reading.each_from_its_own_state,
        ("03.oldest", "03.middle"),
        brief={"03": ("one way", "both ways")},
    ),
    "the state behind the padding is taken": Saboteur(
        partial(replacing.wrong, "nb02.last_states", "last_column"),
        ("02.padding",),
        brief={"02": ()},
    ),
    "the words before are not read": Saboteur(reading.words_before_unread, ("06.blind_pas",)),
    # how long a model is trained
    "trained on 10 % of the steps": Saboteur(
        learning.few_steps,
        (
            "02.shortest",
            "02.live",
            "10.live",
            "10.bigram",
            "10.trigram",
            "12.exact",
            "12.live",
            "12.aligned",
            "12.crossing",
            "12.longest",
            "13.bleu",
        ),
    ),
    "no training step is taken": Saboteur(learning.no_steps, ("08.learnt",)),
    # what is asked of a model
    "translations copied from the gold": Saboteur(
        measuring.gold_copied,
        ("02.longest", "02.gap", "03.longest", "12.longer"),
        brief={"02": (), "03": ()},
    ),
    "sentences copied from the training set": Saboteur(measuring.training_set_copied, ("10.new",)),
    "temperature upside down": Saboteur(measuring.temperature_upside_down, ("10.cold", "10.hot")),
    "one thing in a picture": Saboteur(
        measuring.one_thing_in_a_picture, ("07.random",), brief={"07": ()}
    ),
    "contents shorter than names": Saboteur(
        measuring.short_contents, ("07.one",), brief={"07": ("raw vector",)}
    ),
    "lines of 64 words in training": Saboteur(
        measuring.lines_of_all_lengths, ("09.beyond",), brief={"09": ("sinusoidal",)}
    ),
    # words
    "exhibits A and B change places": Saboteur(
        measuring.exhibits_exchanged, ("06.seen", "06.unseen")
    ),
    "no word is known": Saboteur(
        measuring.no_word_known, ("13.unknown", "13.gift"), brief={"13": ()}
    ),
    "accents lost in training": Saboteur(
        measuring.accents_lost, ("13.strangers",), brief={"13": ()}
    ),
    "drawn words count once": Saboteur(
        partial(replacing.wrong, "nb13.sampled_loss", "nothing_stands_for"), ("13.sampled",)
    ),
    "hypotheses keep the words of another": Saboteur(
        partial(replacing.wrong, "nb13.beam_search", "words_not_taken_over"), ("13.beam",)
    ),
    "the rarest pairs are merged": Saboteur(
        partial(replacing.wrong, "nb13.learn_merges", "rarest"), ("13.pieces",), brief={"13": ()}
    ),
}


# Live claims for which there is no honest saboteur, with the reason.
DEMONSTRATIONS = {
    "08.pairs": "it counts the multiplications of a fixed computation, and the assert before it in "
    "its cell already stops every layer that makes another number of them",
    "13.copied": "in the course's own corpus no word is unknown, so nothing is copied there; with "
    "Multi30k a copied word stands where <unk> can be no hit, so BLEU can hardly fall",
}


def saboteur_of() -> dict[str, str]:
    """Return the name of the saboteur of each claim that has one, by the claim's id."""
    return {claim: name for name, saboteur in SABOTEURS.items() for claim in saboteur.breaks}


def let_in(name: str, number: str) -> None:
    """Change the course as the saboteur of this name does in the notebook of this number."""
    saboteur = SABOTEURS[name]
    if number in saboteur.brief:
        learning.few_steps(saboteur.brief[number])
    saboteur.change()


def code_of(name: str, number: str) -> str:
    """Return all that a saboteur's runs of a notebook depend on, besides the course, as text."""
    saboteur = SABOTEURS[name]
    change, given = saboteur.change, ""
    if isinstance(change, partial):
        change, given = change.func, repr((change.args, change.keywords))
    broken = sorted(claim for claim in saboteur.breaks if claim.startswith(number))
    parts = [given, repr(broken)]
    if number in saboteur.brief:
        parts += [repr(saboteur.brief[number]), *_sources(learning.few_steps)]
    return "\0".join([*parts, *_sources(change)])


def _sources(function: Callable[..., object]) -> Iterator[str]:
    """Yield the source of a change, and of the functions of its module that it names."""
    found: dict[str, FunctionType] = {}
    left = [function]
    while left:
        here = left.pop()
        if isinstance(here, FunctionType) and here.__qualname__ not in found:
            found[here.__qualname__] = here
            named = (here.__globals__.get(name) for name in _names(here.__code__))
            left += [one for one in named if getattr(one, "__module__", "") == here.__module__]
    for name in sorted(found):
        yield inspect.getsource(found[name])


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
