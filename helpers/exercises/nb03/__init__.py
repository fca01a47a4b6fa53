"""The exercises of notebook 03: `from helpers.exercises import nb03 as ex`."""

from helpers.exercises.nb03.counting import null_curve, words_that_fit
from helpers.exercises.nb03.feeding import words_when_fed
from helpers.exercises.nb03.losses import loss_by_length
from helpers.exercises.nb03.positions import recall_by_distance, reverse_source

EXERCISES = (
    words_that_fit,
    null_curve,
    loss_by_length,
    recall_by_distance,
    reverse_source,
    words_when_fed,
)
