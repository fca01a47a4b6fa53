"""Set before anything imports torch, and inherited by xdist's workers and by notebook kernels."""

import os

# One thread, as readers have after the first cell: two workers share two cores, and more threads
# than that would wait for each other.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
os.environ["COURSE_PROGRESS"] = ""  # the exercises that a test solves are not the user's
