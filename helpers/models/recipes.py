"""The course's translators at the size of real sentences, and their learning rates.

Four models that learn from the same batches by the same recipe: one embedding table for target
words and output (`TiedOutput`), batches of one source length, AdamW with a warm-up and a straight
fall to 0, label smoothing.
"""

from __future__ import annotations

from typing import cast

from helpers.corpus import Corpus
from helpers.models.recurrent import AdditiveTranslator, BottleneckTranslator, LuongTranslator
from helpers.models.sampled_softmax import TiedOutput, TiedTranslator
from helpers.models.transformer import TransformerTranslator

BATCH_SIZE, WIDTH = 32, 256
# Peak learning rates, each the best of three on Multi30k's dev set after 150 CPU-seconds (seed 0):
# 0.0025, 0.005 and 0.01 for the recurrent models, 0.001, 0.002 and 0.004 for the Transformer.
WEIGHT_DECAY = 0.01
RATES = {"no attention": 5e-3, "additive": 5e-3, "general": 5e-3, "transformer": 2e-3}
TRANSLATORS = tuple(RATES)


def build_translator(
    name: str, corpus: Corpus, width: int = WIDTH, dropout: float = 0.0
) -> TiedTranslator:
    """Return a fresh translator, one of `TRANSLATORS`, for the vocabularies of `corpus`.

    width: of embeddings and states, even. The Transformer has one layer in each stack, 4 heads and
    an MLP of 2 * width. dropout: before the output layer; in all of the Transformer.
    Raises ValueError for another name.
    """
    sizes = len(corpus.source_vocabulary), len(corpus.target_vocabulary)
    if name == "no attention":
        model = BottleneckTranslator(*sizes, width, width, bidirectional=True)
    elif name == "additive":
        model = AdditiveTranslator(*sizes, width, width, attention=width // 2)
    elif name == "general":
        model = LuongTranslator(*sizes, width, width, score="general")
    elif name == "transformer":
        model = TransformerTranslator(
            *sizes, width, heads=4, layers=1, mlp=2 * width, dropout=dropout
        )
    else:
        raise ValueError(f"model {name!r}; expected one of {', '.join(TRANSLATORS)}")
    is_transformer = isinstance(model, TransformerTranslator)
    table = model.target_embedding.table if is_transformer else model.embedding
    model.add_module("output", TiedOutput(table, model.output.in_features, dropout))
    return cast(TiedTranslator, model)  # now that its output layer is the tied one
