"""The exercises of notebook 13: `from helpers.exercises import nb13 as ex`."""

from helpers.exercises.nb13.cache import cached_step
from helpers.exercises.nb13.search import beam_step, length_scores
from helpers.exercises.nb13.whole import beam_search, learn_merges
from helpers.exercises.nb13.words import merge_pair, sampled_loss

EXERCISES = (
    sampled_loss,
    beam_step,
    length_scores,
    beam_search,
    cached_step,
    merge_pair,
    learn_merges,
)
