"""A folder belongs to one training: what may still change, and what is another's."""

import json
import shutil
from pathlib import Path

import pytest
from small_program import write
from test_program import QUICK, call, refused, weights

from seq2seq_lib.translate import folder
from seq2seq_lib.translate.preparing import FRAME
from seq2seq_lib.translate.subwords import Subwords


@pytest.fixture(scope="module")
def foreign(trained, tmp_path_factory) -> Path:
    """Source subwords of the same number, of which two have changed places."""
    content = json.loads((trained / "source.json").read_text())
    ids = content["model"]["vocab"]
    one, two = list(ids)[-2:]
    ids[one], ids[two] = ids[two], ids[one]
    place = tmp_path_factory.mktemp("foreign") / "source.json"
    place.write_text(Subwords.from_json(json.dumps(content)).to_json(), encoding="utf8")
    return place


def test_subwords_of_another_training_are_told_and_nothing_is_written(
    trained, files, foreign, tmp_path
):
    own = Subwords.from_json((trained / "source.json").read_text())
    assert len(Subwords.from_json(foreign.read_text()).vocab) == len(own.vocab)
    for stopped in (False, True):
        out = shutil.copytree(trained, tmp_path / f"stopped {stopped}")
        if stopped:  # before anything was measured
            (out / "training.pt").unlink()
            (out / "model.safetensors").unlink()
        shutil.copy(foreign, out / "source.json")
        before = (out / "config.json").read_bytes()
        said = refused("train", "--text", *files, "--out", out, *QUICK)
        assert "source.json belongs to another translator than config.json" in said
        assert (out / "config.json").read_bytes() == before
        shutil.copy(trained / "source.json", out / "source.json")
        found = call("train", "--text", *files, "--out", out, *QUICK)
        assert found.exit_code == 0, found.output
        assert weights(out).keys() == weights(trained).keys()


def test_a_configuration_of_another_training_is_told(trained, files, foreign, tmp_path):
    """Whole in itself, with its subwords, but not what the corpus was cut by."""
    out = shutil.copytree(trained, tmp_path / "out")
    (out / "training.pt").unlink()
    (out / "model.safetensors").unlink()
    content = json.loads((out / "config.json").read_text())
    content["source"] = Subwords.from_json(foreign.read_text()).digest
    (out / "config.json").write_text(json.dumps(content, indent=1))
    shutil.copy(foreign, out / "source.json")
    said = refused("train", "--text", *files, "--out", out, *QUICK)
    assert "config.json belongs to another training than training.json" in said


def test_weights_and_states_of_another_training_are_told(trained, files, tmp_path):
    other = tmp_path / "other"
    assert not call(
        "train", "--text", *files, "--out", other, *QUICK, "--seed", 1
    ).exit_code
    for name, told in (
        (
            "model.safetensors",
            "is not what this training found best; put its own file back",
        ),
        ("training.pt", "training.pt belongs to another training; put this one's own file"),
    ):
        out = shutil.copytree(trained, tmp_path / name)
        shutil.copy(other / name, out / name)
        said = refused("train", "--text", *files, "--out", out, *QUICK)
        assert told in said and "{" not in said
        assert (out / name).read_bytes() == (other / name).read_bytes()


def test_a_folder_of_an_older_program_goes_on(trained, files, tmp_path):
    out = shutil.copytree(trained, tmp_path / "out")
    record = json.loads((out / "training.json").read_text())
    assert record.pop(FRAME) == folder.frame_digest(out)
    (out / "training.json").write_text(json.dumps(record))
    assert not call("train", "--text", *files, "--out", out, *QUICK).exit_code


def test_a_corpus_that_was_removed_is_made_again_and_nothing_else(trained, files, tmp_path):
    out = shutil.copytree(trained, tmp_path / "out")
    shutil.rmtree(out / "corpus")
    said = refused("train", "--text", *files, "--out", out, *QUICK, "--lr", "0.5")
    assert "was begun with 0.002 for lr, now it is 0.5" in said
    found = call("train", "--text", *files, "--out", out, *QUICK)
    assert found.exit_code == 0, found.output
    for name in ("config.json", "source.json", "model.safetensors"):
        assert (out / name).read_bytes() == (trained / name).read_bytes()
    for path in (trained / "corpus").iterdir():
        assert (out / "corpus" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_what_an_error_advises_can_be_done_in_the_same_folder(files, tmp_path):
    """As long as nothing was made of the files, all may change."""
    out = tmp_path / "out"
    src, tgt = (path.read_text().splitlines() for path in files)
    holed = write(tmp_path / "holed", [*tgt[:-1], ""])
    few = [
        write(tmp_path / f"few{side}", lines[:3]) for side, lines in enumerate((src, tgt))
    ]
    copies = write(tmp_path / "copies", src)

    def train(*words: object) -> tuple[object, ...]:
        return "train", "--out", out, *QUICK, *words

    whole = "--text", *files
    for words, told in (
        (("--text", files.src, holed), "fill or remove it in both files"),
        (("--text", files.src, copies), "say --allow-equal if it is meant"),
        (("--text", *few), "too few to hold some out; name others: --valid"),
        ((*whole, "--vocab-size", 5), "vocab_size must be at least 100, got 5"),
        ((*whole, "--lr", "nan"), "lr must be a finite number, got nan"),
    ):
        said = refused(*train(*words))
        assert told in " ".join(said.split()), said
    found = call(*train("--text", files.src, holed, "--skip-empty"))
    assert found.exit_code == 0, found.output
    assert "399 pairs" in found.output
    said = refused(*train(*whole))
    assert "was begun with True for skip empty, now it is False" in said


def test_other_files_than_those_it_was_begun_with_are_told(trained, files, tmp_path):
    """In words: nobody can read a checksum."""
    src, tgt = files
    held = (
        "--valid",
        *(
            write(tmp_path / path.name, path.read_text().splitlines()[:20])
            for path in files
        ),
    )
    changed = write(tmp_path / "changed", [*src.read_text().splitlines()[:-1], "zero"])
    for words, told in (
        ((tgt, src), "The source and target files are exchanged; give them as when"),
        ((changed, tgt), "was begun with another source file; go on with the same"),
        ((src, tgt, *held), "was begun with no validation source file"),
    ):
        said = refused("train", "--out", trained, *QUICK, "--text", *words)
        assert told in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--smoothing 2", "smoothing must be at least 0 and below 1, got 2.0"),
        ("--updates 0", "updates must be at least 1, got 0"),
        ("--evaluate-every 0", "evaluate_every must be at least 1, got 0"),
        ("--warmup -1", "warmup must be at least 0, got -1"),
        ("--epochs nan", "epochs must be a finite number, got nan"),
        ("--batch-tokens 0", "batch_tokens must be at least 1, got 0"),
        ("--save-every 0", "--save-every"),
    ],
)
def test_a_value_out_of_range_is_told_before_anything_is_made(files, tmp_path, words, told):
    out = tmp_path / "out"
    assert told in refused("train", "--text", *files, "--out", out, *QUICK, *words.split())
    assert not out.exists()
