"""What the models read: sentence pairs with gold alignments, captions, drawn scenes.

vocabulary      words and their numbers, and how a typed sentence is split
pairs           the file format of sentence pairs with gold links
en_fr           the course's own corpus, data/en-fr, in two levels
batches         numbering, padding, and batches for training
near_duplicates     sentences that are one word away from a training sentence
multi30k        real captions in English and French
multi30k_download   fetches them once, checks them, keeps them outside the course
scenes          drawn pictures with captions and gold cells
grammar/        the synchronous grammar that wrote data/en-fr, and its judge of French
"""

from helpers.corpus.batches import (
    Batch,
    collate,
    french_rows,
    make_batches,
    same_length_batches,
    training_batches,
)
from helpers.corpus.en_fr import BUCKETS, LONGER, Corpus, load_corpus
from helpers.corpus.grammar.judge import faults
from helpers.corpus.multi30k import load_multi30k, tokenize_caption
from helpers.corpus.multi30k_download import DownloadError
from helpers.corpus.near_duplicates import near_duplicates
from helpers.corpus.pairs import CorpusError, Pair, format_pair, read_pairs, read_splits
from helpers.corpus.scenes import (
    CELL,
    CELLS,
    COLOURS,
    GRID,
    RELATION_AT,
    RELATIONS,
    SCENE_VOCABULARY,
    SHAPES,
    THING_SIZES,
    Scene,
    Thing,
    cell_names,
    collate_scenes,
    cut_cells,
    draw_scenes,
    move_cells,
    relation_between,
    render,
    scene_batches,
)
from helpers.corpus.vocabulary import EmptySentenceError, UnknownWordsError, Vocabulary, tokenize

__all__ = [
    "BUCKETS",
    "Batch",
    "CELL",
    "CELLS",
    "COLOURS",
    "Corpus",
    "CorpusError",
    "DownloadError",
    "EmptySentenceError",
    "GRID",
    "LONGER",
    "Pair",
    "RELATIONS",
    "RELATION_AT",
    "SCENE_VOCABULARY",
    "SHAPES",
    "Scene",
    "THING_SIZES",
    "Thing",
    "UnknownWordsError",
    "Vocabulary",
    "cell_names",
    "collate",
    "collate_scenes",
    "cut_cells",
    "draw_scenes",
    "faults",
    "format_pair",
    "french_rows",
    "load_corpus",
    "load_multi30k",
    "make_batches",
    "move_cells",
    "near_duplicates",
    "read_pairs",
    "read_splits",
    "relation_between",
    "render",
    "same_length_batches",
    "scene_batches",
    "tokenize",
    "tokenize_caption",
    "training_batches",
]
