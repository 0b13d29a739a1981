"""The library of *Attention, Measured*.

Where to enter: ``tasks`` makes sentence pairs, ``batching`` turns them into tensors,
``model.build_model`` puts an ``encoder`` and a ``decoder`` together around one of the
mechanisms of ``attention`` (and ``transformer.build_transformer`` makes a model of nothing
else), ``training.fit`` trains it, ``decoding.translate`` asks it, and ``metrics`` says how
good the answer is. Every module imports only from those above it:

    require, files, precision, text, vocab, tasks, batching, encoder, attention, output,
    decoder, model, transformer, run, hooks, training, decoding, metrics, intervals,
    probing, interventions, plotting, page, widgets, live, translate
"""

__version__ = "0.2.0"
