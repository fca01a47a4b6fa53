"""Links by kind, the baseline that looks straight ahead, and the museum's bugs."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from helpers import corpus
from helpers.analysis import alignment, attention_bugs
from helpers.corpus.pairs import Pair
from helpers.decoding import Translation


def pair(source: str, target: str, sure: set, possible: set = frozenset()) -> Pair:
    words = tuple(source.split()), tuple(target.split())
    return Pair(*words, frozenset(sure), frozenset(sure | possible), ())


TEA = pair("tea is hot", "le thé est chaud", {(0, 1), (1, 2), (2, 3)}, {(0, 0)})
CAT = pair(
    "the black cat does not eat",
    "le chat noir ne mange pas",
    {(0, 0), (1, 2), (2, 1), (4, 3), (4, 5), (5, 4)},
    {(3, 3)},
)
ATE = pair("he ate a cake", "il a mangé un gâteau", {(0, 0), (1, 2), (2, 3), (3, 4)}, {(1, 1)})


@pytest.mark.parametrize(
    ("target", "source", "places"),
    [(1, 1, [0]), (4, 2, [0, 0, 1, 1]), (2, 4, [1, 3]), (3, 5, [0, 2, 4]), (5, 4, [0, 1, 2, 2, 3])],
)
def test_the_diagonal_goes_from_end_to_end(target, source, places):
    assert alignment.diagonal_links(target, source) == {(i, t) for t, i in enumerate(places)}


def test_the_diagonal_needs_words():
    with pytest.raises(ValueError, match="0 target and 3 source words"):
        alignment.diagonal_links(0, 3)


def test_links_cross_where_the_order_turns():
    assert alignment.crossing_links({(0, 0), (1, 2), (2, 1)}) == {(1, 2), (2, 1)}
    assert (
        alignment.crossing_links({(0, 1), (0, 2), (1, 2)}) == set()
    )  # links that share a word do not
    assert alignment.crossing_links([]) == set()


def test_every_kind_is_told():
    assert alignment.kinds_of_words(TEA) == {
        0: "added article",
        1: "monotone",
        2: "monotone",
        3: "monotone",
    }
    assert alignment.kinds_of_words(CAT) == {
        0: "shared article",
        1: "crossing",
        2: "crossing",
        3: "ne",
        4: "crossing",
        5: "pas",
    }
    assert alignment.kinds_of_words(ATE)[1] == "other"


def test_every_linked_word_of_the_corpus_has_one_known_kind():
    counts = Counter()
    for one in corpus.load_corpus("lite").dev:
        kinds = alignment.kinds_of_words(one)
        assert set(kinds) == {t for _, t in one.possible}
        counts.update(kinds.values())
    assert set(counts) == set(alignment.WORD_KINDS)


def map_of(one: Pair, places: list[int]) -> Translation:
    weights = torch.full((len(places), len(one.source)), 0.1)
    weights[torch.arange(len(places)), places] = 0.9
    return Translation(list(one.source), [*one.target, "<end>"], weights)


def test_hits_are_counted_by_kind():
    looked = map_of(CAT, [0, 2, 2, 3, 5, 1, 0])  # noir looks at cat, ne at does, pas at black
    found = alignment.hits_by_kind([looked, map_of(TEA, [0, 0, 1, 2, 0])], [CAT, TEA])
    assert found == {
        "monotone": (3, 3),
        "crossing": (2, 3),
        "shared article": (1, 1),
        "added article": (1, 1),
        "ne": (1, 1),
        "pas": (0, 1),
    }


def test_maps_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="1 translations for 2 pairs"):
        alignment.hits_by_kind([map_of(TEA, [0, 0, 1, 2, 0])], [TEA, CAT])
    for wrong in (map_of(TEA, [0, 0, 1, 2]), Translation([], [], None)):
        with pytest.raises(ValueError, match="teacher_forcing=True"):
            alignment.hits_by_kind([wrong], [TEA])


@pytest.fixture
def asked():
    torch.manual_seed(0)
    lengths = torch.tensor([5, 3])
    mask = (torch.arange(5) < lengths[:, None]).unsqueeze(1)
    return 3 * torch.randn(2, 4, 6), 3 * torch.randn(2, 5, 6), mask


def sums(weights):
    return weights.sum(dim=-1)


def test_each_bug_shows_as_it_should(asked):
    wall = {name: bug(*asked) for name, bug in attention_bugs.EXHIBITS.items()}
    sound, padding = attention_bugs.no_bug(*asked), ~asked[2].expand(-1, 4, -1)
    one = torch.ones(2, 4)
    torch.testing.assert_close(sums(sound), one)
    # Rows that sum to 1, and those that do not.
    for name in "ABDF":
        torch.testing.assert_close(sums(wall[name]), one)
    torch.testing.assert_close(wall["C"][0].sum(dim=0), torch.ones(5))
    assert (sums(wall["E"])[1] < 1 - 1e-3).any() and (sums(wall["E"]) < 1 + 1e-5).all()
    # Weight on padding: B alone.
    for name, weights in wall.items():
        assert (weights[padding].max() > 1e-3) == (name == "B")
    torch.testing.assert_close(wall["A"][:, 1:], sound[:, :-1])  # one row too low
    assert (wall["F"] == wall["F"][:, :1]).all() and not (sound == sound[:, :1]).all()
    assert not torch.allclose(wall["D"], sound, atol=1e-2)
