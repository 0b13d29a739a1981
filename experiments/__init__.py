"""Long measurements: each module writes one file in ``results/``."""
