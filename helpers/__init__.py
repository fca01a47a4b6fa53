"""The small package behind the notebooks of "Attention, Measured".

Imports point one way: settings, palette -> start, results, corpus, grammar, downloads, multi30k ->
french, attention, layers, scenes, recurrent, blocks, transformer, ordering, language -> training,
decoding, metrics, claims, shipped, probes -> maps, museum, captioning, bags -> figures, explorer,
exercises -> diagrams, authoring.
"""

__version__ = "0.1.0"
