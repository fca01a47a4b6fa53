"""The exercises of notebook 05: `from helpers.exercises import nb05 as ex`."""

from helpers.exercises.nb05.decoder import attentional_vectors, mean_slope
from helpers.exercises.nb05.scores import concat_scores, general_scores, scaled_dot_scores
from helpers.exercises.nb05.whole import LuongDecoder

EXERCISES = (
    general_scores,
    concat_scores,
    scaled_dot_scores,
    mean_slope,
    attentional_vectors,
    LuongDecoder,
)
