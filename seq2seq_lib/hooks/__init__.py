"""What may happen beside training: give ``training.fit`` a list of these.

``progress`` shows a bar, ``evaluation`` measures on the way, ``early_stop`` ends a run
before its last update, and ``checkpoints`` saves it and goes on from where it stopped. A
hook of your own is a subclass of ``run.Hook``.
"""
