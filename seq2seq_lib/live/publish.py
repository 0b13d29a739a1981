"""What the explorers of a built page load: scripts, style and models."""

from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = ("numbers.mjs", "model.mjs", "explorer.mjs")  # a script before who imports it
START, STYLE = "start.mjs", "explorer.css"


def publish(models: Path, target: Path) -> None:
    """Copy everything into the folder ``target``; models as ``export`` wrote them."""
    (target / "models").mkdir(parents=True, exist_ok=True)
    for name in (*SCRIPTS, START, STYLE):
        (target / name).write_bytes((HERE / name).read_bytes())
    for path in sorted([*models.glob("*.json"), *models.glob("*.f16")]):
        (target / "models" / path.name).write_bytes(path.read_bytes())
