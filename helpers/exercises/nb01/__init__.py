"""The exercises of notebook 01: `from helpers.exercises import nb01 as ex`."""

from helpers.exercises.nb01.gradients import gru_cell, through_time
from helpers.exercises.nb01.loops import clip_by_norm, rnn_cell, unroll

EXERCISES = (rnn_cell, gru_cell, unroll, through_time, clip_by_norm)
