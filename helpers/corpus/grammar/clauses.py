"""Subjects, relative clauses and predicates: the parts that clauses are made of."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.corpus.grammar.lexicon import FEMININE, Frame, Verb, fits
from helpers.corpus.grammar.phrases import (
    Clitic,
    En,
    Entity,
    Phrase,
    Reject,
    be_phrase,
    verb_phrase,
    word,
)
from helpers.corpus.grammar.story import (
    COMPANY,
    DAILY,
    FAVOURS,
    HOME,
    PERSON,
    SUBJECTS,
    Story,
    pronoun_entity,
)

LIKING = {"like", "love"}


class Speech(Story):
    """A scene that can say who does what, where, when and with whom."""

    # Subjects

    def subject(self, *tags: str, pronouns: bool = True) -> tuple[Phrase, Entity]:
        """Return a person (or a noun with `tags`) as subject."""
        if not tags and pronouns and self.dice.chance(0.3):
            names = (
                ("i", "he", "she", "they", "we", "you") if self.full else ("i", "he", "she", "they")
            )
            free = [name for name in names if name not in self.used]
            name = self.dice.pick(free)
            entity = pronoun_entity(name)
            if any(m.pronoun == name for m in self.mentions):
                raise Reject
            self.used.add(name)
            self.mentions.append(entity)
            return word(name, SUBJECTS[name]), entity
        kind = (frozenset(tags or {"p"}),)
        phrase, entity = self.thing(kind, "subject")
        if not tags and self.dice.chance(0.05 + 0.12 * self.rich):
            return self.join_nouns(phrase, entity, *self.thing(kind, "subject", plain=True), "and")
        return self.with_relative(phrase, entity), entity

    def join_nouns(
        self, first: Phrase, one: Entity, second: Phrase, other: Entity, conjunction: str
    ) -> tuple[Phrase, Entity]:
        gender = "f" if one.gender == other.gender == "f" else "m"
        tags = (one.tags & other.tags) | {"joined"}
        both = Entity(gender, True, "they", tags, noun=one.noun)
        self.mentions.append(both)
        self.tags.add("coordination")
        joined = first + word(conjunction, {"and": "et", "or": "ou"}[conjunction]) + second
        return joined, both

    def with_relative(self, phrase: Phrase, entity: Entity, chance: float = 0.5) -> Phrase:
        """Add a relative clause now and then, where the determiner lets one be added."""
        first = phrase.en[0].text
        fits_here = first in ("the", "a", "an", "two", "three") and "'s" not in {
            en.text for en in phrase.en
        }
        if not fits_here or self.relatives or not self.dice.chance(self.rich * chance):
            return phrase
        self.relatives += 1
        self.tags.add("relative")
        person = "p" in entity.tags
        rich, self.rich = self.rich, self.rich * 0.4
        tense = "past" if self.tense == "past" or self.dice.chance(0.4) else "present"
        kinds = {"object": 1.0, "verb": 0.9 if person else 0.2, "be": 0.0 if self.stative else 0.2}
        if "thing" in entity.tags or "place" in entity.tags:
            kinds["verb"] = 0.0
        kind = self.dice.weighted(kinds)
        if entity.tags & {"food", "drink"}:
            kind = "object"
        if kind == "object":
            clause = self.relative_object(entity, tense)
        else:
            opener = word("who" if person else "that", "qui")
            if kind == "be":
                clause = opener + self.being(entity, tense, simple=True)
            else:
                clause = opener + self.doing(entity, tense, simple=True)
        self.rich = rich
        return phrase + clause

    def relative_object(self, entity: Entity, tense: str) -> Phrase:
        opener = word("that", "que")
        if self.dice.chance(0.35):
            name = self.dice.pick(
                [n for n in (("i", "we", "you") if self.full else ("i",)) if n not in self.used]
            )
            self.used.add(name)
            phrase, subject = word(name, SUBJECTS[name]), pronoun_entity(name)
        else:
            phrase, subject = self.thing((PERSON,), "subject", plain=self.rich < 0.2)
        options = [
            verb
            for verb in self.words.verbs
            if self.can_say(verb, tense, None)
            and (self.stative or verb.en[0] not in ("eat", "drink"))
            and any(
                PERSON in frame.subject and fits(frame.object, entity.tags) and not frame.receiver
                for frame in verb.frames
            )
        ]
        verb = self.dice.pick(options)
        self.used.add(verb.en[0])
        self.note_verb(verb, tense, subject)
        self.note_participle(entity, tense)
        return opener + phrase + verb_phrase(verb, subject, tense, agreement=entity)

    # Predicates

    def note_verb(self, verb: Verb, tense: str, subject: Entity) -> None:
        if tense == "past":
            self.tags.add("passe-compose")
            if verb.auxiliary == "être":
                self.tags.add("etre")
                self.note_agreement(subject)

    def note_participle(self, entity: Entity, tense: str) -> None:
        """Note that a participle agrees with the object before it: for the full level only."""
        if tense == "past" and entity.form:
            if not self.full:
                raise Reject
            self.tags.add("participle-object")

    def quality(self, entity: Entity, value: int | None = None, name: str | None = None) -> Phrase:
        """Return an adjective said of `entity`, now and then with 'very'."""
        a = self.adjective(entity, said_of=True, value=value, name=name)
        phrase = word(a.en, a.fr[entity.form])
        if a.group != "colour" and self.dice.chance(0.15):
            return word("very", "très") + phrase
        return phrase

    def being(self, subject: Entity, tense: str, simple: bool = False) -> Phrase:
        """Return to be with an adjective, two adjectives, a profession or a place."""
        options = {"quality": 4.0, "two": 0.0 if simple else 0.5 + 1.5 * self.rich}
        if (
            "p" in subject.tags
            and not subject.tags & {"job", "joined"}
            and not {"waiter", "waitress"} & subject.tags
        ):
            options["job"] = 3.0
        if subject.tags & {"p", "a", "take", "car"} and subject.person == 3:
            options["place"] = 0.7
        kind = self.dice.weighted(options)
        negation = "not" if kind != "two" and not simple and self.dice.chance(0.25) else None
        if negation:
            self.tags.add("negation")
        if kind == "job":
            predicate = self.job(subject)
        elif kind == "place":
            place = frozenset({"rest"}) if "p" in subject.tags else frozenset({"cook"})
            if subject.tags & {"a", "car"}:
                place = frozenset({"out"})
            predicate = self.place((place,), False, subject)
        elif kind == "two":
            predicate = self.two_qualities(subject)
        else:
            predicate = self.quality(subject)
        return be_phrase(subject, tense, predicate, negation)

    def two_qualities(self, subject: Entity) -> Phrase:
        first = self.quality(subject)
        sign = subject.adjectives[-1].value
        if sign == 0:
            raise Reject
        self.tags.add("coordination")
        if self.dice.chance(0.5):
            return first + word("and", "et") + self.quality(subject, value=sign)
        return first + word("but", "mais") + self.quality(subject, value=-sign)

    def job(self, subject: Entity) -> Phrase:
        """Return 'a student' without an article in French, in the gender of the subject."""
        noun = self.noun((frozenset({"job"}),))
        self.used.add(noun.en[0])
        french = noun.fr
        if subject.gender == "f":
            french = FEMININE.get(noun.en[0], noun.fr)
        head = word(noun.en[subject.plural], french[subject.plural])
        self.note_agreement(subject)
        if subject.plural:
            return head
        self.tags.add("dropped-article")
        article = En("an" if noun.en[0][0] in "aeiou" else "a")
        head.fr[0].links[article] = False
        return Phrase([article, *head.en], head.fr)

    def doing(
        self,
        subject: Entity,
        tense: str,
        *,
        verb: Verb | None = None,
        negation: str | None = None,
        simple: bool = False,
        affirm: bool = False,
        question: bool = False,
        objects: Sequence[Phrase | Clitic] | None = None,
    ) -> Phrase:
        """Return a verb with what belongs to it. simple: short; affirm: not negated."""
        if not (affirm or negation or simple or question) and self.dice.chance(0.25):
            negation = "never" if self.full and self.dice.chance(0.2) else "not"
        verb = verb or self.verb_for(subject, tense, negation)
        if not self.can_say(verb, tense, "not" if question else negation):
            raise Reject
        self.used.add(verb.en[0])
        self.note_verb(verb, tense, subject)
        if negation:
            self.tags.add("negation")
        frames = [frame for frame in verb.frames if fits(frame.subject, subject.tags)]
        frame = self.dice.pick(frames)
        if objects is None:
            objects = self.objects(verb, frame, subject, tense, negation, simple)
        adverb = None
        if (
            not (negation or simple or question)
            and verb.en[0] in DAILY
            and not self.timed
            and self.dice.chance(0.13)
        ):
            adverb = ("often", "souvent")
            if self.full and tense == "present" and self.dice.chance(0.4):
                adverb = ("always", "toujours")
            self.tags.add("adverb")
        phrase = verb_phrase(verb, subject, tense, objects, negation, adverb, question=question)
        return phrase + self.circumstances(verb, frame, subject, tense, negation, simple, adverb)

    def objects(
        self,
        verb: Verb,
        frame: Frame,
        subject: Entity,
        tense: str,
        negation: str | None,
        simple: bool,
    ) -> list[Phrase | Clitic]:
        """Choose objects: a noun phrase, two of them, a pronoun; and a receiver."""
        if not frame.object:
            return []
        negated, general = negation is not None, "state" in verb.flags
        result: list[Phrase | Clitic] = []
        if not simple and not general and self.dice.chance(0.12):
            result.append(self.loose_clitic(frame, subject, tense))
        else:
            only = (
                "the",
                "this",
                "these",
                "generic",
                "my",
                "your",
                "our",
                "his",
                "her",
                "their",
                "genitive",
            )
            phrase, entity = self.thing(
                frame.object, "object", subject=subject, negated=negated,
                general=verb.en[0] in LIKING, determiners=only if general else None,
                plain="a" in subject.tags and "p" not in subject.tags,
            )  # fmt: skip
            if verb.en[0] in LIKING and any(a.value < 0 for a in entity.adjectives):
                raise Reject
            simple_object = general or negated or simple or frame.receiver
            if not simple_object and self.dice.chance(0.2 * self.rich) and "p" not in entity.tags:
                kind = next(
                    t
                    for t in ("food", "drink", "a", "place", "read", "thing", "count")
                    if t in entity.tags
                )
                first = phrase.en[0].text
                same = {"a": ("a",), "an": ("a",), "this": ("this", "these")}.get(first, (first,))
                if first in (*entity.noun.split(), phrase.en[-1].text) or (
                    entity.adjectives and first == entity.adjectives[0].en
                ):
                    same = ("bare",)
                other, second = self.thing(
                    frame.object, "object", kind, subject=subject, plain=True, determiners=same
                )
                conjunction = "or" if self.dice.chance(0.35) else "and"
                phrase, _ = self.join_nouns(phrase, entity, other, second, conjunction)
            elif not simple:
                phrase = self.with_relative(phrase, entity, 0.45)
            result.append(phrase)
        if frame.receiver and (verb.en[0] in ("give", "show") or self.dice.chance(0.8)):
            result.append(self.receiver(subject, result[0]))
        return result

    def loose_clitic(self, frame: Frame, subject: Entity, tense: str) -> Clitic:
        """Return an object pronoun that means nobody named before."""
        people = any("p" in tags for tags in frame.object)
        # What 'it' is stays open, which is only natural in a short sentence.
        if not people and (not self.single or self.relatives or "p" not in subject.tags):
            raise Reject
        if self.single and not self.relatives and "p" in subject.tags and self.dice.chance(0.3):
            people = False
        names = (
            ["he", "she", "they", "i"] + (["we", "you"] if self.full else [])
            if people
            else ["it", "they"]
        )
        names = self.others(names, subject)
        name = self.dice.pick(names)
        self.used.add(name)
        entity = pronoun_entity(name)
        if name == "it":
            entity = Entity("m", False, "it", frozenset())
        self.note_participle(entity, tense)
        return self.clitic(entity, bound=False)

    def others(self, names: list[str], subject: Entity) -> list[str]:
        """Return the pronouns not used yet that can mean somebody else than the subject."""
        shut = {"i", "we"} if subject.person == 1 else {subject.pronoun}
        return [name for name in names if name not in self.used and name not in shut]

    def receiver(self, subject: Entity, thing: Phrase | Clitic) -> Phrase | Clitic:
        # Two pronouns before one verb ('le lui donne') are for the full level only.
        alone = self.full or not isinstance(thing, Clitic)
        if alone and self.dice.chance(0.35):
            name = self.dice.pick(self.others(["he", "she", "they", "i"], subject))
            self.used.add(name)
            return self.receiver_clitic(pronoun_entity(name))
        phrase, _ = self.thing((PERSON,), "receiver", subject=subject)
        return word("to", "à") + phrase

    def circumstances(
        self, verb: Verb, frame: Frame, subject: Entity, tense: str,
        negation: str | None, simple: bool, adverb: tuple[str, str] | None,
    ) -> Phrase:  # fmt: skip
        """Return place, company and time after the verb, as far as natural."""
        name, extra = verb.en[0], Phrase()
        chance = (0.15 if frame.object else 0.35) + 0.35 * self.rich
        elsewhere = not (frame.object and self.mentions and "place" in self.mentions[-1].tags)
        if name in HOME or (frame.place and elsewhere and self.dice.chance(chance)):
            places = frame.place
            if frame.object and self.mentions and "a" in self.mentions[-1].tags:
                places = (frozenset({"wild"}),)
            extra += self.place(places, name in ("go", "come"), subject)
        person = "p" in subject.tags
        company = name in COMPANY and self.dice.chance(0.1 + 0.25 * self.rich)
        if person and (company or name == "talk"):
            extra += word("with", "avec") + self.thing((PERSON,), "companion", subject=subject)[0]
        elif (
            person and name in FAVOURS and not negation and self.dice.chance(0.08 + 0.2 * self.rich)
        ):
            extra += word("for", "pour") + self.thing((PERSON,), "companion", subject=subject)[0]
        timeless = (
            (negation and tense == "present")
            or simple
            or adverb
            or negation == "never"
            or "state" in verb.flags
        )
        if not timeless and self.dice.chance(0.1 + 0.2 * self.rich):
            extra += self.time(tense, name)
        return extra
