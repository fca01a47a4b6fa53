"""The French of data/en-fr, checked by rules and tables written apart from the grammar."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import pairwise

import pytest

from helpers.corpus.en_fr import load_corpus
from helpers.corpus.grammar.lexicon import lexicon

LEVELS = ("lite", "full")
SPLITS = ("train", "dev", "test", "test_longer", "test_unseen")

# Typed from a dictionary, not from the grammar: singular and plural by gender.
MASCULINE = """homme hommes garçon garçons père - frère frères oncle oncles ami amis enfant enfants
médecin médecins professeur professeurs étudiant étudiants voisin voisins serveur serveurs
fermier fermiers chanteur chanteurs avocat avocats artiste artistes chien chiens chat chats
cheval chevaux oiseau oiseaux lapin lapins hibou hiboux pain - gâteau gâteaux fromage - œuf œufs
haricot haricots lait - café - thé - jus - livre livres journal journaux poème poèmes lit lits
chapeau chapeaux manteau manteaux vélo vélos bateau bateaux arbre arbres parapluie parapluies
jardin jardins marché marchés hôpital hôpitaux hôtel hôtels village villages parc parcs bureau
bureaux restaurant restaurants"""
FEMININE = """femme femmes fille filles mère - sœur sœurs tante tantes serveuse serveuses actrice
actrices vache vaches souris souris chèvre chèvres pomme pommes orange oranges soupe - viande -
salade salades fraise fraises eau - lettre lettres histoire histoires voiture voitures fleur fleurs
photo photos table tables chaise chaises clé clés porte portes fenêtre fenêtres robe robes boîte
boîtes horloge horloges tasse tasses assiette assiettes maison maisons école écoles église églises
ville villes cuisine cuisines rue rues forêt forêts rivière rivières plage plages île îles"""
NOUNS: dict[str, tuple[str, set[str]]] = {}
for _gender, _table in (("m", MASCULINE), ("f", FEMININE)):
    _forms = _table.split()
    for _one, _many in zip(_forms[::2], _forms[1::2], strict=True):
        NOUNS.setdefault(_one, (_gender, set()))[1].add("s")
        if _many != "-":
            NOUNS.setdefault(_many, (_gender, set()))[1].add("p")

# Adjectives by the forms they take, likewise typed by hand.
M_SINGULAR = """petit grand vieux vieil nouveau nouvel beau bel bon blanc intelligent fatigué
heureux froid noir bleu vert chaud cher fort gentil long intéressant joli lourd mauvais"""
F_SINGULAR = """petite grande vieille nouvelle belle bonne blanche intelligente fatiguée
heureuse froide noire bleue verte chaude chère forte gentille longue intéressante jolie
lourde mauvaise"""
M_PLURAL = """petits grands vieux nouveaux beaux bons blancs intelligents fatigués
heureux froids noirs bleus verts chauds chers forts gentils longs intéressants jolis
lourds mauvais"""
F_PLURAL = """petites grandes vieilles nouvelles belles bonnes blanches intelligentes fatiguées
heureuses froides noires bleues vertes chaudes chères fortes gentilles longues intéressantes jolies
lourdes mauvaises"""
EITHER = "jeune rouge triste malade riche célèbre sale propre calme drôle"
ADJECTIVES: dict[str, set[str]] = {}
for _table, _class in ((M_SINGULAR, "ms"), (F_SINGULAR, "fs"), (M_PLURAL, "mp"), (F_PLURAL, "fp")):
    for _form in _table.split():
        ADJECTIVES.setdefault(_form, set()).add(_class)
for _form in EITHER.split():
    ADJECTIVES.setdefault(_form, set()).update({"ms", "fs"})
    ADJECTIVES.setdefault(_form + "s", set()).update({"mp", "fp"})
DETERMINERS = {
    "le": {"ms"}, "un": {"ms"}, "ce": {"ms"}, "cet": {"ms"}, "du": {"ms"}, "au": {"ms"},
    "la": {"fs"}, "une": {"fs"}, "cette": {"fs"}, "ma": {"fs"}, "ta": {"fs"}, "sa": {"fs"},
    "mon": {"ms", "fs"}, "ton": {"ms", "fs"}, "son": {"ms", "fs"}, "notre": {"ms", "fs"},
    "leur": {"ms", "fs"}, "chaque": {"ms", "fs"}, "l'": {"ms", "fs"},
    "les": {"mp", "fp"}, "des": {"mp", "fp"}, "ces": {"mp", "fp"}, "aux": {"mp", "fp"},
    "mes": {"mp", "fp"}, "tes": {"mp", "fp"}, "ses": {"mp", "fp"}, "nos": {"mp", "fp"},
    "leurs": {"mp", "fp"}, "deux": {"mp", "fp"}, "trois": {"mp", "fp"},
}  # fmt: skip
HELPERS = ["est", "sont", "était", "étaient"]
MOVED = ["allé", "arrivé", "resté", "parti", "venu", "tombé"]
ASPIRATED = ("hibou", "haricot")


def opens_with_vowel(word: str) -> bool:
    first = unicodedata.normalize("NFD", word)[0]
    return first in "aeiouyœ" or (first == "h" and not word.startswith(ASPIRATED))


def form_of(word: str) -> set[str] | None:
    """Return gender and number of an adjective or of a participle with être, None if neither."""
    for stem in MOVED:
        endings = {stem: "ms", stem + "e": "fs", stem + "s": "mp", stem + "es": "fp"}
        if word in endings:
            return {endings[word]}
    return ADJECTIVES.get(word)


def spelling_faults(words: list[str]) -> list[str]:
    """Return what is wrong with elision, contraction and the forms before a vowel."""
    found = []
    for here, after in pairwise(words):
        vowel = opens_with_vowel(after)
        if here in ["le", "la", "je", "me", "te", "se", "ne", "de", "que"] and vowel:
            found.append(f"no elision: {here} {after}")
        if here.endswith("'") and not vowel:
            found.append(f"elision before a consonant: {here} {after}")
        if (here, after) in {("de", "le"), ("de", "les"), ("à", "le"), ("à", "les")}:
            found.append(f"no contraction: {here} {after}")
        if here in ("du", "au") and vowel:
            found.append(f"contraction before a vowel: {here} {after}")
        if here in ("ma", "ta", "sa", "ce") and vowel:
            found.append(f"no change before a vowel: {here} {after}")
        if here in ("beau", "nouveau", "vieux") and vowel and "s" in NOUNS.get(after, ("", ""))[1]:
            found.append(f"no change before a vowel: {here} {after}")
        if here in ("bel", "nouvel", "vieil", "cet") and not vowel:
            found.append(f"change before a consonant: {here} {after}")
        if here in ("mon", "ton", "son") and not vowel and after in NOUNS:
            found += [f"{here} {after}"] if NOUNS[after][0] == "f" else []
    return found


def agreement_faults(words: list[str]) -> list[str]:
    """Return nouns whose determiner or adjectives differ from them, and predicates likewise."""
    found = []
    for i, noun in enumerate(words):
        if noun not in NOUNS:
            continue
        gender, numbers = NOUNS[noun]
        allowed = {gender + number for number in numbers}
        start = i
        while start and words[start - 1] in ADJECTIVES:
            start -= 1
            allowed &= ADJECTIVES[words[start]]
        if start and words[start - 1] in DETERMINERS:
            start -= 1
            allowed &= DETERMINERS[words[start]]
        elif noun == "lit":  # reads, not a bed
            continue
        end = i + 1
        while end < len(words) and words[end] in ADJECTIVES:
            allowed &= ADJECTIVES[words[end]]
            end += 1
        if not allowed and noun == "lit":  # "les lit": reads them
            continue
        if not allowed:
            found.append(f"disagreement: {' '.join(words[start:end])}")
        elif (
            start == 0 or words[start - 1] in ("mais", "que", "qu'") and words[start - 2] == "parce"
        ):
            found += predicate_faults(words, end, allowed)
    for i, pronoun in enumerate(words):
        forms = {"il": "ms", "elle": "fs", "ils": "mp", "elles": "fp"}
        if pronoun in forms:
            found += predicate_faults(words, i + 1, {forms[pronoun]})
    return found


def predicate_faults(words: list[str], i: int, allowed: set[str]) -> list[str]:
    """Check what follows a subject that ends before position i, if it is être with a predicate."""
    start = i
    while words[i] in ("ne", "n'"):
        i += 1
    if words[i] not in HELPERS:
        return []
    if {"est": "s", "était": "s"}.get(words[i], "p") not in {form[1] for form in allowed}:
        return [f"number: {' '.join(words[start - 1 : i + 1])}"]
    i += 1
    while words[i] in ("pas", "jamais", "très", "souvent", "toujours"):
        i += 1
    form = form_of(words[i])
    if form is not None and not form & allowed:
        return [f"predicate: {' '.join(words[start - 1 : i + 1])}"]
    return []


def faults(sentence: str) -> list[str]:
    words = sentence.split()
    return spelling_faults(words) + agreement_faults(words)


@pytest.fixture(scope="module", params=LEVELS)
def pairs(request):
    corpus = load_corpus(request.param)
    return [pair for name in SPLITS for pair in getattr(corpus, name)]


def test_every_french_noun_is_in_the_hand_written_table():
    for noun in lexicon("full").nouns:
        for form in noun.fr:
            if form != "-":
                assert NOUNS[form][0] == noun.gender, form


def test_french_is_spelt_and_agrees(pairs):
    wrong = [(p.target, f) for p in pairs if (f := faults(" ".join(p.target)))]
    assert wrong == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("l' homme dort .", "le homme dort .", "no elision"),
        ("le hibou dort .", "l' hibou dort .", "elision before a consonant"),
        ("je n' ai pas mangé .", "je ne ai pas mangé .", "no elision"),
        ("elle va au marché .", "elle va à le marché .", "no contraction"),
        ("le chat des filles dort .", "le chat de les filles dort .", "no contraction"),
        ("elle va à l' école .", "elle va au école .", "contraction before a vowel"),
        ("mon école est petite .", "ma école est petite .", "no change before a vowel"),
        ("un vieil ami dort .", "un vieux ami dort .", "no change before a vowel"),
        ("un vieux chat dort .", "un vieil chat dort .", "change before a consonant"),
        ("la voiture est belle .", "la voiture est beau .", "predicate"),
        ("la voiture rouge est belle .", "le voiture rouge est belle .", "disagreement"),
        ("les petites filles dorment .", "les petits filles dorment .", "disagreement"),
        ("la fleur blanche est belle .", "la fleur blanc est belle .", "disagreement"),
        ("les filles sont arrivées .", "les filles sont arrivés .", "predicate"),
        ("elle n' est pas allée au marché .", "elle n' est pas allé au marché .", "predicate"),
        ("il dort mais elles sont vieilles .", "il dort mais elles est vieilles .", "number"),
        ("ma mère dort .", "mon mère dort .", "mon mère"),
    ],
)
def test_the_checker_catches_planted_faults(right, wrong, fault):
    assert faults(right) == []
    assert any(fault in found for found in faults(wrong))


def test_negated_objects_lose_their_article(pairs):
    for pair in pairs:
        text = " ".join(pair.target)
        assert not re.search(r"\b(pas|jamais) (mangé|bu|vu|acheté|trouvé)? ?(une?|du) ", text), text


def test_object_participles_agree_with_it():
    """'l' a mangée' exactly where 'it' is feminine, told by the noun before."""
    seen = Counter()
    full = load_corpus("full")
    for pair in full.train + full.test:
        text = " ".join(pair.target)
        match = re.fullmatch(
            r"(?:il|elle|ils|elles|j'|nous|tu) (?:ai|as|a|avons|ont) \w+ "
            r"(?:le|la|l'|un|une|du|ce|cet|cette|son|sa|leur) (\w+) (?:et|mais) (?:ne )?l' "
            r"(?:ai|as|a|avons|ont) (?:pas )?(mangé|donné|bu|acheté|vendu|lavé)(e?) .*",
            text,
        )
        if match and match[1] in NOUNS:
            assert (NOUNS[match[1]][0] == "f") == (match[3] == "e"), text
            seen[match[3]] += 1
    assert min(seen[""], seen["e"]) >= 5
