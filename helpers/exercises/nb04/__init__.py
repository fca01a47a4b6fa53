"""The exercises of notebook 04: `from helpers.exercises import nb04 as ex`."""

from helpers.exercises.nb04.decoder import decoder_step, gold_link_hits
from helpers.exercises.nb04.weights import additive_scores, context_vectors, masked_softmax
from helpers.exercises.nb04.whole import AdditiveDecoder

EXERCISES = (
    additive_scores,
    masked_softmax,
    context_vectors,
    decoder_step,
    AdditiveDecoder,
    gold_link_hits,
)
