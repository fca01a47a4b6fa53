"""The tests of the course, and `python -m tests.benchmark`."""
