"""Pictures to play with: an attention map, maps by construction with two models side by side, a box
to type sentences in, a sentence that grows, a softmax with a slider, a soft dictionary whose query
and keys can be dragged, a layer whose numbers can be moved, an encoding of positions, a mask to
click, a picture looked at word by word, a diagram to walk through, the claims under many seeds."""

from helpers.explorer.attention_grid import AttentionGrid
from helpers.explorer.attention_map import AttentionMap, explore
from helpers.explorer.claim_ledger import ClaimLedger
from helpers.explorer.gallery import AttentionGallery, Example, Reading, compare
from helpers.explorer.growing import GrowingSentence, Grown
from helpers.explorer.mask_editor import MaskEditor
from helpers.explorer.picture import Looks
from helpers.explorer.positions import PositionPicture
from helpers.explorer.soft_dictionary import SoftDictionary
from helpers.explorer.temperature import Temperature
from helpers.explorer.translator_box import TranslatorBox
from helpers.explorer.walk import Walk

__all__ = [
    "AttentionGallery",
    "AttentionGrid",
    "AttentionMap",
    "ClaimLedger",
    "Example",
    "GrowingSentence",
    "Grown",
    "Looks",
    "MaskEditor",
    "PositionPicture",
    "Reading",
    "SoftDictionary",
    "Temperature",
    "TranslatorBox",
    "Walk",
    "compare",
    "explore",
]
