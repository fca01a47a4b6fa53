"""The models, each a module in plain PyTorch.

translator      what every translator offers: a Protocol
embedding       from the numbers of words to vectors
positions       positional encodings, sinusoidal and learnt
attention_layer     queries, keys, values, heads
kv_cache        keys and values that are kept while a sentence is written
recurrent       RNN translators: bottleneck, additive (Bahdanau), dot product (Luong)
blocks          layer norm, sublayer, MLP, encoder and decoder blocks and stacks
transformer     the Transformer as a translator
language_model  masked self-attention that predicts the next word
captioner       attention over the cells of a picture
sampled_softmax     a large vocabulary for less: tied output layer and sampled softmax
recipes         the four translators at the size of real sentences, with their learning rates
pretrained      the models that come trained with the course
"""

from helpers.models.attention_layer import AttentionLayer, merge_heads, split_heads
from helpers.models.blocks import (
    DecoderBlock,
    DecoderStack,
    EncoderBlock,
    EncoderStack,
    FeedForward,
    LayerNorm,
    Stack,
    Sublayer,
)
from helpers.models.captioner import (
    AttentionCaptioner,
    Captioner,
    GridEncoder,
    GridMemory,
    MeanPooledCaptioner,
    MultiHeadCaptioner,
    ReorderedCaptioner,
)
from helpers.models.embedding import Embedding, small_embedding
from helpers.models.kv_cache import KeyValues, greedy_uncached, step_uncached
from helpers.models.language_model import AttentionReader, LanguageModel, look_mask
from helpers.models.positions import LearnedPositions, SinusoidalPositions, sinusoidal_positions
from helpers.models.pretrained import PretrainedError, load_pretrained, model_path, save_pretrained
from helpers.models.recipes import build_translator
from helpers.models.recurrent import (
    AdditiveTranslator,
    BottleneckTranslator,
    LuongTranslator,
    Memory,
    RecurrentEncoder,
    open_update_gates,
)
from helpers.models.sampled_softmax import (
    TiedOutput,
    TiedTranslator,
    WordSample,
    draw_words,
    sampled_loss,
    sampled_softmax_loss,
)
from helpers.models.transformer import (
    Maps,
    TransformerMemory,
    TransformerTranslator,
    parameters_by_part,
)
from helpers.models.translator import Trainable, Translator

__all__ = [
    "AdditiveTranslator",
    "AttentionCaptioner",
    "AttentionLayer",
    "AttentionReader",
    "BottleneckTranslator",
    "Captioner",
    "DecoderBlock",
    "DecoderStack",
    "Embedding",
    "EncoderBlock",
    "EncoderStack",
    "FeedForward",
    "GridEncoder",
    "GridMemory",
    "KeyValues",
    "LanguageModel",
    "LayerNorm",
    "LearnedPositions",
    "LuongTranslator",
    "Maps",
    "MeanPooledCaptioner",
    "Memory",
    "MultiHeadCaptioner",
    "PretrainedError",
    "RecurrentEncoder",
    "ReorderedCaptioner",
    "SinusoidalPositions",
    "Stack",
    "Sublayer",
    "TiedOutput",
    "TiedTranslator",
    "Trainable",
    "TransformerMemory",
    "TransformerTranslator",
    "Translator",
    "WordSample",
    "build_translator",
    "draw_words",
    "greedy_uncached",
    "load_pretrained",
    "look_mask",
    "merge_heads",
    "model_path",
    "open_update_gates",
    "parameters_by_part",
    "sampled_loss",
    "sampled_softmax_loss",
    "save_pretrained",
    "sinusoidal_positions",
    "small_embedding",
    "split_heads",
    "step_uncached",
]
