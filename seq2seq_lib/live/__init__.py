"""Trained models that live in a page: weights as files, the forward pass in JavaScript.

- ``export``: a model's weights as 16-bit floats, with what a page has to know of them
- ``publish``: the files that a built page loads
- ``place``: how a piece stands in a page or in a notebook, with something still first
- ``runs``: what single runs measured, as curves
- ``show``: each piece as the value of a cell
- ``measured``: the same for pieces that show what experiments stored

In JavaScript, each file readable by itself:

- ``model.mjs``: the encoder, the look and the decoder, one sentence at a time
- ``numbers.mjs``: number words in English and German, and their alignment
- ``elements.mjs``: elements of a page, made in one call
- ``start.mjs``: finds the places of a page that wait for a piece
- ``plane.mjs``: a square of the plane in which one point is moved
- ``strips.mjs``: a vector as a strip of cells
- ``lines.mjs``: two rows of words, and lines between them
- ``heatmap.mjs``: weights as a table of numbers, darker where there is more
- ``answer.mjs``: what a reader asks of models, and what they answer
- ``runs.mjs``: what one seed measured, as lines and as a table
- ``translator.mjs``: a translator's folder: text, pieces of words, weights
- ``explorer.mjs``: two models translate what a reader types; weights are seen and changed
- ``links.mjs``: a number in two languages, with lines between its words
- ``lookup.mjs``: a query that one drags among keys, and a temperature
- ``batch.mjs``: sentences become a rectangle with a mask
- ``sketch.mjs``: a curve that one draws before one sees it
- ``beam.mjs``: beam search as a tree
- ``stepper.mjs``: the decoder, one step at a time
- ``geometry.mjs``: which key wins for which query, under each scorer
- ``islands.mjs``: a state of two numbers jumps, letter by letter
- ``gate.mjs``: how far back a gradient reaches, bias by bias
- ``rates.mjs``: what a distance costs, at a learning rate that one chooses
- ``bits.mjs``: how many bits come through a few numbers, after a training of any length
- ``verdict.mjs``: a claim, and what would have mattered
- ``hypothesis.mjs``: a hypothesis that one edits, and four measures of it
- ``padding.mjs``: padding grows behind a sentence, and moves those who read it
- ``mechanisms.mjs``: models that look in different ways, on one number
- ``training.mjs``: a model while it trains, moment by moment
- ``captions.mjs``: a reader's own sentence, and two translators
"""
