"""Trained models that live in a page: weights as files, the forward pass in JavaScript.

- ``export``: a model's weights as 16-bit floats, with what a page has to know of them
- ``publish``: the files that a built page loads
- ``show``: an explorer on a page or in a notebook, with a precomputed example first

In JavaScript, each file readable by itself:

- ``model.mjs``: the encoder, the look and the decoder, one sentence at a time
- ``numbers.mjs``: number words in English and German, and their alignment
- ``explorer.mjs``: what a reader types, sees and changes
- ``start.mjs``: finds the places of a page that wait for an explorer
"""
