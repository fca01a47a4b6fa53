"""The small package behind the notebooks of "Attention, Measured".

Imports point one way: settings, palette -> start, results, corpus, grammar -> attention, recurrent
-> training, decoding, metrics, claims, shipped -> figures, explorer, exercises -> authoring.
"""

__version__ = "0.1.0"
