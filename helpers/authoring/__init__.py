"""Tools for those who write the course, behind `python -m helpers`.

cli           the commands
doctor        what to send along with a question; for all who use the course
bootstrap     the first cell of every notebook
notebooks     execute a notebook and write it in its one form
recording     store what the long runs in measurements/ give
ledger        how far each claim stands from its band, over seeds that chose nothing
pretraining   train the shipped models
benchmarks    time layers and translators
book          the course as pages that live without a kernel
editions      the student's and the instructor's notebooks, made from the committed ones
teaching      read the teaching guide, lesson by lesson
grading       judge the notebooks that a class handed in, each answer in its own process
"""


class Refused(Exception):
    """A command was not carried out; the message says why and what to do."""
