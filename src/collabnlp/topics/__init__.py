"""Vectors and texts become topics in two levels; new texts are assigned to them.

`model` fits and assigns, by way of `consensus` (arrays), `phrases` and `labels` (words). `quality` measures, `changes`
tells one fit from the next, `tables` counts topics against codes, documents, years and councils, and `plots` draws.
"""

from collabnlp.topics.model import TopicModel, fit, sample

__all__ = ["TopicModel", "fit", "sample"]
