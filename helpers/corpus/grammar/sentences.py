"""Clauses and whole sentences: what is said, and how clauses are joined so that it makes sense."""

from __future__ import annotations

from helpers.corpus.grammar.clauses import LIKING, Speech
from helpers.corpus.grammar.lexicon import HELD_OUT, fits
from helpers.corpus.grammar.phrases import Clitic, Dice, Fr, Phrase, Reject, be_phrase, spell, word
from helpers.corpus.grammar.story import PERSON
from helpers.corpus.pairs import Pair

THING = (frozenset({"thing"}), frozenset({"place"}), frozenset({"read"}))
# What is bought or found, and what is then done with it.
FIRST = ("buy", "find", "see", "take", "make", "write")
SECOND = ("eat", "drink", "read", "give", "wash", "sell", "show", "send", "bring")
# A thing is the one because it is the other.
BECAUSE_IT_IS = (
    ("cold", "old"), ("cold", "big"), ("beautiful", "new"), ("beautiful", "red"),
    ("beautiful", "white"), ("expensive", "new"), ("expensive", "beautiful"), ("dirty", "old"),
    ("expensive", "big"), ("heavy", "big"), ("quiet", "small"), ("famous", "beautiful"),
)  # fmt: skip
# Verbs that are odd as the first or the second of two with one subject.
NOT_FIRST = {"sleep", "fall", "leave", "stay", "cry", "wait", "live", "know", "love", "like"}
NOT_SECOND = {"cry", "fall", "arrive", "stay", "come", "live", "know", "like", "love"}
TIRING = ("work", "run", "walk", "dance", "swim", "play", "sing")


class Sentence(Speech):
    """A scene that can make a whole sentence."""

    # Clauses

    def action(self, negation: str | None = None, affirm: bool = False) -> Phrase:
        """Return a clause about what somebody does."""
        early = (
            self.time(self.tense, None) if self.dice.chance(0.06 + 0.1 * self.rich) else Phrase()
        )
        animal = self.dice.chance(0.18)
        phrase, entity = self.subject(*(("a",) if animal else ()))
        if early.en:
            affirm = affirm or self.tense == "present"
            verb = self.verb_for(entity, self.tense, negation)
            moment = early.en[-1].text if self.tense == "present" else ""
            if "state" in verb.flags or not self.happens(verb.en[0], moment):
                raise Reject
            return (
                early
                + phrase
                + self.doing(entity, self.tense, verb=verb, negation=negation, affirm=affirm)
            )
        clause = phrase + self.doing(entity, self.tense, negation=negation, affirm=affirm)
        return clause

    def state(self) -> Phrase:
        """Return a clause about how somebody or something is."""
        self.stative = True
        kind = self.dice.weighted({"thing": 3.0, "person": 4.0, "animal": 1.0, "food": 1.0})
        if kind == "person":
            phrase, entity = self.subject()
        elif kind == "animal":
            phrase, entity = self.subject("a")
        elif kind == "food":
            phrase, entity = self.subject(self.dice.pick(("food", "drink")))
        else:
            phrase, entity = self.subject(self.dice.pick(("thing", "place", "read")))
        return phrase + self.being(entity, self.tense)

    def two_actions(self) -> Phrase:
        """Return one subject with two verbs."""
        phrase, entity = self.subject(*(("a",) if self.dice.chance(0.15) else ()))
        self.used |= NOT_FIRST
        first = self.doing(entity, self.tense, affirm=True)
        self.used -= NOT_FIRST
        self.used |= NOT_SECOND
        self.tags.add("coordination")
        if self.dice.chance(0.3):
            return (
                phrase
                + first
                + word("but", "mais")
                + self.doing(entity, self.tense, negation="not")
            )
        return phrase + first + word("and", "et") + self.doing(entity, self.tense, affirm=True)

    def chain(self) -> Phrase:
        """Return 'the girl bought an apple and ate it', or with another subject."""
        phrase, subject = self.subject()
        verb = self.verb(self.dice.pick(FIRST))
        frame = verb.frames[0]
        thing, entity = self.thing(frame.object, "object", subject=subject)
        if entity.tags & {"p", "place"} or (
            "count" not in entity.tags and not entity.tags & {"food", "drink"}
        ):
            raise Reject
        first = phrase + self.doing(subject, self.tense, verb=verb, affirm=True, objects=[thing])
        negation = "not" if self.dice.chance(0.3) else None
        names = [
            v
            for v in self.words.verbs
            if v.en[0] in SECOND
            and self.can_say(v, self.tense, negation)
            and fits(v.frames[0].object, entity.tags)
        ]
        second = self.dice.pick(names)
        opener = word("but", "mais") if negation else word("and", "et")
        actor, lead = subject, Phrase()
        if self.dice.chance(0.4):
            lead, actor = self.subject(pronouns=False)
        clitic = self.clitic(entity, None if lead.en else subject)
        self.note_participle(entity, self.tense)
        objects: list[Phrase | Clitic] = [clitic]
        if second.frames[0].receiver:
            objects.append(self.receiver(actor, clitic))
        self.tags.add("coordination")
        rest = self.doing(
            actor, self.tense, verb=second, negation=negation, affirm=True, objects=objects
        )
        return first + opener + lead + rest

    # Reasons and contrasts

    def because(self) -> Phrase:
        kinds = {"mood": 1.0, "thing": 2.0, "person": 0.6, "quality": 1.2, "rest": 0.8}
        kind = self.dice.weighted(kinds)
        self.tags.add("because")
        first, reason = getattr(self, f"because_{kind}")()
        return first + word("because", "parce que") + reason

    def because_mood(self) -> tuple[Phrase, Phrase]:
        self.stative = True
        phrase, subject = self.subject()
        mood = self.dice.pick(("tired", "happy", "sad") if self.full else ("tired", "happy"))
        first = phrase + be_phrase(subject, self.tense, self.quality(subject, name=mood))
        again = self.subject_pronoun
        if mood == "tired":
            if self.dice.chance(0.3):
                return first, again(subject) + self.doing(
                    subject, "past", verb=self.verb("sleep"), negation="not"
                )
            verb = self.verb(self.dice.pick(TIRING))
            return first, again(subject) + self.doing(subject, "past", verb=verb, affirm=True)
        if mood == "happy" and self.dice.chance(0.5):
            verb = self.verb(self.dice.pick(("find", "buy")))
            return first, again(subject) + self.doing(subject, "past", verb=verb, affirm=True)
        if mood == "sad" and self.dice.chance(0.5):
            verb, no = self.dice.pick((("lose", None), ("find", "not"), ("break", None)))
            return first, again(subject) + self.doing(
                subject, "past", verb=self.verb(verb), negation=no, affirm=True
            )
        self.check_reference(subject)
        other, actor = self.subject(pronouns=False)
        if mood == "happy" and self.dice.chance(0.6):
            verb = self.verb(
                self.dice.pick(("give", "show", "send", "bring") if self.full else ("give",))
            )
            gift, _ = self.thing(verb.frames[0].object, "object", subject=None)
            objects = [gift, self.receiver_clitic(subject)]
            return first, other + self.doing(actor, "past", verb=verb, affirm=True, objects=objects)
        verb = self.verb("leave" if mood == "sad" and self.dice.chance(0.5) else "arrive")
        no = "not" if mood == "sad" and verb.en[0] == "arrive" else None
        return first, other + self.doing(actor, "past", verb=verb, negation=no, affirm=True)

    def because_thing(self) -> tuple[Phrase, Phrase]:
        phrase, subject = self.subject()
        negation = "not" if self.dice.chance(0.4) else None
        names = (
            ("buy", "eat", "drink", "take")
            if negation
            else ("buy", "like", "love", "read", "drink", "eat", "take")
        )
        verb = self.verb(self.dice.pick(names))
        alternatives = verb.frames[0].object
        noun = self.noun(tuple(a for a in alternatives if "p" not in a))
        if noun.tags & {"p", "a"}:
            raise Reject
        thing, entity = self.thing(
            (), "object", subject=subject, noun=noun,
            determiners=("the", "this", "these") if negation or verb.en[0] in LIKING
            else ("the", "this", "these", "a"),
        )  # fmt: skip
        thing = self.with_relative(thing, entity, 0.4)
        objects = [thing]
        first = phrase + self.doing(
            subject, self.tense, verb=verb, negation=negation, affirm=True, objects=objects
        )
        again = self.subject_pronoun(entity)
        reason = self.quality(entity, value=-1 if negation else 1)
        if entity.adjectives[-1].group == "size" and verb.en[0] != "buy":
            raise Reject
        return first, again + be_phrase(entity, self.tense, reason)

    def because_person(self) -> tuple[Phrase, Phrase]:
        phrase, subject = self.subject()
        verb = self.verb(self.dice.pick(("like", "love", "help") if self.full else ("like",)))
        thing, entity = self.thing(
            (PERSON,),
            "object",
            subject=subject,
            determiners=("the", "this", "these", "my", "our", "her", "his"),
        )
        first = phrase + self.doing(subject, self.tense, verb=verb, affirm=True, objects=[thing])
        again = self.subject_pronoun(entity)
        if verb.en[0] == "help":
            reason = self.quality(entity, name=self.dice.pick(("tired", "sick", "kind", "old")))
        else:
            reason = self.quality(
                entity,
                name=self.dice.pick(
                    ("intelligent", "kind", "funny") if self.full else ("intelligent", "beautiful")
                ),
            )
        return first, again + be_phrase(entity, self.tense, reason)

    def because_quality(self) -> tuple[Phrase, Phrase]:
        self.stative = True
        result, cause = self.dice.pick(BECAUSE_IT_IS)
        noun = self.noun(THING)
        phrase, entity = self.thing((), "subject", noun=noun)
        phrase = self.with_relative(phrase, entity)
        first = phrase + be_phrase(entity, self.tense, self.quality(entity, name=result))
        again = self.subject_pronoun(entity)
        return first, again + be_phrase(entity, self.tense, self.quality(entity, name=cause))

    def because_rest(self) -> tuple[Phrase, Phrase]:
        phrase, subject = self.subject()
        name, no = self.dice.pick(
            (
                ("sleep", None),
                ("stay", None),
                ("work", "not"),
                ("sing", "not"),
                ("go", "not"),
                ("dance", "not"),
                ("swim", "not"),
                ("leave", None),
            )
        )
        first = phrase + self.doing(
            subject, self.tense, verb=self.verb(name), negation=no, affirm=True
        )
        mood = "tired" if not self.full or self.dice.chance(0.6) else "sick"
        again = self.subject_pronoun(subject)
        return first, again + be_phrase(subject, self.tense, self.quality(subject, name=mood))

    def contrast(self) -> Phrase:
        """Return 'the house is old but it is beautiful', 'she bought it but ...'."""
        self.tags.add("coordination")
        if self.dice.chance(0.3):
            phrase, subject = self.subject()
            verb = self.verb(self.dice.pick(("buy", "like", "find", "love")))
            thing, entity = self.thing(
                verb.frames[0].object, "object", subject=subject,
                determiners=("the", "this", "these", "a"),
            )  # fmt: skip
            if "p" in entity.tags or "a" in entity.tags:
                raise Reject
            first = phrase + self.doing(
                subject, self.tense, verb=verb, affirm=True, objects=[thing]
            )
            again = self.subject_pronoun(entity)
            return (
                first
                + word("but", "mais")
                + again
                + be_phrase(entity, self.tense, self.quality(entity, value=-1))
            )
        self.stative = True
        kind = self.dice.weighted({"thing": 2.0, "place": 2.0, "read": 0.7, "p": 1.5, "a": 1.0})
        phrase, entity = self.subject() if kind == "p" else self.subject(kind)
        negation = "not" if kind not in ("p", "a") and self.dice.chance(0.35) else None
        quality = self.quality(entity, value=1 if negation else None)
        sign = entity.adjectives[-1].value
        if sign == 0:
            raise Reject
        if negation:
            self.tags.add("negation")
        first = phrase + be_phrase(entity, self.tense, quality, negation)
        again = self.subject_pronoun(entity)
        other = self.quality(entity, value=sign if negation else -sign)
        return first + word("but", "mais") + again + be_phrase(entity, self.tense, other)

    # Whole sentences

    def pair(self) -> Phrase:
        """Return two clauses that belong together."""
        kind = self.dice.weighted(
            {
                "because": 4.0,
                "contrast": 1.6,
                "chain": 2.0,
                "two_actions": 1.2,
                "and": 1.5,
                "but": 0.8,
                "state": 1.5,
            }
        )
        if kind == "state":
            return self.join_clauses(self.state(), "and")
        if kind in ("and", "but"):
            return self.join_clauses(self.action(affirm=True), kind)
        return getattr(self, kind)()

    def join_clauses(self, first: Phrase, conjunction: str) -> Phrase:
        self.tags.add("coordination")
        if conjunction == "but":
            return first + word("but", "mais") + self.action(negation="not")
        return first + word("and", "et") + self.action(affirm=True)

    def question(self) -> Phrase:
        """Return a question that is answered by yes or no; est-ce que in French."""
        self.tags.add("question")
        phrase, subject = self.subject()
        if subject.person == 1 or phrase.en[0].text in ("a", "an", "two", "three", "some"):
            raise Reject
        if self.dice.chance(0.3):
            rest = be_phrase(subject, self.tense, self.quality(subject))
            sure = False
        else:
            rest = self.doing(subject, self.tense, question=True)
            sure = True
        first = rest.en[0]
        opener = [Fr("est-ce", {first: sure}), Fr("que", {first: sure})]
        return Phrase([first, *phrase.en, *rest.en[1:]], [*opener, *phrase.fr, *rest.fr])

    def speak(self, size: str) -> Pair:
        """Return a whole sentence of one, two or three clauses. Raises Reject at a dead end."""
        mark, self.single = ".", size == "one"
        if size == "one" and self.full and self.dice.chance(0.1):
            phrase, mark = self.question(), "?"
        elif size == "one":
            phrase = self.action() if self.dice.chance(0.72) else self.state()
        elif size == "two":
            phrase = self.pair()
        else:
            first = self.pair()
            contrast = any(en.text == "but" for en in first.en)
            but = not contrast and self.dice.chance(0.25)
            phrase = self.join_clauses(first, "but" if but else "and")
        for entity in self.unbound:
            if any(
                m.pronoun == entity.pronoun and m.gender == "f" and entity.pronoun in ("it", "they")
                for m in self.mentions
            ):
                raise Reject
        return self.finish(phrase + word(mark, mark))

    def finish(self, phrase: Phrase) -> Pair:
        """Spell the French and turn links into positions."""
        french, tags = spell(phrase.fr)
        self.tags |= tags
        where = {en: i for i, en in enumerate(phrase.en)}
        sure, possible = set(), set()
        for j, fr in enumerate(french):
            for en, is_sure in fr.links.items():
                possible.add((where[en], j))
                if is_sure:
                    sure.add((where[en], j))
        return Pair(
            tuple(en.text for en in phrase.en),
            tuple(fr.text for fr in french),
            frozenset(sure),
            frozenset(possible),
            tuple(sorted(self.tags)),
        )


def attempt(dice: Dice, level: str, size: str, rich: float) -> tuple[Pair, bool] | None:
    """Make one sentence, or None at a dead end; tell whether it holds a held-out pair of words."""
    sentence = Sentence(dice, level, rich)
    try:
        pair = sentence.speak(size)
    except Reject:
        return None
    return pair, bool(sentence.pairs & set(HELD_OUT[level]))
