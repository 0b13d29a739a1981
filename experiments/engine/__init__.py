"""How experiments run and what they leave behind; no experiment is in here.

``runs`` runs arms times seeds, ``job`` is one of them and trains its models, ``parts`` keep
what a finished job measured, and ``results`` are the files that everybody reads.
"""

from experiments.engine.job import Job, Values
from experiments.engine.runs import Experiment, main

__all__ = ["Experiment", "Job", "Values", "main"]
