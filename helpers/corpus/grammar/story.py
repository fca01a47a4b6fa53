"""What a sentence under construction remembers, and the phrases that depend on it.

A scene knows the words used so far (none is said twice), what pronouns can refer to, and which
constructions occurred. A pronoun is only used where the English before it leaves one answer.
"""

from __future__ import annotations

from helpers.corpus.grammar.lexicon import (
    Adjective,
    Noun,
    Verb,
    adjectives_that_fit,
    lexicon,
    nouns_that_fit,
    verbs_that_fit,
)
from helpers.corpus.grammar.phrases import Clitic, Dice, Entity, Phrase, Reject, noun_phrase, word

# By the English pronoun of an `Entity`, which may be None: then there is no entry.
OWNERS: dict[str | None, str] = {
    "i": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their",
}  # fmt: skip
SUBJECTS: dict[str | None, str] = {
    "i": "je", "you": "tu", "he": "il", "she": "elle", "we": "nous", "they": "ils",
}  # fmt: skip
OBJECTS: dict[str | None, tuple[str, str]] = {
    "i": ("me", "me"), "you": ("you", "te"), "he": ("him", "le"), "she": ("her", "la"),
    "it": ("it", "le"), "we": ("us", "nous"), "they": ("them", "les"),
}  # fmt: skip
COMPANY = {
    "eat", "work", "sing", "go", "arrive", "stay", "play", "dance", "walk", "talk", "live", "come",
}  # fmt: skip
FAVOURS = {"buy", "sing", "make", "write"}
DAILY = {
    "eat", "drink", "read", "sleep", "work", "sing", "go", "write", "open", "close", "wash", "make",
    "help", "call", "meet", "talk", "dance", "run", "walk", "swim", "play", "come", "see",
}  # fmt: skip
NIGHTLY = {"sleep", "work", "sing", "read", "walk", "drink", "dance", "talk", "play", "eat"}
HOME = frozenset({"go", "live", "stay"})  # verbs that need a place
PERSON = frozenset({"p"})


def pronoun_entity(pronoun: str) -> Entity:
    """Return who a personal pronoun stands for; masculine where English does not say."""
    return Entity(
        gender="f" if pronoun == "she" else "m",
        plural=pronoun in ("we", "they"),
        pronoun=pronoun,
        tags=PERSON,
        person={"i": 1, "we": 1, "you": 2}.get(pronoun, 3),
    )


class Story:
    """One attempt at a sentence. `rich` (0 to 1) says how much is added that could be left out."""

    def __init__(self, dice: Dice, level: str, rich: float) -> None:
        self.dice, self.level, self.rich = dice, level, rich
        self.words = lexicon(level)
        self.full = level == "full"
        self.tense = "past" if dice.chance(0.5) else "present"
        self.used: set[str] = set()
        self.mentions: list[Entity] = []
        self.pairs: set[tuple[str, str]] = set()
        self.tags: set[str] = set()
        self.relatives = self.timed = 0
        self.single = False  # one clause only
        self.stative = False  # the main clause says how something is
        self.unbound: list[Entity] = []

    # Words that fit

    def noun(self, alternatives: tuple[frozenset[str], ...], *also: str) -> Noun:
        options = nouns_that_fit(self.level, alternatives, frozenset(also))
        return self.dice.pick([noun for noun in options if noun.en[0] not in self.used])

    def verb(self, name: str) -> Verb:
        """Return a verb by its English base; a verb that the level lacks is a dead end."""
        for verb in self.words.verbs:
            if verb.en[0] == name and name not in self.used:
                return verb
        raise Reject

    def can_say(self, verb: Verb, tense: str, negation: str | None) -> bool:
        if verb.en[0] in self.used or ("past" in verb.flags and tense == "present"):
            return False
        if tense == "past" and "state" in verb.flags:
            return False
        return not (tense == "past" and verb.en[2] == "-" and negation != "not")

    def verb_for(self, subject: Entity, tense: str, negation: str | None) -> Verb:
        options = [
            verb
            for verb in verbs_that_fit(self.level, subject.tags)
            if self.can_say(verb, tense, negation)
        ]
        return self.dice.pick(options)

    def adjective(
        self, entity: Entity, said_of: bool, value: int | None = None, name: str | None = None
    ) -> Adjective:
        """Choose an adjective for `entity`, and note that they met. value: only this sign."""
        groups = {a.group for a in entity.adjectives}
        options = [
            a
            for a in adjectives_that_fit(self.level, entity.tags, said_of)
            if a.group not in groups
            and a.en not in self.used
            and value in (None, a.value)
            and name in (None, a.en)
        ]
        chosen = self.dice.pick(options)
        entity.adjectives.append(chosen)
        self.used.add(chosen.en)
        self.pairs.add((chosen.en, entity.noun))
        self.note_agreement(entity)
        return chosen

    def note_agreement(self, entity: Entity) -> None:
        if entity.form:
            self.tags.add("agreement")

    # Pronouns

    def check_reference(self, entity: Entity, subject: Entity | None = None) -> str:
        """Reject a pronoun for `entity` unless the mentions before it agree on its French form.

        Returns the English pronoun.
        subject: the subject of the same clause, which its object pronoun cannot mean.
        """
        rivals = [m for m in self.mentions if m is not entity and m is not subject]
        if entity.pronoun in ("he", "she"):
            bad = [m for m in rivals if m.pronoun in (entity.pronoun, None) and not m.plural]
        else:
            bad = [m for m in rivals if m.pronoun == entity.pronoun and m.gender != entity.gender]
        if bad or entity.pronoun is None:
            raise Reject
        return entity.pronoun

    def subject_pronoun(self, entity: Entity) -> Phrase:
        """Return the pronoun that takes up `entity`, mentioned before."""
        pronoun = self.check_reference(entity)
        if pronoun == "it":
            self.tags.add("it-subject")
        french = SUBJECTS.get(pronoun, "il")
        if pronoun in ("it", "they") and entity.gender == "f":
            french = {"it": "elle", "they": "elles"}[pronoun]
        return word(pronoun, french)

    def clitic(self, entity: Entity, subject: Entity | None = None, bound: bool = True) -> Clitic:
        """Return the direct object pronoun for `entity`; bound: it was mentioned before."""
        if bound:
            self.check_reference(entity, subject)
            if entity.pronoun == "it":
                self.tags.add("it-object")
        else:
            self.unbound.append(entity)
        english, french = OBJECTS[entity.pronoun]
        if entity.pronoun == "it" and entity.gender == "f":
            french = "la"
        self.tags.add("clitic")
        return Clitic(word(english, french), entity)

    def receiver_clitic(self, entity: Entity) -> Clitic:
        """Return 'to him' as lui, and so on."""
        english, french = OBJECTS[entity.pronoun]
        if entity.pronoun in ("he", "she", "they"):
            french = {"he": "lui", "she": "lui", "they": "leur"}[entity.pronoun]
        self.tags.add("clitic")
        return Clitic(word(f"to {english}", french), None)

    # Noun phrases

    def thing(
        self,
        alternatives: tuple[frozenset[str], ...],
        role: str,
        *also: str,
        subject: Entity | None = None,
        negated: bool = False,
        general: bool = False,
        plain: bool = False,
        noun: Noun | None = None,
        determiners: tuple[str, ...] | None = None,
    ) -> tuple[Phrase, Entity]:
        """Build a noun phrase in a role: subject, object, receiver, place, owner or companion.

        subject: of the same clause, for possessives. negated: object of a negated verb. general:
        object of a verb of liking. plain: nothing that could be left out. determiners: only these.
        """
        noun = noun or self.noun(alternatives, *also)
        self.used.add(noun.en[0])
        single = noun.en[1] == "-" or role in ("place", "owner")
        plural = not single and (self.dice.chance(0.33) or "plural" in noun.tags)
        if noun.tags & {"p", "a"}:
            pronoun = next((p for p in ("he", "she") if p in noun.tags), None)
            pronoun = pronoun if "p" in noun.tags else "it"
        else:
            pronoun = "it"
        entity = Entity(
            noun.gender, plural, "they" if plural else pronoun, noun.tags, noun=noun.en[0]
        )
        determiner = self.determiner(entity, role, subject, negated, general, plain, determiners)
        if not plain and self.dice.chance(self.rich * 0.7):
            self.decorate(entity, determiner)
        owner = None
        if determiner == "genitive":
            owner, _ = self.thing((PERSON,), "owner", plain=True)
            self.tags.add("genitive")
        elif determiner in OWNERS.values():
            self.tags.add("possessive")
        elif determiner in ("bare", "generic") and not negated:
            self.tags.add("added-article")
        phrase = noun_phrase(noun, entity, determiner, negated=negated, owner=owner)
        self.mentions.append(entity)
        return phrase, entity

    def decorate(self, entity: Entity, determiner: str) -> None:
        try:
            first = self.adjective(entity, said_of=False)
        except Reject:
            return
        self.tags.add("adjective-before" if first.before else "adjective-after")
        if first.before and self.dice.chance(self.rich * 0.4):
            try:
                second = self.adjective(entity, said_of=False)
            except Reject:
                return
            if second.before or second.group not in ("colour",):
                raise Reject
            self.tags.add("adjective-after")

    def determiner(
        self,
        entity: Entity,
        role: str,
        subject: Entity | None,
        negated: bool,
        general: bool,
        plain: bool,
        only: tuple[str, ...] | None,
    ) -> str:
        """Choose a determiner that is natural for noun, number and role."""
        tags, mass = entity.tags, "count" not in entity.tags
        # A possessive for an animal's own thing is avoided: its, which is not in the vocabulary.
        animal = subject is not None and "a" in subject.tags
        own = not animal and bool(tags & {"own", "kin", "keep", "food"})
        options: dict[str, float] = {"the": 4.0}
        if role == "object" and not general:
            if entity.plural or mass:
                options |= {"bare": 2.0}
                if not negated:
                    options |= {"some": 0.7} | (
                        {"many": 0.6} if entity.plural and self.full else {}
                    )
            else:
                options["a"] = 2.5
        elif role in ("subject", "companion", "receiver") and not mass and not entity.plural:
            options["a"] = 1.0
        elif role == "place":
            options["a"] = 0.4
        if general and (entity.plural or mass):
            options["generic"] = 5.0
        if role == "subject" and (entity.plural or mass) and self.tense == "present":
            options["generic"] = 0.8
        options["these" if entity.plural else "this"] = 1.0
        if entity.plural and not negated:
            options["two"] = 0.8
            if self.full:
                options["three"] = 0.5
        if own:
            options[self.owner_word(subject)] = 1.6
        if (
            tags & {"own", "kin", "keep", "home"}
            and not animal
            and role in ("subject", "object")
            and not plain
            and not mass
        ):
            options["genitive"] = 1.2 * self.rich + 0.3
        if self.stative and role == "subject":
            # 'a garden was quiet' and 'keys are old' say nothing.
            for vague in ("a", "two", "three", *(() if mass else ("generic",))):
                options.pop(vague, None)
        if "kin" in tags:
            options = {k: v for k, v in options.items() if k in OWNERS.values() or k == "genitive"}
        if only:
            options = {k: v for k, v in options.items() if k in only}
        if not options:
            raise Reject
        return self.dice.weighted(options)

    def owner_word(self, subject: Entity | None) -> str:
        if subject is not None and subject.pronoun in OWNERS and self.dice.chance(0.7):
            return OWNERS[subject.pronoun]
        taken = OWNERS.get(subject.pronoun) if subject is not None else None
        free = [w for w in ("my", "your", "our", "his", "her", "their") if w != taken]
        return self.dice.pick(free if subject is None else free[:3])

    # Places, times, company

    def place(
        self, alternatives: tuple[frozenset[str], ...], goal: bool, subject: Entity
    ) -> Phrase:
        noun = self.noun(alternatives)
        only = ("the", "this", "a") if goal else None
        phrase, _ = self.thing(
            (), "place", subject=subject, plain=self.rich < 0.3, noun=noun, determiners=only
        )
        if goal:
            return word("to", "à") + phrase
        if "spot" in noun.tags and self.dice.chance(0.3):
            return word("near", "près de") + phrase
        at = next((word(p, f) for p, f in (("at", "à"), ("on", "sur")) if p in noun.tags), None)
        return (at or word("in", "dans")) + phrase

    def happens(self, verb: str, moment: str) -> bool:
        """Tell whether a verb goes with 'every day', 'in the morning', 'at night' (last word)."""
        return {"day": verb in DAILY, "morning": verb in DAILY, "night": verb in NIGHTLY}.get(
            moment, True
        )

    def time(self, tense: str, verb: str | None) -> Phrase:
        """Return a phrase of time that fits tense and verb (None: any); one a sentence."""
        if self.timed:
            return Phrase()
        if tense == "present":
            moment = self.dice.pick(("day", "morning", "night") if self.full else ("day",))
            if verb is not None and not self.happens(verb, moment):
                return Phrase()
        else:
            moment = self.dice.pick(
                ("yesterday", "yesterday", "week", "year") if self.full else ("yesterday",)
            )
        self.timed = 1
        if moment == "day":
            return word("every", "chaque") + word("day", "jour")
        if moment == "morning":
            links = {(0, 0): 0, (1, 0): 1, (2, 1): 1}
            return self.loosely(("in", "the", "morning"), ("le", "matin"), links)
        if moment == "night":
            return self.loosely(("at", "night"), ("la", "nuit"), {(0, 0): 1, (1, 0): 0, (1, 1): 1})
        if moment == "yesterday":
            return word("yesterday", "hier")
        french = {"week": "semaine", "year": "année"}[moment]
        links = {(0, 2): 1, (1, 0): 0, (1, 1): 1}
        return self.loosely(("last", moment), ("la", french, "dernière"), links)

    def loosely(
        self, english: tuple[str, ...], french: tuple[str, ...], links: dict[tuple[int, int], int]
    ) -> Phrase:
        """Return a fixed phrase with given links: (English, French position) -> surely?"""
        phrase = Phrase()
        for text in english:
            phrase += Phrase(word(text, "").en, [])
        for j, text in enumerate(french):
            part = word("", text).fr[0]
            part.links = {phrase.en[i]: bool(sure) for (i, k), sure in links.items() if k == j}
            phrase += Phrase([], [part])
        return phrase
