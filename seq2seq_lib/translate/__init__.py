"""From two text files to a translator: ``python -m seq2seq_lib.translate --help``.

``lines`` reads files, ``subwords`` cuts text into pieces, ``store`` keeps a corpus as
numbers on disk, ``batches`` draws from it, ``architectures`` are the kinds of model that
there are, ``quantizing`` makes weights small, ``folder`` is a model with all that belongs
to it, ``processes`` lets several of them train as one, ``errors`` tells what went wrong,
``asking`` is what a translator is for, ``hooks`` keep the best weights and the state and
write a log, ``scores`` says how good they are, ``preparing`` makes all that training needs
of the files, ``training`` puts these together, and ``commands`` is the command line. Each
imports only from those before it.
"""
