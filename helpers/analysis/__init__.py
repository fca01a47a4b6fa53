"""Instruments: what a trained model does, beyond a score.

alignment       gold links by kind of word, the diagonal baseline
captions        which words of a caption are right
generated_text  what generated sentences are worth
gradients       how far gradients reach
ngrams          n-gram language models to compare with
kneser_ney      the strongest of them, with interpolated Kneser-Ney smoothing
paired_bootstrap    the difference in BLEU of two systems, with its interval
probes          what a state still holds
attention_bugs  attention layers with one bug each, to be found by their maps
hidden_leaks    language models that overhear later words, to be found by tests
"""

from helpers.analysis.alignment import crossing_links, diagonal_links, hits_by_kind, kinds_of_words
from helpers.analysis.attention_bugs import (
    first_query_only,
    keys_of_another_sentence,
    mask_after_softmax,
    no_bug,
    no_mask,
    query_of_the_step_before,
    softmax_over_queries,
)
from helpers.analysis.captions import CaptionScores, caption_all, score_captions
from helpers.analysis.generated_text import TextQuality, text_quality
from helpers.analysis.gradients import gradient_norms, source_gradient_norms, update_gates
from helpers.analysis.kneser_ney import KneserNey
from helpers.analysis.ngrams import NGrams, ngrams_of
from helpers.analysis.paired_bootstrap import bleu_difference, bleu_from_counts, ngram_counts
from helpers.analysis.probes import PositionReader, accuracy_by_source_place

__all__ = [
    "CaptionScores",
    "KneserNey",
    "NGrams",
    "PositionReader",
    "TextQuality",
    "accuracy_by_source_place",
    "bleu_difference",
    "bleu_from_counts",
    "caption_all",
    "crossing_links",
    "diagonal_links",
    "first_query_only",
    "gradient_norms",
    "hits_by_kind",
    "keys_of_another_sentence",
    "kinds_of_words",
    "mask_after_softmax",
    "ngram_counts",
    "ngrams_of",
    "no_bug",
    "no_mask",
    "query_of_the_step_before",
    "score_captions",
    "softmax_over_queries",
    "source_gradient_norms",
    "text_quality",
    "update_gates",
]
