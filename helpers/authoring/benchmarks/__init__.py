"""Benchmarks: how fast, and how good in a given time. `python -m helpers benchmark`.

Speed depends on the machine, so nothing here is a test and nothing in the course claims a number
of seconds: each line is the ratio of two programs that ran in turns in one process.
"""
