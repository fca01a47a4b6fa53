"""Toy tasks, one a file, each named for what it asks of a model.

first_word      which word came first? (memory of recurrent layers)
previous_word   which word stands before mine? (needs positions)
own_place       which place is mine? (what a causal mask gives away)
key_value_retrieval     what belongs to this name? (keys against values)
noun_gender     which French gender does this word need? (looks for its noun)
two_lookups     how many more of these than of those? (two heads against one)
"""

from helpers.tasks.first_word import FirstWord, random_words
from helpers.tasks.key_value_retrieval import (
    READERS,
    Bag,
    BagReader,
    Bags,
    BagScores,
    bag_loss,
    content_to_name,
    score_bags,
)
from helpers.tasks.noun_gender import (
    GENDERS,
    KINDS,
    Asked,
    GenderBatches,
    GenderReader,
    GenderScores,
    MeanLook,
    Question,
    collate_questions,
    gender_loss,
    gender_questions,
    score_genders,
)
from helpers.tasks.own_place import PlaceLines, place_loss, right_places
from helpers.tasks.previous_word import (
    LONGEST,
    PLACES,
    POSITION_KINDS,
    SHORTEST,
    Lines,
    PreviousWordModel,
    ShiftedLoss,
    accuracy_by_place,
    chance_level,
    previous_word_loss,
    previous_words,
)
from helpers.tasks.two_lookups import (
    ANIMALS,
    ANSWERS,
    MOST_ANIMALS,
    DrawFarms,
    Farms,
    TwoLookUps,
    farm_loss,
    looks_at,
    moved_by,
    share_right,
    silence,
)

__all__ = [
    "score_genders",
    "gender_questions",
    "gender_loss",
    "collate_questions",
    "Question",
    "MeanLook",
    "GenderScores",
    "GenderReader",
    "GenderBatches",
    "Asked",
    "KINDS",
    "GENDERS",
    "ANIMALS",
    "ANSWERS",
    "Bag",
    "BagReader",
    "BagScores",
    "Bags",
    "DrawFarms",
    "Farms",
    "FirstWord",
    "LONGEST",
    "Lines",
    "MOST_ANIMALS",
    "PLACES",
    "POSITION_KINDS",
    "PlaceLines",
    "PreviousWordModel",
    "READERS",
    "SHORTEST",
    "ShiftedLoss",
    "TwoLookUps",
    "accuracy_by_place",
    "bag_loss",
    "chance_level",
    "content_to_name",
    "farm_loss",
    "looks_at",
    "moved_by",
    "place_loss",
    "previous_word_loss",
    "previous_words",
    "random_words",
    "right_places",
    "score_bags",
    "share_right",
    "silence",
]
