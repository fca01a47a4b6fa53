"""The words of the grammar: nouns, adjectives and verbs with their forms and what goes with what.

They stand in data/en-fr/words, whose files explain their columns. Tags are selectional classes: a
verb names the tags of its subjects, objects and places, an adjective the tags of the nouns it fits,
so that bread is eaten and never intelligent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from helpers.settings import DATA

# Professions said of women; the others (médecin, professeur, artiste) do not change.
FEMININE = {
    "student": ("étudiante", "étudiantes"),
    "farmer": ("fermière", "fermières"),
    "singer": ("chanteuse", "chanteuses"),
    "lawyer": ("avocate", "avocates"),
}

# (adjective, noun) pairs that occur together only in test_unseen.
_LITE_PAIRS = (
    "red flower, old friend, small horse, white house, new school, beautiful bird, good cake, "
    "young cow, big car, tired woman, happy brother, intelligent girl"
)
_FULL_PAIRS = (
    f"{_LITE_PAIRS}, black dress, blue door, green hat, expensive clock, long street, "
    "interesting newspaper, famous actress, sad woman, dirty coat, pretty village, hot soup, "
    "bad juice, kind uncle"
)
HELD_OUT = {
    level: [tuple(pair.split()) for pair in text.split(", ")]
    for level, text in (("lite", _LITE_PAIRS), ("full", _FULL_PAIRS))
}


@dataclass(frozen=True)
class Noun:
    """An English noun with its French forms; `en[1]` is "-" for a mass noun."""

    en: tuple[str, str]
    fr: tuple[str, str]
    gender: str
    tags: frozenset[str]


@dataclass(frozen=True)
class Adjective:
    """`fr` holds masculine and feminine singular, then masculine and feminine plural."""

    en: str
    fr: tuple[str, str, str, str]
    before: bool
    group: str
    value: int
    attributive: tuple[frozenset[str], ...]
    predicative: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Frame:
    """Which nouns a verb takes: alternatives of tags, each a set that must all be there."""

    subject: tuple[frozenset[str], ...]
    object: tuple[frozenset[str], ...]
    place: tuple[frozenset[str], ...]
    receiver: bool


@dataclass(frozen=True)
class Verb:
    """English base, third person and past; French present (je tu il nous ils) and participle."""

    en: tuple[str, str, str]
    particle: str
    present: tuple[str, ...]
    participle: str
    auxiliary: str
    frames: tuple[Frame, ...]
    flags: frozenset[str]


@dataclass(frozen=True)
class Lexicon:
    """The words of one level."""

    nouns: tuple[Noun, ...]
    adjectives: tuple[Adjective, ...]
    verbs: tuple[Verb, ...]


def _alternatives(words: list[str]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(word.split(":")) for word in words if word != "-")


@cache
def fits(alternatives: tuple[frozenset[str], ...], tags: frozenset[str]) -> bool:
    """Tell whether `tags` has all tags of one of the alternatives."""
    return any(alternative <= tags for alternative in alternatives)


def _noun(row: list[str]) -> Noun:
    singular, plural, fr_singular, fr_plural, gender, *tags = row
    extra = {singular} | ({"count"} if plural != "-" else set())
    return Noun((singular, plural), (fr_singular, fr_plural), gender, frozenset(tags) | extra)


def _adjective(row: list[str]) -> Adjective:
    bar = row.index("|")
    en, *forms, place, group, sign = row[:8]
    man, woman, men, women = forms
    attributive, predicative = _alternatives(row[8:bar]), _alternatives(row[bar + 1 :])
    return Adjective(
        en, (man, woman, men, women), place == "pre", group, {"+": 1, "-": -1, "=": 0}[sign],
        attributive, predicative,
    )  # fmt: skip


def _verb(line: str) -> Verb:
    head, rest = line.split(" : ")
    frames_text, _, flags = rest.partition(" | ")
    base, third, past, particle, *present, participle, auxiliary = head.split()
    frames = []
    for text in frames_text.split(" ; "):
        subject, object_and_place = text.split(" > ")
        objects, place = object_and_place.split(" @ ")
        words = objects.split()
        frames.append(
            Frame(
                _alternatives(subject.split()),
                _alternatives([word for word in words if word != "to"]),
                _alternatives(place.split()),
                "to" in words,
            )
        )
    return Verb(
        (base, third, past), particle.strip("-"), tuple(present), participle, auxiliary,
        tuple(frames), frozenset(flags.split()),
    )  # fmt: skip


@cache
def lexicon(level: str) -> Lexicon:
    """Return the words of "lite" or "full". Raises ValueError for another level."""
    if level not in HELD_OUT:
        raise ValueError(f"level {level!r}: expected one of {sorted(HELD_OUT)}")

    def rows(table: str) -> list[str]:
        text = (DATA / "en-fr" / "words" / f"{table}.txt").read_text(encoding="utf-8")
        lines = [line for line in text.split("\n") if line and line[0] != "#"]
        return [line.removeprefix("* ") for line in lines if level == "full" or line[0] == "*"]

    adjectives = []
    for line in rows("adjectives"):
        row = line.split()
        if "|" not in row:
            row += ["|", *row[8:]]
        adjectives.append(_adjective(row))
    return Lexicon(
        tuple(_noun(row.split()) for row in rows("nouns")),
        tuple(adjectives),
        tuple(_verb(row) for row in rows("verbs")),
    )


@cache
def nouns_that_fit(
    level: str, alternatives: tuple[frozenset[str], ...], needed: frozenset[str]
) -> tuple[Noun, ...]:
    """Return the nouns of a level with all `needed` tags that fit one of the alternatives."""
    nouns = lexicon(level).nouns
    return tuple(n for n in nouns if needed <= n.tags and fits(alternatives, n.tags))


@cache
def verbs_that_fit(level: str, subject: frozenset[str]) -> tuple[Verb, ...]:
    """Return the verbs of a level that a subject with these tags can have."""
    return tuple(
        verb
        for verb in lexicon(level).verbs
        if any(fits(frame.subject, subject) for frame in verb.frames)
    )


@cache
def adjectives_that_fit(level: str, tags: frozenset[str], said_of: bool) -> tuple[Adjective, ...]:
    """Return the adjectives for a noun with these tags, beside it or (said_of) after to be."""
    return tuple(
        a
        for a in lexicon(level).adjectives
        if fits(a.predicative if said_of else a.attributive, tags)
    )
