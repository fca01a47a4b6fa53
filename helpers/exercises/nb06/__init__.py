"""The exercises of notebook 06: `from helpers.exercises import nb06 as ex`."""

from helpers.exercises.nb06.changing import check_map, without_largest
from helpers.exercises.nb06.links import alignment_error, crossing, diagonal_links

EXERCISES = (alignment_error, diagonal_links, crossing, without_largest, check_map)
