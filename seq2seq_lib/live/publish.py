"""What the pieces of a built page load: scripts, style and models."""

from pathlib import Path

HERE = Path(__file__).parent
SHARED = (  # each before who imports it
    *(
        "elements",
        "plane",
        "strips",
        "lines",
        "heatmap",
        "numbers",
        "model",
        "answer",
        "runs",
    ),
)
PIECES = (
    *("explorer", "links", "lookup", "batch", "sketch", "beam", "stepper", "geometry"),
    *("islands", "gate", "rates", "bits", "verdict", "hypothesis", "padding"),
    *("mechanisms", "training"),
)
START, STYLE = "start.mjs", "pieces.css"


def publish(models: Path, target: Path) -> None:
    """Copy everything into the folder ``target``; models as ``export`` wrote them."""
    (target / "models").mkdir(parents=True, exist_ok=True)
    scripts = [f"{name}.mjs" for name in (*SHARED, *PIECES)]
    for name in (*scripts, START, STYLE):
        (target / name).write_bytes((HERE / name).read_bytes())
    for path in sorted([*models.glob("*.json"), *models.glob("*.f16")]):
        (target / "models" / path.name).write_bytes(path.read_bytes())
