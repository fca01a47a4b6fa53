"""A judge of French sentences in the words of the lite corpus: it names faults of spelling,
agreement and order, and knows nothing of meaning.

Its rules are about neighbours and noun groups: elision and contraction; a determiner with its noun
and adjectives; a subject and the verb behind it; 'ne' and 'pas'; an auxiliary and its participle;
the final mark. A sentence without a fault here may still be wrong. Every sentence of the lite
corpus passes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from helpers.corpus.grammar.lexicon import FEMININE, lexicon

ALL = frozenset(("ms", "fs", "mp", "fp"))  # gender and number
_ONE, _MANY = frozenset(("ms", "fs")), frozenset(("mp", "fp"))
# What may stand before a noun and nowhere else.
DETERMINERS = {
    **dict.fromkeys(("un", "ce", "cet", "au", "du"), frozenset(("ms",))),
    **dict.fromkeys(("une", "cette", "ma", "ta", "sa"), frozenset(("fs",))),
    **dict.fromkeys(("mon", "ton", "son", "notre", "chaque"), _ONE),
    **dict.fromkeys(("des", "ces", "mes", "tes", "ses", "nos", "leurs", "deux", "aux"), _MANY),
}
# These may stand before a verb too, as pronouns.
ARTICLES = {"le": frozenset(("ms",)), "la": frozenset(("fs",)), "l'": _ONE, "les": _MANY}
ARTICLES["leur"] = _ONE
_PRONOUNS = {"je": "1s", "j'": "1s", "il": "3s", "elle": "3s", "ils": "3p", "elles": "3p"}
_CLITICS = {"ne", "n'", "le", "la", "l'", "les", "lui", "leur", "me", "m'"}
_ADVERBS = {"pas", "souvent", "très"}
_BE = {"suis": "1s", "est": "3s", "sont": "3p", "étais": "1s", "était": "3s", "étaient": "3p"}
_HAVE = {"ai": "1s", "a": "3s", "ont": "3p"}
_ELIDED = {"le", "la", "je", "me", "ne", "de", "que"}
# Something must follow these.
_OPEN = {"de", "d'", "à", "dans", "avec", "pour", "près", "parce", "que", "qu'", "qui", "et", "ou"}
_OPEN |= {"mais", "très", "ne", "n'"}
_NOT_JOINED = {("de", "le"), ("de", "les"), ("à", "le"), ("à", "les")}


class _Words(NamedTuple):
    nouns: dict[str, frozenset[str]]  # form -> genders and numbers
    adjectives: dict[str, frozenset[str]]
    verbs: dict[str, frozenset[str]]  # finite form -> persons "1s", "3s", "3p"
    participles: frozenset[str]


@cache
def _words() -> _Words:
    nouns: dict[str, set[str]] = {}
    adjectives: dict[str, set[str]] = {}
    verbs: dict[str, set[str]] = {}
    participles: set[str] = set()
    words = lexicon("lite")
    for noun in words.nouns:
        forms = [(noun.fr, noun.gender)]
        forms += [(FEMININE[noun.en[0]], "f")] if noun.en[0] in FEMININE else []
        for pair, gender in forms:
            for form, number in zip(pair, "sp", strict=True):
                nouns.setdefault(form, set()).add(gender + number)
    nouns["jour"] = {"ms"}  # in 'chaque jour' alone, so it is no noun of the lexicon
    for adjective in words.adjectives:
        for form, kind in zip(adjective.fr, ("ms", "fs", "mp", "fp"), strict=True):
            adjectives.setdefault(form, set()).add(kind)
    for form in ("vieil", "nouvel", "bel"):
        adjectives[form] = {"ms"}
    for verb in words.verbs:
        for form, person in zip(verb.present, ("1s", "2s", "3s", "1p", "3p"), strict=True):
            verbs.setdefault(form, set()).add(person)
        participles |= {verb.participle + ending for ending in ("", "e", "s", "es")}
    for form, person in (_BE | _HAVE).items():
        verbs.setdefault(form, set()).add(person)
    return _Words(_frozen(nouns), _frozen(adjectives), _frozen(verbs), frozenset(participles))


def _frozen(table: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {form: frozenset(kinds) for form, kinds in table.items()}


def faults(sentence: Sequence[str]) -> list[str]:
    """Return what is wrong with a sentence of the lite corpus' French words, [] if nothing.

    sentence: words and marks, without <start> and <end>.
    """
    words = list(sentence)
    if not words:
        return ["no word"]
    found = [] if words.count(".") == 1 and words[-1] == "." else ["the final mark"]
    if not any(word in _words().verbs for word in words):
        found.append("no verb")
    for here, after in pairwise(words):
        if here in _OPEN and after == ".":
            found.append(f"nothing behind: {here}")
    found += _spelling(words)
    found += _noun_groups(words)
    found += _verbs(words)
    return found


def _spelling(words: list[str]) -> list[str]:
    found = []
    for here, after in pairwise(words):
        vowel = unicodedata.normalize("NFD", after)[0] in "aeiouœh"  # every h is silent here
        kinds = _words().nouns.get(after, frozenset())
        if here in _ELIDED and vowel:
            found.append(f"no elision: {here} {after}")
        elif here.endswith("'") and not vowel:
            found.append(f"elision before a consonant: {here} {after}")
        elif (here, after) in _NOT_JOINED:
            found.append(f"no contraction: {here} {after}")
        elif here in ("ma", "ta", "sa", "ce", "du", "au") and vowel:
            found.append(f"no change before a vowel: {here} {after}")
        elif here in ("cet", "vieil", "nouvel", "bel") and not vowel:
            found.append(f"change before a consonant: {here} {after}")
        elif here in ("vieux", "nouveau", "beau") and vowel and "ms" in kinds:
            found.append(f"no change before a vowel: {here} {after}")
        elif here in ("mon", "ton", "son") and not vowel and kinds and "ms" not in kinds:
            found.append(f"change before a consonant: {here} {after}")
    return found


def _group(words: list[str], start: int) -> tuple[int, frozenset[str]] | None:
    """Read adjectives, a noun and adjectives from `start`: the end and what all of them allow."""
    nouns, adjectives, end = _words().nouns, _words().adjectives, start
    kinds = ALL
    while end < len(words) and words[end] in adjectives and words[end] not in nouns:
        kinds &= adjectives[words[end]]
        end += 1
    if end == len(words) or words[end] not in nouns:
        return None
    kinds &= nouns[words[end]]
    end += 1
    while end < len(words) and words[end] in adjectives:
        kinds &= adjectives[words[end]]
        end += 1
    return end, kinds


def _noun_groups(words: list[str]) -> list[str]:
    found = []
    for i, word in enumerate(words):
        allowed = DETERMINERS.get(word) or ARTICLES.get(word)
        if allowed is None:
            continue
        group = _group(words, i + 1)
        if group is None:
            after = words[i + 1] if i + 1 < len(words) else ""
            if word in DETERMINERS or after not in _words().verbs:
                found.append(f"no noun: {word} {after}")
            continue
        end, kinds = group
        if not kinds & allowed:
            found.append(f"disagreement: {' '.join(words[i:end])}")
        elif i == 0 or words[i - 1] in ("mais", "que", "qu'"):
            found += _after_subject(words, end, kinds & allowed)
    return found


def _after_subject(words: list[str], end: int, kinds: frozenset[str]) -> list[str]:
    """Check the verb right behind a noun group, if there is one, and what 'être' says of it."""
    verb = end + 1 if words[end : end + 1] in (["ne"], ["n'"]) else end
    persons = _words().verbs.get(words[verb]) if verb < len(words) else None
    if persons is None:
        return []
    if not persons & {"3" + kind[1] for kind in kinds}:
        return [f"number: {' '.join(words[end - 1 : verb + 1])}"]
    return _predicate(words, verb, kinds)


def _predicate(words: list[str], verb: int, kinds: frozenset[str]) -> list[str]:
    """Check that an adjective or participle after 'être' agrees with its subject's kinds."""
    if words[verb] not in _BE:
        return []
    place = verb + 1
    while place < len(words) and words[place] in _ADVERBS:
        place += 1
    said = words[place] if place < len(words) else ""
    forms = _words().adjectives.get(said)
    if forms is None and said in _words().participles:
        gender = "f" if said.endswith(("e", "es")) else "m"
        forms = frozenset({gender + ("p" if said.endswith("s") else "s")})
    if forms is not None and not forms & kinds:
        return [f"predicate: {words[verb]} {said}"]
    return []


def _verbs(words: list[str]) -> list[str]:
    verbs, found = _words().verbs, []
    for i, word in enumerate(words):
        if word in _PRONOUNS or word == "qui":
            verb = i + 1
            while verb < len(words) and words[verb] in _CLITICS:
                verb += 1
            persons = verbs.get(words[verb], frozenset()) if verb < len(words) else frozenset()
            wanted = {_PRONOUNS[word]} if word in _PRONOUNS else {"3s", "3p"}
            if not persons & wanted:
                found.append(f"no verb for it: {' '.join(words[i : verb + 1])}")
            elif word in ("il", "elle", "ils", "elles"):
                kind = ("f" if word.startswith("elle") else "m") + ("p" if word[-1] == "s" else "s")
                found += _predicate(words, verb, frozenset({kind}))
        elif word in _HAVE:
            place = i + 1
            while place < len(words) and words[place] in _ADVERBS:
                place += 1
            if place == len(words) or words[place] not in _words().participles:
                found.append(f"no participle: {' '.join(words[i : place + 1])}")
        elif word in ("ne", "n'") and "pas" not in words[i + 2 : i + 6]:
            found.append(f"no 'pas': {' '.join(words[i : i + 4])}")
        elif word in verbs and words[i + 1 : i + 2] and words[i + 1] in verbs:
            if not {"que", "qu'", "qui"} & set(words[:i]):  # the book that I read is good
                found.append(f"two verbs: {word} {words[i + 1]}")
        elif word == "pas" and not {"ne", "n'"} & set(words[max(0, i - 5) : i]):
            found.append(f"no 'ne': {' '.join(words[max(0, i - 2) : i + 1])}")
    return found
