"""The exercises of notebook 08: `from helpers.exercises import nb08 as ex`."""

from helpers.exercises.nb08.layers import cross_attention, general_as_qkv, project
from helpers.exercises.nb08.lookups import attention_outputs, masked_outputs, soft_lookup
from helpers.exercises.nb08.whole import AttentionLayer

EXERCISES = (
    soft_lookup,
    project,
    attention_outputs,
    masked_outputs,
    AttentionLayer,
    cross_attention,
    general_as_qkv,
)
