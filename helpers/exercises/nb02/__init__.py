"""The exercises of notebook 02: `from helpers.exercises import nb02 as ex`."""

from helpers.exercises.nb02.batches import decoder_inputs, last_states, shift_targets
from helpers.exercises.nb02.loop import train
from helpers.exercises.nb02.ngrams import clipped_matches
from helpers.exercises.nb02.sentences import greedy, masked_loss

EXERCISES = (
    shift_targets,
    last_states,
    decoder_inputs,
    masked_loss,
    train,
    greedy,
    clipped_matches,
)
