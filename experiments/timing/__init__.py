"""What ``bench`` measures: one question in each module.

``entrants`` are the programs that are compared, ``step_loop`` is the best public tutorials'
among them, ``operations`` counts multiplications and measures how fast this machine does
them, ``habits``, ``models``, ``race`` and ``costs`` measure, ``kept`` keeps what has ended
for a run that is interrupted, and ``figure`` draws it all.

The machine's speed drifts, so every round times all that is compared in turn; a ratio is
the median over rounds of ratios within a round. One thread computes.
"""
