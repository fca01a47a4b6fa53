"""Tools for those who write the course, behind `python -m helpers`."""
