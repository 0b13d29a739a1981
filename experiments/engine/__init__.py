"""How experiments run and what they leave behind; no experiment is in here.

``runs`` runs arms times seeds, ``job`` is one of them and trains its models, ``parts`` keep
what a finished job measured, ``results`` are the files that everybody reads, and
``options`` says of a configuration what they record; ``command_line`` is that of scripts
that measure in one go.
"""

from experiments.engine.job import Job, Values
from experiments.engine.options import options
from experiments.engine.runs import Experiment, main

__all__ = ["Experiment", "Job", "Values", "main", "options"]
