"""The exercises of notebook 09: `from helpers.exercises import nb09 as ex`."""

from helpers.exercises.nb09.order import layers_to_meet, put_back, self_attention
from helpers.exercises.nb09.positions import rotate_positions, sinusoidal_positions
from helpers.exercises.nb09.whole import SelfAttention

EXERCISES = (
    self_attention,
    put_back,
    sinusoidal_positions,
    SelfAttention,
    rotate_positions,
    layers_to_meet,
)
