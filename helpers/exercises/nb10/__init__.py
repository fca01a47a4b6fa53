"""The exercises of notebook 10: `from helpers.exercises import nb10 as ex`."""

from helpers.exercises.nb10.generation import generate, next_word_probabilities
from helpers.exercises.nb10.leaks import leaking_positions
from helpers.exercises.nb10.masks import causal_mask, combine_masks, language_model_loss

EXERCISES = (
    causal_mask,
    language_model_loss,
    combine_masks,
    next_word_probabilities,
    generate,
    leaking_positions,
)
