"""Draw the README's figure from results/comparison.json."""

from experiments.engine.results import ROOT, read_results
from seq2seq_lib.plotting import accuracy_over_seeds

ARMS = {"additive": "additive attention", "fixed": "fixed context"}
PATH = ROOT / "_static" / "headline.png"


def main() -> None:
    values = read_results("comparison")["values"]
    curves = {
        label: [seed["exact_match"] for seed in values[arm].values()]
        for arm, label in ARMS.items()
    }
    accuracy_over_seeds(curves).savefig(PATH, dpi=150)
    print(f"wrote {PATH.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
