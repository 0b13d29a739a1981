"""One comparison, everything measured: the fixed context against additive attention.

Same pairs, same updates, same decoder; the fixed context is widened to at least the
parameters of attention, and each model has the recipe that was chosen for it. These are the
arms "fixed, 96" and "additive, 96" of `ablations` with five of its seeds. Measured on the
test set of number words:

    exact match      over all lengths, and by length
    BLEU, chrF       of the same answers
    well formed      share of the answers that are numbers at all, right or wrong
    movement         how far the weights move from one step to the next: half the sum of
                     absolute differences, 0 = not at all, 1 = to other words altogether
    interventions    exact match when the weights are frozen at the first look, shuffled,
                     shifted, hardened or spread evenly, or when the context is withheld
    three ways       largest difference between the context as a loop, as a matrix
                     product, and as the model's own module makes it
"""

import copy

import torch

from experiments.ablated import build, model_config
from experiments.declarations import SEEDS
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import DATA, UPDATES, splits, train_model
from experiments.recipes import RECIPES
from seq2seq_lib.batching import Batch, collate, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.interventions import edited, frozen, harden, shift, shuffle, spread
from seq2seq_lib.metrics import bleu, chrf, exact_match, exact_match_by_length, perplexity
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.tasks import Example
from seq2seq_lib.tasks.numbers import Numbers, value_of
from seq2seq_lib.training import TrainConfig

MODELS = ("fixed", "additive")
EVERY = 5  # interventions are tried on every fifth test sentence
EDITS = {"shuffled": shuffle, "shifted": shift, "hardened": harden, "spread": spread}


def withheld(model: Seq2Seq) -> Seq2Seq:
    """A copy of the model whose decoder is never given a context: it is always zero."""
    changed = copy.deepcopy(model)
    changed.decoder.attention.register_forward_hook(
        lambda module, given, found: (torch.zeros_like(found[0]), found[1])
    )
    return changed


def right(model: Seq2Seq, examples: list[Example]) -> float:
    """Exact match of greedy translations."""
    answers = translate(model, [e.src for e in examples], *Numbers().vocabs())
    return exact_match([a.tokens for a in answers], [e.tgt for e in examples])


def interventions(model: Seq2Seq, examples: list[Example]) -> dict[str, float]:
    """Exact match under each change of the weights or of the context."""
    changed = {name: edited(model, edit) for name, edit in EDITS.items()}
    changed |= {"frozen": frozen(model), "withheld": withheld(model)}
    return {
        "unchanged": right(model, examples),
        **{name: right(other, examples) for name, other in changed.items()},
    }


@torch.no_grad()
def movement(model: Seq2Seq, batch: Batch) -> float:
    """Mean over steps of how far the weights have moved since the step before."""
    weights = model(batch).weights  # (batch, tgt_len, src_len)
    moved = (weights[:, 1:] - weights[:, :-1]).abs().sum(dim=-1) / 2
    return moved[batch.tgt_mask[:, 1:]].mean().item()


@torch.no_grad()
def three_ways(model: Seq2Seq, batch: Batch) -> float:
    """Largest difference between three ways of computing the same contexts."""
    encoded = model.encoder(batch.src_ids, batch.src_lengths)
    memory = model.decoder.attention.memory(encoded)
    queries = model.decoder.unroll(batch.tgt_in, encoded).dec_states
    own, weights = model.decoder.attention(queries, *memory)
    product = weights @ memory.values  # (batch, tgt_len, enc_dim)
    loop = torch.zeros_like(own)
    for row in range(weights.shape[0]):
        for t in range(weights.shape[1]):
            for s in range(weights.shape[2]):
                loop[row, t] += weights[row, t, s] * memory.values[row, s]
    return max((own - other).abs().max().item() for other in (product, loop))


def run(job: Job) -> Values:
    """Train one model with one seed and measure everything."""
    task = Numbers()
    vocabs = task.vocabs()
    recipe = RECIPES[job.arm, 96]
    model = build(job.arm, 96, recipe.gate, job.seed)
    values, _ = train_model(job, model, TrainConfig(UPDATES, lr=recipe.lr))
    test = list(splits().test)
    if job.quick:
        test = test[::23]
    sources, references = [e.src for e in test], [e.tgt for e in test]
    said = [a.tokens for a in translate(model, sources, *vocabs)]
    buckets = exact_match_by_length(sources, said, references)
    texts = [" ".join(tokens) for tokens in said]
    gold = [" ".join(tokens) for tokens in references]
    well_formed = [value_of(tokens, task.tgt_lang) is not None for tokens in said]
    wrong = [h != r for h, r in zip(said, references, strict=True)]
    passable = [w and f for w, f in zip(wrong, well_formed, strict=True)]
    batch = collate(encode(test[::EVERY], *vocabs))
    return {
        **values,
        "exact_match": {b.name: b.accuracy for b in buckets if b.sentences},
        "exact_match_all": exact_match(said, references),
        "perplexity": perplexity(model, encode(test, *vocabs)),
        "bleu": bleu(texts, gold, tokenize="none"),
        "chrf": chrf(texts, gold),
        "well_formed": sum(well_formed) / len(said),
        "wrong": sum(wrong) / len(said),
        "wrong_but_well_formed": sum(passable) / len(said),
        "movement": movement(model, batch),
        "interventions": interventions(model, test[::EVERY]),
        "three_ways": three_ways(model, collate(encode(test[:: 10 * EVERY], *vocabs))),
    }


def experiment() -> Experiment:
    configuration = {
        **DATA,
        "updates": UPDATES,
        "recipes": {name: RECIPES[name, 96] for name in MODELS},
        "interventions_on_every": EVERY,
        "models": {name: options(model_config(name, 96)) for name in MODELS},
    }
    return Experiment("comparison", run, dict.fromkeys(MODELS, SEEDS[:5]), configuration)


if __name__ == "__main__":
    main(experiment(), __doc__)
