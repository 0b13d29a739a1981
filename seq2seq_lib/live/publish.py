"""What the pieces of a built page load: scripts, style and models."""

import shutil
from pathlib import Path

HERE = Path(__file__).parent
SHARED = (  # each before who imports it
    *("elements", "plane", "strips", "lines", "heatmap", "runs"),
    *("numbers", "model", "answer", "translator"),
)
PIECES = (
    *("explorer", "links", "lookup", "batch", "sketch", "beam", "stepper", "geometry"),
    *("islands", "gate", "rates", "bits", "verdict", "hypothesis", "padding"),
    *("mechanisms", "training", "captions"),
)
START, STYLE = "start.mjs", "pieces.css"


def publish(models: Path, target: Path, translators: Path | None = None) -> None:
    """Copy everything that pieces load.

    Args:
        models: a folder with what ``export`` wrote.
        target: the folder that pages load from.
        translators: a folder of translators, each in a folder of its own.
    """
    (target / "models").mkdir(parents=True, exist_ok=True)
    scripts = [f"{name}.mjs" for name in (*SHARED, *PIECES)]
    for name in (*scripts, START, STYLE):
        (target / name).write_bytes((HERE / name).read_bytes())
    for path in sorted([*models.glob("*.json"), *models.glob("*.f16")]):
        (target / "models" / path.name).write_bytes(path.read_bytes())
    if translators is not None and translators.is_dir():
        shutil.copytree(translators, target / "translators", dirs_exist_ok=True)
