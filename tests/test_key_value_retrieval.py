"""Bags: the question decides the answer, order does not matter, and one vector cannot do both."""

from __future__ import annotations

import pytest
import torch

from helpers.tasks.key_value_retrieval import (
    ITEMS,
    NAMES,
    READERS,
    BagReader,
    Bags,
    bag_loss,
    content_to_name,
    score_bags,
)
from helpers.training import fit


def trained(projections, strength=4.0, seed=0, steps=400):
    torch.manual_seed(seed)
    model, bags = BagReader(projections), Bags(strength, seed)
    fit(model, bags, steps=steps, lr=1e-2, loss=bag_loss)
    return model, bags


def test_a_bag_holds_one_item_of_the_name_and_the_answer_is_its_content():
    bags = Bags(strength=3.0, seed=1)
    bag = bags.draw(50)
    assert bag.items.shape == (50, ITEMS, 32) and bag.question.shape == (50, 32)
    for items, question, answer, place in zip(*bag, strict=True):
        torch.testing.assert_close(items[place], question + bags.contents[answer])
        left = items - question  # what is left of the item asked for is a content, of no other is
        found = torch.cdist(left, bags.contents).min(dim=1).values < 1e-4
        assert found.nonzero().flatten().tolist() == [int(place)]
    assert set(bag.answer.tolist()) == set(range(8))
    assert set(bag.place.tolist()) == set(range(ITEMS))
    torch.testing.assert_close(bags.names.norm(dim=1), torch.ones(NAMES))
    torch.testing.assert_close(bags.contents.norm(dim=1), torch.full((8,), 3.0))


def test_draws_follow_the_seed():
    first, second, other = (Bags(seed=seed).draw(5) for seed in (0, 0, 1))
    assert torch.equal(first.items, second.items) and torch.equal(first.place, second.place)
    assert not torch.equal(first.items, other.items)


def test_readers_differ_in_what_they_project_and_not_in_size():
    sizes = {p: sum(w.numel() for w in BagReader(p).parameters()) for p in READERS}
    assert max(sizes.values()) < 1.01 * min(sizes.values())
    items = Bags(seed=0).draw(2).items
    for projections in READERS:
        keys, values = BagReader(projections).project(items)
        assert (keys is values) == (projections != "keys and values")
        assert (keys is items) == (projections in ("none", "query"))


@pytest.mark.parametrize("projections", READERS)
def test_a_bag_has_no_order(projections):
    torch.manual_seed(0)
    model, bag = BagReader(projections), Bags(seed=0).draw(6)
    order = torch.randperm(ITEMS)
    logits, weights = model(bag.items, bag.question)
    moved_logits, moved_weights = model(bag.items[:, order], bag.question)
    torch.testing.assert_close(moved_logits, logits)
    torch.testing.assert_close(moved_weights, weights[:, order])
    assert (weights[:, order] - weights).abs().max() > 1e-3


def test_projections_learn_what_the_bare_vector_cannot():
    bare, bags = trained("none")
    apart, its_bags = trained("keys and values")
    assert score_bags(bare, bags).look < 0.8
    assert min(score_bags(apart, its_bags)) > 0.97
    key, value = content_to_name(apart, its_bags)
    assert key < 4.0 < value
    assert content_to_name(bare, bags) == pytest.approx((4.0, 4.0))


def test_weak_contents_do_not_disturb_the_bare_vector():
    model, bags = trained("none", strength=0.5)
    assert score_bags(model, bags).look > 0.97


def test_noise_is_added_to_what_is_looked_at():
    model, bags = trained("keys and values", steps=300)
    assert score_bags(model, bags, noise=10.0).answer < 0.4 < score_bags(model, bags).answer


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="'both'; expected one of none, query"):
        BagReader("both")
    with pytest.raises(ValueError, match="length above 0"):
        Bags(strength=0)
    with pytest.raises(ValueError, match="0 bags"):
        Bags(seed=0).draw(0)
    with pytest.raises(ValueError, match="noise is -1"):
        score_bags(BagReader(), Bags(seed=0), noise=-1)
