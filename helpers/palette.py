"""One palette for the whole course: by role, by model, and for attention weights.

Lines and marks use the colours of Okabe and Ito (2008), which people with the common forms of
colour blindness can tell apart. Weights use cividis (Nunez, Anderton and Renslow 2018), which
grows evenly in lightness from dark blue to yellow. No colour stands alone: models also have their
own marker, links their own outline, weights their own number.
"""

from __future__ import annotations

from collections.abc import Sequence

BLACK = "#000000"
GREY = "#7A7A7A"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"

# The parts of an attention layer, and the marks that say how a result compares with the truth.
ROLE_COLOURS = {
    "query": BLUE,
    "key": ORANGE,
    "value": GREEN,
    "context": PURPLE,
    "score": SKY,
    "gold link": VERMILLION,
    "wrong": VERMILLION,
    "right": GREEN,
    "reference": GREY,
}

# One colour and one marker per model, the same in every figure of every notebook.
MODEL_COLOURS = {
    "no attention": GREY,
    "no attention, bidirectional": PURPLE,
    "additive": BLUE,
    "dot": SKY,
    "scaled dot": GREEN,
    "general": ORANGE,
    "scaled general": BLACK,
    "transformer": VERMILLION,
}
MODEL_MARKERS = {
    "no attention": "s",
    "no attention, bidirectional": "D",
    "additive": "o",
    "dot": "<",
    "scaled dot": "^",
    "general": "v",
    "scaled general": ">",
    "transformer": "P",
}

# Beside a Transformer, whose score is the scaled dot product too, the translator of that name above
# is named by what distinguishes it there: its layers.
BESIDE_COLOURS = {"GRU + attention": GREEN, "transformer, two blocks": ORANGE}
BESIDE_MARKERS = {"GRU + attention": "^", "transformer, two blocks": "D"}

# Notebook 13: orange beside vermillion looks alike, in small dots and in names that are darkened.
REAL_COLOURS = {"general score": GREEN, "the look": GREY}
REAL_MARKERS = {"general score": "^", "the look": "v"}

# What a decoder is given as its context: the same model three times, so "attention" is not a model
# of the list above.
CONTEXT_COLOURS = {"attention": GREEN, "mean": ORANGE, "last state": GREY}
CONTEXT_MARKERS = {"attention": "^", "mean": "v", "last state": "s"}

# Attention again, by what its sum is made of. States are what all other models with attention take.
VALUE_COLOURS = {"states as values": CONTEXT_COLOURS["attention"], "words as values": BLUE}
VALUE_MARKERS = {"states as values": CONTEXT_MARKERS["attention"], "words as values": "o"}

# Readers of a bag, by the matrices that they have: a matrix has the colour of what it makes.
READER_COLOURS = {"none": GREY, "query": BLUE, "both alike": ORANGE, "keys and values": GREEN}
READER_MARKERS = {"none": "s", "query": "o", "both alike": "v", "keys and values": "^"}

# Layers by how far they hear, beside an RNN, and what a layer knows of the places.
REACH_COLOURS = {"self-attention": CONTEXT_COLOURS["attention"], "5 convolutions": SKY}
REACH_MARKERS = {"self-attention": CONTEXT_MARKERS["attention"], "5 convolutions": "D"}
PLACE_COLOURS = {"sinusoidal": BLUE, "learnt, recorded": GREEN, "no positions": GREY}
PLACE_MARKERS = {"sinusoidal": "o", "learnt, recorded": "^", "no positions": "s"}

# Groups of sentences by their words, where a curve stands for each group. Not orange-red beside
# orange, because the names at the curves' ends are darkened and would look alike.
LENGTH_COLOURS = {
    "4-6 words": BLUE,
    "7-9 words": ORANGE,
    "10-14 words": GREEN,
    "15-19 words": PURPLE,
    "20-24 words": BLACK,
}
LENGTH_MARKERS = dict(zip(LENGTH_COLOURS, "sDo<^", strict=True))

# Curves over the places of a sentence: by the direction of reading, and a last point of its own.
ORDER_COLOURS = {"forwards": BLUE, "backwards": ORANGE, "no full stop": BLACK}
ORDER_MARKERS = {"forwards": "s", "backwards": "D", "no full stop": "o"}

# Recurrent layers are not compared with the models above, so the colours serve once more.
LAYER_COLOURS = {
    "RNN": ORANGE,
    "RNN, rotation": SKY,
    "GRU": PURPLE,
    "GRU, bias +2": GREEN,
}
LAYER_MARKERS = {"RNN": "s", "RNN, rotation": "D", "GRU": "o", "GRU, bias +2": "^"}

# Every series that has a colour of its own.
SERIES_COLOURS = MODEL_COLOURS | LAYER_COLOURS | CONTEXT_COLOURS | BESIDE_COLOURS | VALUE_COLOURS
SERIES_COLOURS |= READER_COLOURS | REACH_COLOURS | PLACE_COLOURS | LENGTH_COLOURS | ORDER_COLOURS
SERIES_MARKERS = MODEL_MARKERS | LAYER_MARKERS | CONTEXT_MARKERS | BESIDE_MARKERS | VALUE_MARKERS
SERIES_MARKERS |= READER_MARKERS | REACH_MARKERS | PLACE_MARKERS | LENGTH_MARKERS | ORDER_MARKERS
SERIES_COLOURS |= REAL_COLOURS
SERIES_MARKERS |= REAL_MARKERS

# The order in which colours are given to series that are no model of the list above.
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, GREY, SKY, BLACK)

# A frame on a shade of a weight: dark with a light rim, because one of them is seen on each shade.
FRAME, RIM = BLACK, "#ffffff"

WEIGHT_COLOURMAP = "cividis"
# Thirty-three evenly spaced colours of cividis, so that the widgets and the static tables shade as
# the figures do without loading matplotlib.
_CIVIDIS = (
    "00224e00285b002e6a0533711a386f273e6e32436d3b496c434e6c4b546c535a6d"
    "5a5f6e61656f686a716f70737676767d7c788482798c8878938e789b9476a39a74"
    "aba072b4a76fbcae6cc4b468cdbb63d5c25edec958e7d150f0d846f9e03afee838"
)
WEIGHT_RAMP = tuple("#" + _CIVIDIS[i : i + 6] for i in range(0, len(_CIVIDIS), 6))
# Numbers of both signs: blue is negative, near white 0, orange positive.
SIGNED_RAMP = (BLUE, "#f7f7f7", ORANGE)
# How dark a part of a picture with weight 0 becomes, from 0 to 1; at weight 1 it stays clear.
VEIL = 0.5


def shade(weight: float, ramp: Sequence[str] = WEIGHT_RAMP) -> str:
    """Return the colour "#rrggbb" at a place in [0, 1] of a ramp (values outside are clipped).

    By default the colour of an attention weight. A number of either sign, at most `most` in size,
    stands at (number / most + 1) / 2 of SIGNED_RAMP.
    """
    place = min(max(float(weight), 0.0), 1.0) * (len(ramp) - 1)
    low = min(int(place), len(ramp) - 2)
    part = place - low
    pair = zip(_channels(ramp[low]), _channels(ramp[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pair)


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours "#rrggbb", from 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def ink_on(background: str) -> str:
    """Return white or black, whichever is easier to read on the colour `background`."""
    return max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, background))


def darken(colour: str, ratio: float = 4.5) -> str:
    """Return `colour` darkened until its contrast with white is at least `ratio`, for text."""
    channels = _channels(colour)
    for percent in range(100, -1, -2):
        darker = "#" + "".join(f"{round(c * percent / 100):02x}" for c in channels)
        if contrast(darker, "#ffffff") >= ratio:
            break
    return darker


def lighten(colour: str, background: str, ratio: float = 3.0) -> str:
    """Return `colour` mixed with white until its contrast with a dark background is `ratio`."""
    channels = _channels(colour)
    for percent in range(0, 101, 2):
        lighter = "#" + "".join(f"{round(c + (255 - c) * percent / 100):02x}" for c in channels)
        if contrast(lighter, background) >= ratio:
            break
    return lighter


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
