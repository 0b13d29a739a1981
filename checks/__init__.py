"""What a course needs to check homework: exercises, what an answer is, what is said of it.

An exercise is a question with cases and criteria. Three things happen to an answer, in
places that need not trust each other: ``attempt`` runs the student's code on the inputs
of a case and reduces what comes back to numbers and text; ``judging`` looks at that and
says, criterion by criterion, what is right and what is not, with sentences of
``differences``. A student's own check does both in one notebook, with ``checker``. A
grader runs the first in a closed process and judges where the student's code cannot
reach. It asks on fresh inputs, made with ``drawing``, and runs cells with ``cell``.

Where an answer is given a function, such as one step of a decoder, it holds a stand-in
that asks the real one (``asking``). In a notebook that one is next to it; in grading it
is on the other side of a channel, and so is the note of what it was asked.

Nothing here is part of a model, so no page of the book depends on it, and the library
knows nothing of it. Every module imports only from those above it:

    exercise, plain, asking, attempt, cell, judging, differences, drawing,
    scopes, places, forbidden, checker
"""
