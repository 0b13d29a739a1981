"""Draw the README's figure from results/ablations.json."""

from experiments.engine.results import ROOT, read_results
from seq2seq_lib.page import right_by_length
from seq2seq_lib.plotting import accuracy_over_seeds

ARMS = {
    "additive, 96": "additive attention",
    "fixed, 96": "fixed context",
    "fixed, 96, 3000 updates": "fixed context, 3,000 updates",
}
PATH = ROOT / "_static" / "headline.png"


def main() -> None:
    values = read_results("ablations")["values"]
    curves = {
        label: [right_by_length(seed["hits"]) for seed in values[arm].values()]
        for arm, label in ARMS.items()
    }
    accuracy_over_seeds(curves).savefig(PATH, dpi=150)
    print(f"wrote {PATH.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
