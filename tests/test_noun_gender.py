"""Which gender a word needs: the questions, their gold nouns, the models and their scores."""

from __future__ import annotations

import pytest
import torch

from helpers import corpus
from helpers.corpus import Pair
from helpers.tasks import noun_gender
from helpers.tasks.noun_gender import (
    GENDERS,
    KINDS,
    UNASKED,
    GenderBatches,
    GenderReader,
    MeanLook,
    collate_questions,
    gender_loss,
    gender_questions,
    score_genders,
)

DATA = corpus.load_corpus("lite")
ENGLISH = DATA.source_vocabulary


def pair_of(english, french, *sure):
    links = frozenset(sure)
    return Pair(tuple(english.split()), tuple(french.split()), links, links, ())


HOUSE = pair_of(
    "the small house is old but it is beautiful .",
    "la petite maison est vieille mais elle est belle .",
    *((i, i) for i in range(10)),
)


def told(pair):
    return [(q.place, q.kind, GENDERS[q.gender], set(q.nouns)) for q in gender_questions(pair)]


def test_each_word_is_asked_for_the_gender_of_its_own_noun():
    assert told(HOUSE) == [
        (0, "article", "feminine", {2}),
        (1, "adjective", "feminine", {2}),
        (6, "pronoun", "feminine", {2}),
    ]


def test_an_adjective_behind_the_verb_and_an_it_without_a_gender_are_not_asked():
    pair = pair_of("the cows are old and i ate it .", "les vaches sont vieilles ... .")
    assert told(pair) == [(0, "article", "feminine", {1})]


def test_in_the_corpus_every_pronoun_has_a_noun_and_all_its_nouns_agree():
    asked = [(pair, q) for pair in DATA.test for q in gender_questions(pair)]
    pronouns = [(pair, q) for pair, q in asked if q.kind == "pronoun"]
    assert len(pronouns) > 250 and {q.kind for _, q in asked} == set(KINDS)
    genders = noun_gender._words().genders
    for pair, question in asked:
        assert {genders[pair.source[i]] for i in question.nouns} == {question.gender}


def test_articles_agree_with_the_french_that_the_grammar_wrote():
    said = {"le": 0, "un": 0, "ce": 0, "cet": 0, "la": 1, "une": 1, "cette": 1}
    checked = 0
    for pair in DATA.test:
        links = dict(pair.sure)
        for question in gender_questions(pair):
            word = pair.target[links[question.place]] if question.place in links else ""
            if question.kind == "article" and word in said:
                assert said[word] == question.gender, pair
                checked += 1
    assert checked > 2000


def test_a_batch_holds_the_questions_and_pads_with_none():
    asked = collate_questions([pair_of("the cow slept .", "la vache a dormi ."), HOUSE], ENGLISH)
    assert asked.words.shape == (2, 10)
    assert (asked.words != ENGLISH.pad).sum(dim=1).tolist() == [4, 10]
    assert asked.wanted[0].tolist() == [1] + 9 * [UNASKED]
    assert asked.nouns[1, 6].nonzero().flatten().tolist() == [2]
    assert asked.kinds[1, :2].tolist() == [0, 1]


def test_training_batches_have_one_length_and_come_again_in_another_order():
    batches = iter(GenderBatches(DATA.train[:400], ENGLISH, batch_size=8, seed=3))
    drawn = [next(batches) for _ in range(60)]
    assert all((batch.words != ENGLISH.pad).all() for batch in drawn)
    assert max(len(batch.words) for batch in drawn) == 8
    again = next(iter(GenderBatches(DATA.train[:400], ENGLISH, batch_size=8, seed=3)))
    assert torch.equal(drawn[0].words, again.words)


@pytest.mark.parametrize("looks", [True, False])
def test_padding_changes_no_answer(looks):
    torch.manual_seed(0)
    model = GenderReader(len(ENGLISH), looks=looks, width=8)
    longer = next(pair for pair in DATA.test if len(pair.source) > 15)
    alone, padded = (collate_questions(rows, ENGLISH) for rows in ([HOUSE], [HOUSE, longer]))
    found = model(padded.words)[0][0, :10]
    torch.testing.assert_close(found, model(alone.words)[0][0])


def test_a_mean_gives_every_word_of_a_sentence_the_same():
    torch.manual_seed(0)
    asked = collate_questions([HOUSE], ENGLISH)
    logits, weights = GenderReader(len(ENGLISH), looks=False, width=8)(asked.words)
    assert torch.equal(weights, torch.full((1, 10, 10), 0.1))
    torch.testing.assert_close(logits, logits[:, :1].expand_as(logits))
    assert {name for name, _ in MeanLook(8).named_parameters()} == {"value.weight", "output.weight"}


class Tells(torch.nn.Module):
    """Answers feminine everywhere and looks at the third word."""

    def forward(self, words):
        weights = torch.zeros(*words.shape, words.shape[1])
        weights[..., 2] = 0.75
        weights[..., 0] = 0.25
        return torch.tensor([0.0, 1.0]).expand(*words.shape, 2), weights


def test_scores_are_shares_of_each_kind_of_question():
    cow = pair_of("the cow and the dog slept .", "la vache et le chien ont dormi .")
    scores = score_genders(Tells(), collate_questions([HOUSE, cow], ENGLISH))
    assert scores["pronoun"] == (1.0, 1.0, 0.75)
    assert scores["article"] == pytest.approx((2 / 3, 1 / 3, 0.25))


def test_the_loss_counts_the_questions_alone():
    asked = collate_questions([HOUSE], ENGLISH)
    expected = torch.log1p(torch.tensor(-1.0).exp())
    torch.testing.assert_close(gender_loss(Tells(), asked), expected)


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ValueError, match="got no pairs"):
        collate_questions([], ENGLISH)
    with pytest.raises(ValueError, match="no 64 sentences of one length"):
        GenderBatches([HOUSE], ENGLISH)
