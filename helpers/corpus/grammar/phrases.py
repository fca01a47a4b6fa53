"""The pieces of both languages at once: words with links, noun phrases, verb phrases, spelling.

An English word is an object; a French word remembers the English words it renders, each surely or
possibly. The two sides are ordered freely and the links come out right whatever the order.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from helpers.corpus.grammar.lexicon import Adjective, Noun, Verb

ASPIRATED = {"hibou", "hiboux", "haricot", "haricots"}
ELIDED = {"le", "la", "je", "me", "te", "se", "ne", "de", "que"}
CONTRACTED = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au", ("à", "les"): "aux"}
EUPHONIC = {
    "ce": "cet", "ma": "mon", "ta": "ton", "sa": "son",
    "beau": "bel", "nouveau": "nouvel", "vieux": "vieil",
}  # fmt: skip
POSSESSIVES = {
    "my": ("mon", "ma", "mes"), "your": ("ton", "ta", "tes"), "his": ("son", "sa", "ses"),
    "her": ("son", "sa", "ses"), "our": ("notre", "notre", "nos"),
    "their": ("leur", "leur", "leurs"),
}  # fmt: skip
BE = {
    "present": (("suis", "es", "est", "sommes", "sont"), ("am", "are", "is", "are", "are")),
    "past": (
        ("étais", "étais", "était", "étions", "étaient"),
        ("was", "were", "was", "were", "were"),
    ),
}
HAVE = ("ai", "as", "a", "avons", "ont")


class Reject(Exception):
    """This attempt at a sentence came to a dead end; the caller tries another."""


Option = TypeVar("Option")


class Dice:
    """Choices made from `random.random()` alone, which is the same on every Python version."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def pick(self, options: Sequence[Option]) -> Option:
        if not options:
            raise Reject
        return options[int(self.random() * len(options))]

    def weighted(self, options: Mapping[Option, float]) -> Option:
        """Return a key of `options`, drawn with the weight that is its value."""
        point = self.random() * sum(options.values())
        for option, weight in options.items():
            point -= weight
            if point < 0:
                return option
        return list(options)[-1]  # where rounding left a little of the last one


class En:
    """An English word; identity matters, not equality."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Fr:
    """A French word, its links (English word -> surely?) and what spelling may do to it.

    kind: "article" contracts with de and à, "euphonic" changes before a vowel, "" does neither.
    """

    __slots__ = ("kind", "links", "text")

    def __init__(self, text: str, links: dict[En, bool], kind: str = "") -> None:
        self.text, self.links, self.kind = text, links, kind


@dataclass
class Phrase:
    """English words and French words, each in its own order."""

    en: list[En] = field(default_factory=list)
    fr: list[Fr] = field(default_factory=list)

    def __add__(self, other: Phrase) -> Phrase:
        return Phrase(self.en + other.en, self.fr + other.fr)


def word(english: str, french: str, kind: str = "") -> Phrase:
    """Return English words and French words in which every one is linked surely to every other."""
    en = [En(text) for text in english.split()]
    return Phrase(en, [Fr(text, dict.fromkeys(en, True), kind) for text in french.split()])


@dataclass
class Entity:
    """What a noun phrase stands for, as far as later words depend on it."""

    gender: str
    plural: bool
    pronoun: str | None  # the English pronoun for it; None where English leaves the gender open
    tags: frozenset[str]
    person: int = 3
    noun: str = ""
    adjectives: list[Adjective] = field(default_factory=list)

    @property
    def form(self) -> int:
        """Index into masculine and feminine singular, masculine and feminine plural."""
        return 2 * self.plural + (self.gender == "f")

    @property
    def row(self) -> int:
        """Index into je tu il nous ils."""
        return {1: 3, 2: 4, 3: 4}[self.person] if self.plural else self.person - 1


def starts_with_vowel(text: str) -> bool:
    """Tell whether French elides before this word."""
    first = unicodedata.normalize("NFD", text)[0]
    return first in "aeiouyœ" or (first == "h" and text not in ASPIRATED)


def agree(participle: str, entity: Entity) -> str:
    """Return a past participle in the gender and number of `entity`."""
    plural = (
        "s" if entity.plural and not (participle.endswith("s") and entity.gender == "m") else ""
    )
    return participle + ("e" if entity.gender == "f" else "") + plural


def noun_phrase(
    noun: Noun,
    entity: Entity,
    determiner: str,
    *,
    negated: bool = False,
    owner: Phrase | None = None,
) -> Phrase:
    """Build a noun phrase with the adjectives of `entity`.

    determiner: an English determiner, or "bare" (some of it), "generic" (all of it; French puts the
    definite article), "genitive" (with `owner`, a phrase). negated: the object of a negated verb,
    where un, une, du and des become de.
    """
    head = En(noun.en[entity.plural])
    adjectives = [(a, En(a.en)) for a in entity.adjectives]
    before = [
        Fr(a.fr[entity.form], {en: True}, "euphonic" if entity.form == 0 else "")
        for a, en in adjectives
        if a.before
    ]
    after = [Fr(a.fr[entity.form], {en: True}) for a, en in adjectives if not a.before]
    body = [*before, Fr(noun.fr[entity.plural], {head: True}), *after]
    english = [en for _, en in adjectives] + [head]
    definite = ("le", "la", "les", "les")[entity.form]
    if owner is not None:
        tick = En("'s")
        article = Fr(definite, {head: False}, "article")
        of = Fr("de", {tick: True})
        return Phrase([*owner.en, tick, *english], [article, *body, of, *owner.fr])
    if determiner in ("bare", "generic"):
        link, english_determiner = {head: False}, []
    else:
        vowel = english[0].text[0] in "aeiou"
        en = En(("an" if vowel else "a") if determiner == "a" else determiner)
        link, english_determiner = {en: True}, [en]
    french = _determiner(determiner, entity, definite, negated, bool(before), link)
    return Phrase(english_determiner + english, french + body)


def _determiner(
    determiner: str,
    entity: Entity,
    definite: str,
    negated: bool,
    adjective_first: bool,
    link: dict[En, bool],
) -> list[Fr]:
    """Return the French determiner for an English one, by gender, number and what follows."""
    if determiner in ("the", "generic"):
        return [Fr(definite, dict(link), "article")]
    if determiner in POSSESSIVES:
        forms = POSSESSIVES[determiner]
        text = forms[2] if entity.plural else forms[entity.gender == "f"]
        return [Fr(text, dict(link), "euphonic")]
    if determiner in ("this", "these"):
        text = ("ce", "cette", "ces", "ces")[entity.form]
        return [Fr(text, dict(link), "euphonic")]
    if determiner in ("two", "three"):
        return [Fr({"two": "deux", "three": "trois"}[determiner], dict(link))]
    if determiner == "many":
        return [Fr("beaucoup", dict(link)), Fr("de", dict(link))]
    if negated:
        return [Fr("de", dict(link))]
    if determiner == "a":
        return [Fr(("un", "une")[entity.gender == "f"], dict(link))]
    # "some" or no determiner: an indefinite plural, or a part of a mass.
    if entity.plural:
        return [Fr("de" if adjective_first else "des", dict(link))]
    return [Fr("de", dict(link)), Fr(definite, dict(link), "article")]


def be_phrase(
    subject: Entity, tense: str, predicate: Phrase, negation: str | None = None
) -> Phrase:
    """Return to be with a predicate; negation is None, "not" or "never"."""
    french, english = BE[tense]
    verb = En(english[subject.row])
    core = [Fr(french[subject.row], {verb: True})]
    if negation is None:
        return Phrase([verb, *predicate.en], core + predicate.fr)
    no = En(negation)
    core = [
        Fr("ne", {no: True}),
        *core,
        Fr({"not": "pas", "never": "jamais"}[negation], {no: True}),
    ]
    return Phrase([verb, no, *predicate.en], core + predicate.fr)


@dataclass
class Clitic:
    """An object pronoun: its English words and its French form, a direct or an indirect object."""

    phrase: Phrase
    direct: Entity | None

    @property
    def rank(self) -> int:
        """French order: me te nous, then le la les, then lui leur."""
        text = self.phrase.fr[0].text
        return 0 if text in ("me", "te", "nous") else 1 if text in ("le", "la", "les") else 2


def verb_phrase(
    verb: Verb,
    subject: Entity,
    tense: str,
    objects: Sequence[Phrase | Clitic] = (),
    negation: str | None = None,
    adverb: tuple[str, str] | None = None,
    agreement: Entity | None = None,
    question: bool = False,
) -> Phrase:
    """Return the verb with its objects in English order.

    negation: None, "not" or "never". adverb: an English and a French word, before the English verb
    and after the French finite one. agreement: the direct object that comes before a relative
    clause's verb (a clitic is found by itself). An auxiliary do, does or did is the first English
    word where there is one.
    """
    third = subject.person == 3 and not subject.plural
    use_do = question or negation == "not"
    if use_do:
        form = verb.en[0]
    elif tense == "past":
        form = verb.en[2]
    else:
        form = verb.en[1 if third else 0]
    if form == "-":
        raise Reject
    main = En(form)
    before, english, support = [], [main], {}
    inner: list[Fr] = []
    opening: list[Fr] = []
    if adverb:
        en = En(adverb[0])
        english.insert(0, en)
        inner.append(Fr(adverb[1], {en: True}))
    if use_do:
        auxiliary = En("did" if tense == "past" else "does" if third else "do")
        before, support = [auxiliary], {auxiliary: False}
    if negation:
        no = En(negation)
        english.insert(0, no)
        opening = [Fr("ne", {no: True, **support})]
        inner.insert(0, Fr({"not": "pas", "never": "jamais"}[negation], {no: True}))
    links = {main: True}
    if verb.particle:
        particle = En(verb.particle)
        english.append(particle)
        links[particle] = True
    clitics = sorted((o for o in objects if isinstance(o, Clitic)), key=lambda c: c.rank)
    for clitic in clitics:
        agreement = clitic.direct or agreement
        opening += clitic.phrase.fr
    for thing in objects:
        english += thing.phrase.en if isinstance(thing, Clitic) else thing.en
    rest = [fr for o in objects if not isinstance(o, Clitic) for fr in o.fr]
    if tense == "present":
        finite = [Fr(verb.present[subject.row], links)]
        return Phrase(before + english, opening + finite + inner + rest)
    if verb.auxiliary == "être":
        helper, form = BE["present"][0][subject.row], agree(verb.participle, subject)
    else:
        helper = HAVE[subject.row]
        form = agree(verb.participle, agreement) if agreement else verb.participle
    finite = [Fr(helper, {main: False, **support})]
    return Phrase(before + english, opening + finite + inner + [Fr(form, links)] + rest)


def spell(words: Sequence[Fr]) -> tuple[list[Fr], set[str]]:
    """Contract, change before vowels and elide; return the words and the tags of what happened."""
    tags, merged = set(), []
    index = 0
    while index < len(words):
        here = words[index]
        pair = words[index + 1] if index + 1 < len(words) else None
        key = (here.text, pair.text) if pair and pair.kind == "article" else None
        # de l'homme, à l'école: before a vowel the article is elided and nothing contracts.
        elided = key and key[1] == "le" and starts_with_vowel(words[index + 2].text)
        if pair and key in CONTRACTED and not elided:
            links = dict(here.links)
            for en, sure in pair.links.items():
                links[en] = sure or links.get(en, False)
            merged.append(Fr(CONTRACTED[key], links))
            tags.add("contraction")
            index += 2
            continue
        merged.append(here)
        index += 1
    for here, after in pairwise(merged):
        if not starts_with_vowel(after.text):
            continue
        if here.kind == "euphonic" and here.text in EUPHONIC:
            here.text = EUPHONIC[here.text]
            tags.add("euphony")
        elif here.text in ELIDED:
            here.text = here.text[:-1] + "'"
            tags.add("elision")
    return merged, tags
