"""Tools for those who write the course, behind `python -m helpers`."""


class Refused(Exception):
    """A command was not carried out; the message says why and what to do."""
