"""The exercises of notebook 11: `from helpers.exercises import nb11 as ex`."""

from helpers.exercises.nb11.attention import head_parameters, multi_head_attention, without_head
from helpers.exercises.nb11.heads import merge_heads, split_heads
from helpers.exercises.nb11.whole import MultiHeadAttention

EXERCISES = (
    split_heads,
    merge_heads,
    MultiHeadAttention,
    multi_head_attention,
    head_parameters,
    without_head,
)
