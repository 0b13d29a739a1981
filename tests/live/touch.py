"""What tests of the pieces share: one of each, questions to their scripts, hands."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.engine.results import read_results
from seq2seq_lib.attention import Additive, General
from seq2seq_lib.live import measured, show
from seq2seq_lib.widgets import STATIC_VARIABLE

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "results" / "live"

MECHANISMS = ("additive", "dot", "dot_unscaled", "general")
MEMORY = (
    ["two", "four", "seven", "nine"],
    [[2.0, 1.0], [1.0, 2.0], [-2.0, 1.0], [-1.0, -2.0]],
    [2.0, 4.0, 7.0, 9.0],
)
LABELS = ["1-4", "5-8", "9-12"]
MEASURED, GIVEN = [0.99, 0.5, 0.25], [0.9, 0.3, 0.1]
NUMBERS = [0.1, 0.15, 0.2, 0.12, 0.18, 0.22]
PRIMARY = {
    "short": "attention minus fixed context",
    "values": {str(1000 + i): value for i, value in enumerate(NUMBERS)},
    "low": 0.13,
    "high": 0.19,
    "effect": 0.2,
    "p": 0.03,
    "rule": "difference",
    "conditions": {},
    "result": "results/ablations.json",
    "arms": ["additive, 96", "fixed, 96", "additive, 16", "fixed, 16"],
}
LEVEL = {key: PRIMARY[key] for key in ("values", "conditions")} | {
    "short": "a level",
    "low": 0.13,
    "high": 0.19,
    "effect": 0.1,
    "rule": "at least",
    "result": "results/distance.json",
    "arms": ["fixed, default gate"],
}
# Bits of 1 to 12 symbols through 2 and 8 numbers; attention's training ended sooner.
THROUGH = {
    (model, size): {
        updates: [min(4.0 * n, 3.0 * size + share * n) for n in range(1, 13)]
        for updates, share in budgets.items()
    }
    for size in (2, 8)
    for model, budgets in (("fixed", {500: 0.5, 2000: 1.0}), ("attention", {500: 3.5}))
}
# Updates of two seeds at three distances; who learns fast has a wide scatter.
TIMES = {
    (model, rate, bias): {
        0: [8, 8],
        7: [round(2 / rate), round(8 / rate)],
        31: [round(4 / rate), None if (model, rate, bias) == ("fixed", 0.1, 0.0) else 80],
    }
    for model in ("fixed", "additive")
    for rate in (0.01, 0.1)
    for bias in (0.0, 2.0)
}
LINES = {
    bias: [(0.5 + bias / 10) ** (12 - i) for i in range(12)] for bias in (0.0, 1.0, 2.0)
}
SENTENCE = (
    "a small dog sleeps in the garden",
    "ein kleiner hund schläft im garten",
    "im garten schläft ein kleiner hund",
)

FLAT = {"moved": [0.0] * 13, "said": ["eins"] * 13}
# The mean of n states and k zeros: it moves by k / (n + k).
PADDED = [
    {
        "source": source,
        "reference": "eins",
        "readers": {
            "both": FLAT,
            "lengths only": {
                "moved": [k / (n + k) for k in range(13)],
                "said": [*["eins"] * 3, *["<b>zwei</b>"] * 10],
            },
        },
    }
    for n, source in ((1, "one"), (3, "number one indeed"))
]


def keys_and_scorers() -> dict[str, dict[str, Any]]:
    """Two memories of the plane, with scorers that nobody has trained."""
    torch.manual_seed(4)
    memories = {
        "opposites": [[2.0, 1.0], [-1.0, 2.0], [-2.0, -1.0]],
        "a middle": [[0.0, 2.0], [-1.7, -1.0], [1.7, -1.0], [0.3, 0.1]],
    }
    return {
        name: {
            "keys": torch.tensor(keys),
            "general": General(2, 2),
            "additive": Additive(2, 2, 5),
        }
        for name, keys in memories.items()
    }


def unit() -> torch.nn.GRU:
    torch.manual_seed(3)
    return torch.nn.GRU(3, 2, batch_first=True)


def moments() -> list[dict[str, Any]]:
    """What is stored of the model that was watched while it trained."""
    return read_results("live_training")["values"]["additive"]["0"]["moments"]


PIECES = {
    "explorer": lambda: show.explorer(MODELS, ("additive", "fixed"), 914_327),
    "links": lambda: show.links(4871),
    "lookup": lambda: show.lookup(*MEMORY),
    "batch": lambda: show.batch(["one", "twenty one", "two hundred and three"]),
    "sketch": lambda: show.sketch(LABELS, MEASURED, "additive", given={"fixed": GIVEN}),
    "beam": lambda: show.beam(MODELS, ("fixed", "additive"), 4871),
    "stepper": lambda: show.stepper(MODELS, "fixed", 914_327),
    "geometry": lambda: show.geometry(keys_and_scorers()),
    "islands": lambda: show.islands(unit(), "abca"),
    "gate": lambda: show.gate(LINES, 0.0),
    "rates": lambda: measured.rates(TIMES, 1500, (0.1, 0.0)),
    "bits": lambda: measured.bits(THROUGH, 4, 8),
    "padding": lambda: show.padding(PADDED),
    "hypothesis": lambda: show.hypothesis({4871: 9871, 21: 91}, [SENTENCE]),
    "verdict": lambda: measured.verdict(
        {"4": {"primary": PRIMARY}, "1": {"primary": LEVEL}}
    ),
    "mechanisms": lambda: show.mechanisms(MODELS, MECHANISMS, 914_327),
    "training": lambda: show.training(moments(), 914_327),
}

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="no node: install nodejs to check the live models"
)


def run_node(name: str, **question: Any) -> subprocess.CompletedProcess[str]:
    """What Node says to a question to the scripts of the pieces, and how it ends."""
    command = ["node", str(HERE / "ask.mjs"), name]
    return subprocess.run(
        command, input=json.dumps(question), capture_output=True, text=True, timeout=120
    )


def ask(name: str, **question: Any) -> Any:
    """What the script of a piece answers, in Node."""
    done = run_node(name, **question)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def given(make: Callable[[], Any], name: str) -> Any:
    """The data that a piece of a built page is started with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATIC_VARIABLE, "1")
        (found,) = re.findall(f'data-{name}="([^"]*)"', make().data)
    return json.loads(html.unescape(found))


def one(page: Any, selector: str) -> Any:
    return page.find_element("css selector", selector)


def texts(page: Any, selector: str) -> list[str]:
    return [found.text for found in page.find_elements("css selector", selector)]


def problems(page: Any) -> list[str]:
    """What the console said, but for the icon that such a page lacks."""
    return [e["message"] for e in page.get_log("browser") if "favicon" not in e["message"]]


def cells(page: Any, table: int = 0) -> list[list[str]]:
    """The rows of one of the heatmaps: what is written, and the weights in percent."""
    return page.execute_script(
        "const table = document.querySelectorAll('.live-weights')[arguments[0]];"
        "return [...table.tBodies[0].rows]"
        ".map((row) => [...row.cells].map((cell) => cell.textContent))",
        table,
    )


def put_in(page: Any, selector: str, value: Any) -> None:
    """Give a control a value, as a paste or a choice would."""
    page.execute_script(
        "const control = document.querySelector(arguments[0]);"
        "control.value = arguments[1];"
        "for (const name of ['input', 'change']) control.dispatchEvent(new Event(name));",
        selector,
        value,
    )


def write(page: Any, text: str) -> None:
    put_in(page, ".live input[type=text], .live textarea", text)


def message(page: Any) -> str:
    return texts(page, ".live-message")[0]
