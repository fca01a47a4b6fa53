"""The exercises of notebook 06: `from helpers.exercises import nb06 as ex`."""

from helpers.exercises.nb06.changing import without_largest
from helpers.exercises.nb06.checking import check_map, crossing
from helpers.exercises.nb06.links import alignment_error, diagonal_links

EXERCISES = (alignment_error, diagonal_links, crossing, without_largest, check_map)
