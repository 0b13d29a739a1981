"""Assignment A3: the solution earns everything, typical mistakes what they deserve."""

import textwrap
from functools import partial

import handing_in
import pytest
import torch

from assignments import registry
from checks.attempt import attempt
from checks.differences import same
from checks.exercise import Case, Failed
from checks.judging import judge

changed = partial(handing_in.changed, "A3")
QUICK = ("lookup", "scores", "weights", "context", "attention", "step")
TRAINED = ("gate", "own")
EXERCISES = registry.exercises("A3")
SOLUTIONS = registry.solutions("A3")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def earned(key, source, seed):
    """The points, and all reasons as one text."""
    verdicts = registry.verdicts("A3", key, textwrap.dedent(source), seed)
    return sum(v.points for v in verdicts), " ".join(v.reason for v in verdicts if v.reason)


def test_the_points_add_up():
    assert sum(exercise.points for exercise in EXERCISES.values()) == 40
    written = [
        cell.metadata.nbgrader
        for cell in registry.source_notebook("A3").cells
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader")
    ]
    assert sum(cell.points for cell in written) == 16
    tests = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in registry.source_notebook("A3").cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert tests == {f"A3-{key}-test": e.points for key, e in EXERCISES.items()}


def test_the_notebook_says_how_many_locales_there_are():
    (case,) = registry.cases("A3", "gate", 0)[1:]
    assert len(case.inputs["locales"]) == 18
    text = "".join(cell.source for cell in registry.source_notebook("A3").cells)
    assert text.count("eighteen locales") == 4


@pytest.mark.parametrize("seed", (0, 1, 2))
@pytest.mark.parametrize("key", QUICK)
def test_the_solution_earns_full_marks(key, seed):
    assert earned(key, SOLUTIONS[key], seed) == (EXERCISES[key].points, "")


@pytest.mark.slow
@pytest.mark.parametrize("key", TRAINED)
def test_the_trained_solution_earns_full_marks(key):
    assert earned(key, SOLUTIONS[key], 0) == (EXERCISES[key].points, "")


@pytest.mark.parametrize("key", QUICK)
def test_the_typed_answers_are_those_of_the_solution(key):
    student = registry.answers_of("A3", key, SOLUTIONS[key])
    for case in EXERCISES[key].examples():
        answer = attempt(EXERCISES[key], student, case.inputs)
        assert not isinstance(answer, Failed), answer.reason
        if isinstance(case.expected, dict):
            pairs = [(answer[name], right) for name, right in case.expected.items()]
        elif isinstance(case.expected, list):
            pairs = list(zip(answer, case.expected, strict=True))
        else:
            pairs = [(answer, case.expected)]
        for found, right in pairs:
            if isinstance(right, str):
                assert right in found["kinds"]
            else:
                assert same(found, right)


@pytest.mark.parametrize("key", EXERCISES)
def test_an_unanswered_exercise_earns_nothing(key):
    (name,) = EXERCISES[key].answers
    points, reasons = earned(
        key,
        f"""
        class {name}:
            def __init__(self, *args):
                raise NotImplementedError
        """
        if name[0].isupper()
        else f"""
        def {name}(*args, **kwargs):
            raise NotImplementedError
        """,
        0,
    )
    assert points == 0 and "not answered yet" in reasons


# Answers that have the right form and know nothing.
EMPTY = {
    "lookup": "look_up = lambda query, states: ({0}(len(states)), {0}(len(states)), "
    "{0}(len(query)))",
    "scores": "additive_scores = lambda query, enc_states, W, U, v: {0}("
    "*query.shape[:2], enc_states.shape[1])",
    "weights": "masked_weights = lambda scores, mask: {0}(scores.shape)",
    "context": "weighted_context = lambda weights, values: {0}("
    "*weights.shape[:2], values.shape[2])",
    "attention": """
        class AdditiveAttention(nn.Module):
            def __init__(self, query_dim, enc_dim, attn_dim):
                super().__init__()
                self.key_proj = nn.Linear(enc_dim, attn_dim, bias=False)

            def memory(self, enc_states, mask):
                return enc_states

            def forward(self, query, states):
                return {0}(states.shape[0], states.shape[2]), {0}(states.shape[:2])
        """,
    "step": """
        class Decoder(nn.Module):
            def __init__(self, vocab_size, emb_dim, hidden, enc_dim, attention):
                super().__init__()
                self.sizes = vocab_size, hidden

            def step(self, prev_ids, dec_state, memory):
                n = len(prev_ids)
                vocab, hidden = self.sizes
                return {0}(n, vocab), {0}(n, hidden), {0}(n, memory[0].shape[1])
        """,
}


@pytest.mark.parametrize("fill", ("torch.zeros", "torch.ones", "torch.rand"))
@pytest.mark.parametrize("key", EMPTY)
def test_numbers_from_nowhere_earn_nothing(key, fill):
    assert earned(key, EMPTY[key].replace("{0}", fill), 0)[0] == 0


UNIFORM = """
    def masked_weights(scores, mask):
        real = mask[:, None].expand_as(scores).float()
        return real / real.sum(dim=-1, keepdim=True)
"""


def test_equal_weights_earn_nothing():
    assert earned("weights", UNIFORM, 0)[0] == 0


def weights(body):
    """A wrong answer to exercise 3 that is right about empty sources."""
    return f"""
        def masked_weights(scores, mask):
            if not mask.any(dim=-1).all():
                raise ValueError("no real token")
            real = mask[:, None]
            {body}
    """


def attention(*changes):
    return changed("attention", *changes)


def step(*changes):
    return changed("step", *changes)


def scores(expression):
    return f"""
        def additive_scores(query, enc_states, W, U, v):
            q = (query @ W.T)[:, :, None]
            k = (enc_states @ U.T)[:, None]
            return {expression}
    """


def lookup(
    scores="states @ query", weights="scores.softmax(0)", context="weights @ states"
):
    return f"""
        def look_up(query, states):
            scores = {scores}
            weights = {weights}
            return scores, weights, {context}
    """


def context(expression):
    return f"""
        def weighted_context(weights, values):
            return {expression}
    """


# exercise, answer, points, words of the reasons
MISTAKES = {
    "lookup: scores divided by the root of the size": (
        "lookup",
        lookup("states @ query / len(query) ** 0.5"),
        0,
        "divided by the square root of 2",
    ),
    "lookup: weights in proportion to the scores": (
        "lookup",
        lookup(weights="scores / scores.sum()"),
        1,
        "in proportion to the scores",
    ),
    "lookup: the exponentials are not divided": (
        "lookup",
        lookup(weights="scores.exp()"),
        1,
        "sum to 22.2, not to 1",
    ),
    "lookup: the best state alone": (
        "lookup",
        lookup(context="states[weights.argmax()]"),
        2,
        "best state alone",
    ),
    "lookup: the mean of the states": (
        "lookup",
        lookup(context="states.mean(0)"),
        2,
        "plain mean of the states",
    ),
    "lookup: a mean of the weighted states": (
        "lookup",
        lookup(context="(weights[:, None] * states).mean(0)"),
        2,
        "too small by a factor of 3",
    ),
    "scores: no tanh": (
        "scores",
        scores("(q + k) @ v"),
        0,
        "outside the range from -4 to 4",
    ),
    "scores: tanh outside": (
        "scores",
        scores("torch.tanh((q + k) @ v)"),
        0,
        "v comes last",
    ),
    "scores: multiplied": ("scores", scores("torch.tanh(q * k) @ v"), 0, "called additive"),
    "scores: v forgotten": (
        "scores",
        scores("torch.tanh(q + k).sum(-1)"),
        0,
        "v is to weigh them",
    ),
    "scores: the matrices exchanged": (
        "scores",
        """
        def additive_scores(query, enc_states, W, U, v):
            q, k = (query @ U.T)[:, :, None], (enc_states @ W.T)[:, None]
            return torch.tanh(q + k) @ v
        """,
        0,
        "W belongs to the query",
    ),
    "scores: the matrices transposed": (
        "scores",
        """
        def additive_scores(query, enc_states, W, U, v):
            if W.shape[0] != W.shape[1] or U.shape[0] != U.shape[1]:
                W, U = W.T, U.T
            q, k = (query @ W)[:, :, None], (enc_states @ U)[:, None]
            return torch.tanh(q + k) @ v
        """,
        0,
        "transposed matrices",
    ),
    "scores: the first query answers for all": (
        "scores",
        scores("(torch.tanh(q[:, :1] + k) @ v).expand(-1, query.shape[1], -1)"),
        2,
        "At batch 0, query 1, position 0 the answer is 3, but 1 is right",
    ),
    "scores: every query sees the first source": (
        "scores",
        scores("torch.tanh(q + k[:1]) @ v"),
        2,
        "At batch 1, query 0, position 0",
    ),
    "scores: axes exchanged": (
        "scores",
        scores("(torch.tanh(q + k) @ v).transpose(1, 2)"),
        0,
        "(batch, tgt_len, src_len) = (1, 1, 3) was asked for",
    ),
    "weights: no mask": (
        "weights",
        weights("return scores.softmax(dim=-1)"),
        3,
        "0.94 of its weight on padding. These are the weights without any mask",
    ),
    "weights: over the queries": (
        "weights",
        weights("return scores.masked_fill(~real, -1e9).softmax(dim=1)"),
        1,
        "sum to 1 over the queries, not over the source",
    ),
    "weights: over the queries, with minus infinity": (
        "weights",
        weights("return scores.masked_fill(~real, -torch.inf).softmax(dim=1)"),
        1,
        "sum to 1 over the queries, not over the source",
    ),
    "weights: over the batch": (
        "weights",
        weights("return scores.masked_fill(~real, -1e9).softmax(dim=0)"),
        1,
        "sum to 1 over the batch axis, not over the source",
    ),
    "weights: over everything": (
        "weights",
        weights(
            "return scores.masked_fill(~real, -1e9).flatten().softmax(0).view_as(scores)"
        ),
        2,
        "All weights of the whole batch together sum to 1",
    ),
    "weights: mask upside down": (
        "weights",
        weights("return scores.masked_fill(real, -1e9).softmax(dim=-1)"),
        1,
        "the mask is upside down",
    ),
    "weights: masked afterwards": (
        "weights",
        weights("return scores.softmax(dim=-1) * real"),
        2,
        "sum to 0.06, not 1: what fell on padding is missing",
    ),
    "weights: scores of padding set to zero": (
        "weights",
        weights("return (scores * real).softmax(dim=-1)"),
        3,
        "score of 0 is worth as much as any",
    ),
    "weights: the mask added as numbers": (
        "weights",
        weights("return (scores + real.float()).softmax(dim=-1)"),
        3,
        "added to the scores as the numbers 0 and 1",
    ),
    "weights: a mask that is not low enough": (
        "weights",
        weights("return scores.masked_fill(~real, -8.0).softmax(dim=-1)"),
        3,
        "of its weight on padding",
    ),
    "weights: exponentials by hand": (
        "weights",
        weights("e = scores.exp() * real; return e / e.sum(-1, keepdim=True)"),
        4,
        "more than a bare exponential can bear",
    ),
    "weights: nothing said of an empty source": (
        "weights",
        """
        def masked_weights(scores, mask):
            return scores.masked_fill(~mask[:, None], -1e9).softmax(dim=-1)
        """,
        5,
        "Source 1 has no real token",
    ),
    "weights: an assertion for an empty source": (
        "weights",
        """
        def masked_weights(scores, mask):
            assert mask.any(dim=-1).all()
            return scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1)
        """,
        5,
        "that raises AssertionError, not a ValueError",
    ),
    "weights: the word ValueError, which is no error": (
        "weights",
        """
        def masked_weights(scores, mask):
            if not mask.any(dim=-1).all():
                return "ValueError"
            return scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1)
        """,
        5,
        "It was answered all the same, with a str",
    ),
    "weights: what the process would say of an error": (
        "weights",
        """
        def masked_weights(scores, mask):
            if not mask.any(dim=-1).all():
                return {"raised": "ValueError", "kinds": ["ValueError"]}
            return scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1)
        """,
        5,
        "It was answered all the same, with a dict",
    ),
    "weights: an error of its own that is called alike": (
        "weights",
        """
        class ValueError(Exception): pass
        def masked_weights(scores, mask):
            if not mask.any(dim=-1).all():
                raise ValueError("no real token")
            return scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1)
        """,
        5,
        "that raises Exception, not a ValueError",
    ),
    "weights: a kind of ValueError": (
        "weights",
        """
        class Empty(ValueError): pass
        def masked_weights(scores, mask):
            if not mask.any(dim=-1).all():
                raise Empty("no real token")
            return scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1)
        """,
        6,
        "",
    ),
    "weights: always an error": (
        "weights",
        """
        def masked_weights(scores, mask):
            raise ValueError("no")
        """,
        0,
        "It stopped with ValueError",
    ),
    "context: a mean": (
        "context",
        context("(weights[..., None] * values[:, None]).mean(2)"),
        0,
        "a mean where a sum is meant",
    ),
    "context: the best value": (
        "context",
        context("torch.stack([v[w] for v, w in zip(values, weights.argmax(-1))])"),
        1,
        "largest weight alone",
    ),
    "context: the weights left out": (
        "context",
        context("values.mean(1, keepdim=True).expand(-1, weights.shape[1], -1)"),
        0,
        "the weights do not count",
    ),
    "context: a sum of everything": (
        "context",
        context("values.sum(1, keepdim=True).expand(-1, weights.shape[1], -1)"),
        0,
        "cannot leave that range",
    ),
    "context: no sum at all": (
        "context",
        context("weights[..., None] * values[:, None]"),
        0,
        "(batch, tgt_len, value_dim) = (1, 2, 2) was asked for",
    ),
    "context: the values of another source": (
        "context",
        context("weights @ values.flip(0)"),
        0,
        "but 3 is right",
    ),
    "attention: keys from the query's matrix": (
        "attention",
        attention(
            ("return self.key_proj(enc_states)", "return self._keys(enc_states)"),
            (
                "    def forward",
                "    def _keys(self, states):\n"
                "        same = self.query_proj.in_features == states.shape[-1]\n"
                "        proj = self.query_proj if same else self.key_proj\n"
                "        return proj(states)\n\n"
                "    def forward",
            ),
        ),
        0,
        "The keys were made with the query's matrix",
    ),
    "attention: query from the keys' matrix": (
        "attention",
        attention(
            (
                "self.query_proj(query)[:, None]",
                "(self.key_proj if query.shape[-1] == values.shape[-1] else "
                "self.query_proj)(query)[:, None]",
            )
        ),
        0,
        "projected with the keys' matrix",
    ),
    "attention: values that are keys": (
        "attention",
        attention(
            (
                "return self.key_proj(enc_states), enc_states",
                "k = self.key_proj(enc_states)\n        return k, k",
            )
        ),
        4,
        "sum of keys",
    ),
    "attention: the query does not count": (
        "attention",
        attention(("self.query_proj(query)[:, None]", "0 * query[:, :1, None]")),
        0,
        "the query does not count",
    ),
    "attention: no mask": (
        "attention",
        attention(("masked_weights(scores, mask)", "scores.softmax(dim=-1)")),
        2,
        "Row 1 puts 0.60 of its weight on padding",
    ),
    "attention: keys at every step": (
        "attention",
        attention(
            (
                "return self.key_proj(enc_states), enc_states",
                "return enc_states, enc_states",
            ),
            ("+ keys)", "+ self.key_proj(keys))"),
        ),
        5,
        "the keys are projected at every step",
    ),
    "attention: the memory kept in the module": (
        "attention",
        attention(
            (
                "return self.key_proj(enc_states), enc_states, mask",
                "self.kept = self.key_proj(enc_states), enc_states, mask\n"
                "        return self.kept",
            ),
            ("keys, values, mask = memory", "keys, values, mask = self.kept"),
        ),
        5,
        "the module keeps a source in itself",
    ),
    "attention: the states kept in the module": (
        "attention",
        attention(
            (
                "return self.key_proj(enc_states), enc_states, mask",
                "self.kept = enc_states\n"
                "        return self.key_proj(enc_states), enc_states, mask",
            ),
            (
                "keys, values, mask = memory",
                "keys, _, mask = memory\n        values = self.kept",
            ),
        ),
        5,
        "the module keeps a source in itself",
    ),
    "attention: tanh forgotten": (
        "attention",
        attention(
            (
                "torch.tanh(self.query_proj(query)[:, None] + keys)",
                "self.query_proj(query)[:, None] + keys",
            )
        ),
        0,
        "adds the same to the score of every state",
    ),
    "step: context left out of the output": (
        "step",
        step(
            ("hidden + enc_dim + emb_dim", "hidden + emb_dim"),
            ("[dec_state, context, token]", "[dec_state, token]"),
        ),
        3,
        "as it is, the context is left out",
    ),
    "step: context left out of the cell": (
        "step",
        step(
            ("nn.GRUCell(emb_dim + enc_dim", "nn.GRUCell(emb_dim"),
            ("torch.cat([token, context], dim=-1)", "token"),
        ),
        1,
        "`cell` reads 1 numbers, but token (1), context (3) are 4 together; as it is",
    ),
    "step: the context is there and is zero": (
        "step",
        step(("[dec_state, context, token]", "[dec_state, 0 * context, token]")),
        4,
        "the output layer does not read the context",
    ),
    "step: the cell is deaf": (
        "step",
        step(("[token, context]", "[token, 0 * context]")),
        2,
        "the cell does not read the context",
    ),
    "step: the old state is returned": (
        "step",
        step(
            ("dec_state = self.cell(read, dec_state)", "new = self.cell(read, dec_state)"),
            ("[dec_state, context", "[new, context"),
        ),
        4,
        "the new one is lost",
    ),
    "step: the old state in the output": (
        "step",
        step(
            ("        read = ", "        old = dec_state\n        read = "),
            (
                "        return self.output(features)",
                "        features = torch.cat([old, context, token], dim=-1)\n"
                "        return self.output(features)",
            ),
        ),
        4,
        "reads the state that came in, not the new one",
    ),
    "step: asks after the step": (
        "step",
        step(
            (
                "context, weights = self.attention(dec_state, memory)",
                "context = memory[1][:, 0]",
            ),
            (
                "        features =",
                "        context, weights = self.attention(dec_state, memory)\n"
                "        features =",
            ),
        ),
        1,
        "asks with the state after it",
    ),
    "step: two looks": (
        "step",
        step(
            (
                "        features =",
                "        context, weights = self.attention(dec_state, memory)\n"
                "        features =",
            ),
        ),
        5,
        "asks attention 2 times",
    ),
    "step: context before token": (
        "step",
        step(("[token, context]", "[context, token]")),
        2,
        "reads the context before the token",
    ),
    "step: probabilities": (
        "step",
        step(("self.output(features)", "self.output(features).softmax(-1)")),
        4,
        "These are probabilities",
    ),
}


@pytest.mark.parametrize("seed", (0, 1))
@pytest.mark.parametrize("name", MISTAKES)
def test_a_typical_mistake(name, seed):
    key, source, points, words = MISTAKES[name]
    got, reasons = earned(key, source, seed)
    assert words in reasons, reasons
    assert got == points, reasons


# --- what has to be trained -------------------------------------------------------------


def briefly(source, updates=12):
    """Points and reasons of a gate answer that is hardly trained, by criterion."""
    exercise = EXERCISES["gate"]
    case = exercise.examples()[0]
    case = Case({**case.inputs, "updates": updates}, case.expected)
    student = registry.answers_of("A3", "gate", textwrap.dedent(source))
    verdicts = judge(exercise, [case], [attempt(exercise, student, case.inputs)])
    return {v.criterion: (v.points, v.reason) for v in verdicts}


FORWARD, ANSWER = (
    "`forward` gives the logits of the equations",
    "`answer` writes what the parameters say",
)


def gate(*changes):
    return changed("gate", *changes)


CHOOSE, KEEP = (
    "            ids = logits.argmax(dim=-1)",
    "            steps.append((ids, look))",
)


# answer, the criterion that it fails, words of the reason
GATE_MISTAKES = {
    "padding is real": (
        gate(("encoded.mask)", "torch.ones_like(encoded.mask))")),
        FORWARD,
        "padding gets in",
    ),
    "the target is read before it is predicted": (
        gate(("batch.tgt_in", "batch.tgt_out")),
        FORWARD,
        "first step are wrong already",
    ),
    "the first state is zero": (
        gate(
            (
                "self.decoder.initial_state(encoded), memory",
                "torch.zeros(len(src_ids), self.decoder.cell.hidden_size), memory",
            )
        ),
        FORWARD,
        "first step are wrong already",
    ),
    "the memory is the summary": (
        gate(
            (
                "encoded.states, encoded.mask",
                "encoded.summary[:, None], encoded.mask[:, :1]",
            )
        ),
        FORWARD,
        "first step are wrong already",
    ),
    "the state is not handed on": (
        gate(("logits, state, _ =", "logits, _, _ =")),
        FORWARD,
        "the later ones are not",
    ),
    "no teacher forcing": (
        gate(
            (
                "for ids in batch.tgt_in.unbind(dim=1):",
                "ids = batch.tgt_in[:, 0]\n        for _ in range(batch.tgt_in.shape[1]):",
            ),
            (
                "all_logits.append(logits)",
                "all_logits.append(logits)\n            ids = logits.argmax(-1)",
            ),
        ),
        FORWARD,
        "the later ones are not",
    ),
    "steps stacked in the wrong axis": (
        gate(("torch.stack(all_logits, dim=1)", "torch.stack(all_logits, dim=0)")),
        FORWARD,
        "(batch, tgt_len, vocab) = (4, 11, 15) was asked for",
    ),
    "every step reads BOS": (
        gate(
            (
                f"{CHOOSE}\n{KEEP}",
                "            steps.append((logits.argmax(dim=-1), look))",
            )
        ),
        ANSWER,
        "read what the step before it wrote",
    ),
    "off by one": (
        gate(
            (
                f"{CHOOSE}\n{KEEP}",
                f"{KEEP}\n{CHOOSE}",
            )
        ),
        ANSWER,
        "begins with BOS",
    ),
    "the first source leads all": (
        gate(
            ("ids = logits.argmax(dim=-1)", "ids = logits[:1].argmax(-1).expand(len(ids))")
        ),
        ANSWER,
        "its neighbours must not matter",
    ),
    "weights that nobody looked with": (
        gate(("torch.stack(looks, dim=1)", "0 * torch.stack(looks, dim=1) - 7")),
        ANSWER,
        "At step 0, position 0 the answer is -7",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GATE_MISTAKES)
def test_a_typical_mistake_of_the_gate(name):
    source, criterion, words = GATE_MISTAKES[name]
    points, reason = briefly(source)[criterion]
    assert points == 0 and words in reason, reason


@pytest.mark.slow
def test_an_untrained_model_does_not_pass_the_gate():
    found = briefly(SOLUTIONS["gate"], updates=12)
    assert found[FORWARD][0] == EXERCISES["gate"].criteria[0].points
    reasons = [reason for name, (_, reason) in found.items() if "at least" in name]
    assert len(reasons) == 3 and all("0.00 of 60 held-out dates" in r for r in reasons)
    assert "the model learns too little" in found["the loss starts near ln V and falls"][1]


UNIFORM_MODEL = """
class Uniform(AdditiveAttention):
    def forward(self, query, memory):
        _, values, mask = memory
        weights = mask / mask.sum(dim=-1, keepdim=True)
        return (weights[:, None] @ values)[:, 0], weights


class Decoder(Decoder):
    def ask(self, hidden, memory, past):
        return *self.attention(hidden, memory), past


AdditiveAttention = Uniform
"""


@pytest.mark.slow
def test_a_model_that_looks_everywhere_equally_does_not_pass():
    points, reasons = earned("gate", UNIFORM_MODEL + SOLUTIONS["gate"], 0)
    assert points == 1 and "held-out dates are right" in reasons, reasons


@pytest.mark.slow
def test_a_rule_does_not_pass_for_a_model():
    """Right answers alone earn nothing: the parameters have to give them."""
    exercise = EXERCISES["gate"]
    case = registry.cases("A3", "gate", 0)[-1]
    student = registry.answers_of("A3", "gate", SOLUTIONS["gate"])
    brief = {**case.inputs, "updates": 12}
    answer = attempt(exercise, student, brief)
    told = {**answer, "answers": brief["targets"], "alone": brief["targets"]}
    found = {v.criterion: v for v in judge(exercise, [Case(brief, case.expected)], [told])}
    assert sum(v.points for name, v in found.items() if "at least" in name) == 0
    assert "so it computes something else" in found["... at least 0.9"].reason
    assert "but the parameters say" in found[ANSWER].reason
    # Nothing that the closed process is sent holds a date that decides.
    sent = "\n".join(case.inputs["sources"] + case.inputs["targets"]).splitlines()
    assert not set(sent) & set(case.expected["sources"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "words"),
    (
        (None, "The model has no parameters"),
        ({}, "has no parameter encoder.embedding.weight"),
        ("transposed", "has the shape"),
        ("more", "that the exercise does not have"),
    ),
)
def test_parameters_that_do_not_fit(parameters, words):
    exercise = EXERCISES["gate"]
    case = exercise.examples()[0]
    inputs = {**case.inputs, "updates": 1}
    student = registry.answers_of("A3", "gate", SOLUTIONS["gate"])
    answer = attempt(exercise, student, inputs)
    if parameters == "transposed":
        parameters = {
            name: p.t() if p.dim() == 2 else p for name, p in answer["parameters"].items()
        }
    elif parameters == "more":
        parameters = {**answer["parameters"], "table": torch.zeros(3)}
    told = {**answer, "parameters": parameters}
    verdicts = judge(exercise, [Case(inputs, case.expected)], [told])
    assert sum(v.points for v in verdicts if "falls" not in v.criterion) == 0
    assert all(words in v.reason for v in verdicts if "at least" in v.criterion)


def own(*changes):
    return changed("own", *changes)


# answer, points of the first two criteria, words of the reason
OWN_MISTAKES = {
    "the query does not count": (
        own(("self.query_proj(query)[:, None] @", "self.query_proj.weight.mean() +")),
        0,
        "the query does not count",
    ),
    "equal weights": (
        own(
            ("masked_weights(scores, mask)", "(mask / mask.sum(-1, keepdim=True))[:, None]")
        ),
        0,
        "the query does not count",
    ),
    "no mask": (
        own(("masked_weights(scores, mask)", "scores.softmax(dim=-1)")),
        0,
        "of its weight on padding",
    ),
    "the wrong axis": (
        own(("masked_weights(scores, mask)", "scores.softmax(dim=1)")),
        0,
        "not to 1",
    ),
    "a transformed state": (
        own(
            (
                "weighted_context(weights, values)",
                "weighted_context(weights, values.tanh())",
            )
        ),
        0,
        "can only be that token's state",
    ),
    "more parameters than additive attention": (
        own(("(query_dim, 16,", "(query_dim, 64,"), ("(enc_dim, 16,", "(enc_dim, 64,")),
        1,
        "has 6960 at these sizes",
    ),
}


@pytest.mark.parametrize("seed", (0, 1))
@pytest.mark.parametrize("name", OWN_MISTAKES)
def test_a_typical_mistake_of_a_score_of_ones_own(name, seed):
    source, points, words = OWN_MISTAKES[name]
    exercise = EXERCISES["own"]
    cases = [c for c in registry.cases("A3", "own", seed) if "sizes" in c.inputs]
    student = registry.answers_of("A3", "own", source)
    answers = [attempt(exercise, student, case.inputs) for case in cases]
    verdicts = judge(exercise, cases, answers)[:2]
    assert words in " ".join(v.reason for v in verdicts), verdicts
    assert sum(v.points for v in verdicts) == points
