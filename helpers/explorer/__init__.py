"""Pictures to play with: an attention map, a box to type sentences in, the decoder by steps, and
a sentence that grows, a softmax with a slider."""

from helpers.explorer.attention_map import AttentionMap, explore
from helpers.explorer.decoder_steps import DecoderSteps, Step
from helpers.explorer.growing import GrowingSentence, Grown
from helpers.explorer.temperature import Temperature
from helpers.explorer.translator_box import TranslatorBox

__all__ = [
    "AttentionMap",
    "DecoderSteps",
    "GrowingSentence",
    "Grown",
    "Step",
    "Temperature",
    "TranslatorBox",
    "explore",
]
