"""What leads out of the project leads somewhere: badges, citation, Binder, workflows."""

import datetime
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tools import commands, environment, release

ROOT = Path(__file__).parents[1]
REPOSITORY = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)

_BADGE = re.compile(r"\[!\[[^]]+\]\(([^)]+)\)\]\(([^)]+)\)")
# Pictures of others, which say no more than whose button it is.
LOGOS = (
    "https://mybinder.org/badge_logo.svg",
    "https://colab.research.google.com/assets/colab-badge.svg",
)


def file_of(address: str) -> Path | None:
    """The file of this project to which an address leads, if we know its kind."""
    url, branch = urlsplit(address), REPOSITORY["branch"]
    ours = urlsplit(REPOSITORY["url"]).path
    kinds = {
        ("github.com", f"{ours}/actions/workflows/"): ".github/workflows/",
        ("github.com", f"{ours}/blob/{branch}/"): "",
        ("colab.research.google.com", f"/github{ours}/blob/{branch}/"): "",
    }
    for (host, start), folder in kinds.items():
        if url.netloc == host and url.path.startswith(start):
            named = url.path.removeprefix(start).removesuffix("/badge.svg")
            return ROOT / folder / named
    if url.netloc == "mybinder.org" and url.path == f"/v2/gh{ours}/{branch}":
        (named,) = parse_qs(url.query)["urlpath"]
        return ROOT / named.removeprefix("lab/tree/")
    return None if url.netloc else ROOT / address


def astray(text: str) -> list[str]:
    """The addresses of badges that lead to nothing of ours."""
    found = [address for badge in _BADGE.findall(text) for address in badge]
    files = {address: file_of(address) for address in found if address not in LOGOS}
    return [
        address for address, file in files.items() if file is None or not file.is_file()
    ]


def test_badges_lead_to_what_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(_BADGE.findall(text)) >= 3
    assert astray(text) == []


@pytest.mark.parametrize(
    "target",
    [
        f"{REPOSITORY['url']}/actions/workflows/gone.yml",
        f"{REPOSITORY['url']}/blob/{REPOSITORY['branch']}/gone.md",
        f"{REPOSITORY['url']}x/actions/workflows/check.yml",
        "https://example.org/check.yml",
        "gone.md",
    ],
)
def test_a_badge_that_leads_astray_is_found(target: str) -> None:
    assert astray(f"[![a]({LOGOS[0]})]({target})") == [target]


# --- citation and version -----------------------------------------------------------------


def test_the_citation_says_what_the_project_says() -> None:
    assert CITATION["cff-version"] == "1.2.0" and CITATION["type"] == "software"
    assert CITATION["repository-code"] == REPOSITORY["url"]
    assert CITATION["license"] == PROJECT["license"]
    assert [a["name"] for a in CITATION["authors"]] == [
        a["name"] for a in PROJECT["authors"]
    ]
    assert {"title", "message", "abstract", "keywords"} <= set(CITATION)
    assert CITATION["date-released"] <= datetime.date.today()


def test_the_version_is_one() -> None:
    assert set(release.said(ROOT).values()) == {PROJECT["version"]}


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that may be published as v0.3.1."""
    (tmp_path / "seq2seq_lib").mkdir()
    (tmp_path / "seq2seq_lib" / "__init__.py").write_text('__version__ = "0.3.1"\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.3.1"\n')
    (tmp_path / "CITATION.cff").write_text("version: 0.3.1\ndate-released: 2026-01-02\n")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 0.3.1, May\n\n## 0.3.0, March\n"
    )
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    return tmp_path


def test_what_is_in_step_may_be_published(ready: Path, capsys) -> None:
    assert commands.run(lambda: release.main(["v0.3.1"])) == 0
    assert "v0.3.1 may be published" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("pyproject.toml", "0.3.1", "0.3.2", "pyproject.toml says version 0.3.2"),
        ("CITATION.cff", "0.3.1", "0.3.0", "CITATION.cff says version 0.3.0"),
        ("CITATION.cff", "2026", "9026", "CITATION.cff was released on 9026-01-02"),
        ("CHANGELOG.md", "May", "in work", "CHANGELOG.md says that 0.3.1 is in work"),
        ("CHANGELOG.md", "## 0.3.1", "## 0.4.0", "CHANGELOG.md says version 0.4.0"),
        ("seq2seq_lib/__init__.py", "__version__", "version", "says version ?, the tag"),
        ("pyproject.toml", "[project]", "[project", "pyproject.toml is not a project's"),
    ],
)
def test_what_is_not_in_step_is_named(
    name: str, old: str, new: str, says: str, ready: Path, capsys
) -> None:
    path = ready / name
    path.write_text(path.read_text().replace(old, new, 1))
    assert commands.run(lambda: release.main(["v0.3.1"])) == 1
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_another_tag_is_not_published(ready: Path, capsys) -> None:
    assert commands.run(lambda: release.main(["v0.3.0"])) == 1
    assert capsys.readouterr().err.count("bring them in step") == 4


# --- workflows ----------------------------------------------------------------------------


def steps(path: Path) -> Iterator[dict]:
    for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
        yield from job["steps"]


def missing(script: str) -> list[str]:
    """What a step of a workflow runs that this project does not have."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    wrong = [
        f"make {x}" for x in re.findall(r"\bmake ([a-z]+)", script) if x not in targets
    ]
    modules = re.findall(r"-m ((?:tools|experiments|assignments)\.[\w.]+)", script)
    files = [f"{module.replace('.', '/')}.py" for module in modules]
    files += re.findall(r"^ *(\.ci/\w+)", script, re.M)
    return wrong + [name for name in files if not (ROOT / name).is_file()]


@each_workflow
def test_a_workflow_runs_only_what_exists(path: Path) -> None:
    scripts = [step["run"] for step in steps(path) if "run" in step]
    assert scripts
    for script in scripts:
        assert missing(script) == []
        plain = re.sub(r"\$\{\{.*?\}\}", "value", script)
        subprocess.run(["bash", "-n"], input=plain, text=True, check=True)


@pytest.mark.parametrize(
    "script",
    ["make nothing", "sudo make nothing", "python -m tools.nothing v1", ".ci/nothing"],
)
def test_what_a_workflow_lacks_is_found(script: str) -> None:
    assert missing(script)


@each_workflow
def test_a_workflow_uses_fixed_actions_and_few_rights(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content["permissions"] == {"contents": "read"}
    for step in steps(path):
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v0"))
        assert ("uses" in step) != ("run" in step)
    for job in content["jobs"].values():
        assert set(job.get("needs", "").split()) <= set(content["jobs"])


def test_a_tag_publishes_pages_wheel_and_zip() -> None:
    content = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text())
    assert content[True] == {"push": {"tags": ["v*"]}}  # YAML reads "on" as true
    build = content["jobs"]["build"]["steps"]
    scripts = "\n".join(step.get("run", "") for step in build)
    for target in ("book", "slides", "wheel", "zip", "figures"):
        assert f"make {target}" in scripts
    assert scripts.index("tools.release") < scripts.index("make book")
    uploaded = [step["with"]["path"] for step in build if "upload" in step.get("uses", "")]
    assert uploaded == ["_build/html", "_build/dist"]
    kept = [
        step["with"]["name"] for step in build if "upload-artifact" in step.get("uses", "")
    ]
    taken = [s["with"]["name"] for s in content["jobs"]["files"]["steps"] if "uses" in s]
    assert kept == taken


# --- Binder -------------------------------------------------------------------------------


@pytest.mark.slow
def test_binder_gets_the_library_with_pinned_packages() -> None:
    # Without an index, pip can only choose what is installed here: the pinned packages.
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index"]
    command += ["--no-build-isolation", "-r", ".binder/requirements.txt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert f"Would install attention-measured-{PROJECT['version']}" in done.stdout
    assert "ipywidgets" in done.stdout and "torch>=" in done.stdout


def test_binder_takes_a_python_that_the_library_takes() -> None:
    version = (ROOT / ".binder" / "runtime.txt").read_text().strip()
    assert re.fullmatch(r"python-3\.1[1-3]", version)
