"""The small package behind the notebooks of "Attention, Measured".

In front, what most notebooks import:

attention   `attend`, the one function of the course; its scores and its masks
training    `fit`, the one training loop, with warm-up of the learning rate, and the losses
decoding    greedy decoding, beam search, sampling
metrics     exact match, BLEU, perplexity, alignment error
claims      `claim` and `predict`
results     the results of the long runs
settings    seed, device, folders
start       what the first cell does
palette     the colours

Behind it, shelves, each a folder whose own page lists what lies on it: corpus, models, tasks,
analysis, figures, explorer, exercises, authoring.

Imports point one way: settings, palette -> results, claims, start, corpus, attention -> models ->
training, decoding -> metrics, analysis, tasks -> figures -> explorer -> exercises, authoring.
"""

__version__ = "0.1.0"
