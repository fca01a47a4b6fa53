"""The exercises of notebook 07: `from helpers.exercises import nb07 as ex`."""

from helpers.exercises.nb07.grids import cut_cells, with_positions
from helpers.exercises.nb07.looks import looked_at
from helpers.exercises.nb07.sets import bag_answers, frames

EXERCISES = (cut_cells, with_positions, looked_at, bag_answers, frames)
