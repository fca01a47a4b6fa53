"""The small package behind the notebooks of "Attention, Measured".

Imports point one way: settings, palette -> start, results, corpus, grammar, downloads, multi30k ->
french, attention, layers, scenes, recurrent, blocks, transformer, ordering, lookups -> training,
decoding, metrics, claims, shipped, probes, shortlist, caching -> maps, museum, captioning, bags,
language, beam, paired, recipes -> figures, explorer, exercises -> diagrams, authoring.
"""

__version__ = "0.1.0"
