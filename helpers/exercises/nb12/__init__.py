"""The exercises of notebook 12: `from helpers.exercises import nb12 as ex`."""

from helpers.exercises.nb12.blocks import decoder_block, encoder_block
from helpers.exercises.nb12.model import block_parameters, transformer_logits
from helpers.exercises.nb12.sublayers import embed_words, feed_forward, layer_norm
from helpers.exercises.nb12.training import smoothed_loss, warm_up_rates
from helpers.exercises.nb12.whole import Transformer

EXERCISES = (
    layer_norm,
    feed_forward,
    decoder_block,
    encoder_block,
    embed_words,
    transformer_logits,
    Transformer,
    block_parameters,
    smoothed_loss,
    warm_up_rates,
)
