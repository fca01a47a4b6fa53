"""Pictures to play with: an attention map, maps by construction with two models side by side, a box
to type sentences in, the decoder by steps, a sentence that grows, a softmax with a slider."""

from helpers.explorer.attention_map import AttentionMap, explore
from helpers.explorer.decoder_steps import DecoderSteps, Step
from helpers.explorer.gallery import AttentionGallery, Example, Reading, compare
from helpers.explorer.growing import GrowingSentence, Grown
from helpers.explorer.temperature import Temperature
from helpers.explorer.translator_box import TranslatorBox

__all__ = [
    "AttentionGallery",
    "AttentionMap",
    "DecoderSteps",
    "Example",
    "GrowingSentence",
    "Grown",
    "Reading",
    "Step",
    "Temperature",
    "TranslatorBox",
    "compare",
    "explore",
]
