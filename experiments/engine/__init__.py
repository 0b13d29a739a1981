"""How experiments run and what they leave behind; no experiment is in here.

``runs`` runs arms times seeds, ``job`` is one of them and trains its models, ``parts`` keep
what a finished job measured, and ``results`` are the files that everybody reads.
"""
