"""From files as people have them to a translator, with each of the ways to stop."""

import gzip
import signal
from dataclasses import replace
from pathlib import Path

import torch
from small_program import ALONE, BRIEF, briefly, write
from test_program import QUICK, call, refused, weights

from seq2seq_lib.run import Hook, Run
from seq2seq_lib.tasks import multi30k
from seq2seq_lib.translate import hooks, preparing, scores
from seq2seq_lib.translate.preparing import Files, Options, prepare, read
from seq2seq_lib.translate.subwords import Subwords
from seq2seq_lib.translate.training import train

QUIET = {"progress": False, "say": lambda line: None}


def made(
    out: Path, files: Files, valid: Files | None = None, **options
) -> preparing.Prepared:
    """What is made of files before the first update."""
    out.mkdir()
    how = Options(vocab_size=150, **options)
    preparing.begin(out, files, valid, how, 1)
    prepare(out, files, valid, how, lambda line: None)
    return read(out)


def stored(prepared: preparing.Prepared) -> list[tuple[list[int], list[int]]]:
    rows = range(len(prepared.corpus))
    sides = (prepared.corpus.rows(side, rows) for side in (0, 1))
    return [(s.tolist(), t.tolist()) for s, t in zip(*sides, strict=True)]


def test_copies_of_a_pair_stand_on_one_side(files, tmp_path):
    """And the pieces are learned from what is not held out."""
    src, tgt = (path.read_text().splitlines() for path in files)
    marked = [f"{line} q{chr(97 + n % 26)}q" for n, line in enumerate(src)]
    twice = Files(write(tmp_path / "s", marked * 3), write(tmp_path / "t", tgt * 3))
    found = made(tmp_path / "out", twice)
    assert 10 <= len(found.valid) < 200
    held = {source for source, _ in found.valid}
    assert all(sum(source == s for s, _ in found.valid) >= 3 for source in held)
    kept = [(s, t) for s, t in zip(marked * 3, tgt * 3, strict=True) if s not in held]
    assert len(kept) + len(found.valid) == 1_200
    rows = found.src.encode([s for s, _ in kept]), found.tgt.encode([t for _, t in kept])
    assert stored(found) == list(zip(*rows, strict=True))
    for pieces, texts in zip((found.src, found.tgt), zip(*kept, strict=True), strict=True):
        assert pieces.digest == Subwords.learn(texts, 150).digest


def test_named_pairs_are_held_out_and_no_others(files, few, tmp_path):
    found = made(tmp_path / "out", files, few[0])
    lines = (path.read_text().splitlines() for path in few[0])
    assert found.valid == list(zip(*lines, strict=True))
    assert len(found.corpus) == 400
    assert (
        found.src.digest == Subwords.learn(files.src.read_text().splitlines(), 150).digest
    )


def test_compressed_files_and_those_of_windows_give_the_same_translator(few, tmp_path):
    text, valid = few
    briefly(tmp_path / "plain", few)
    for name, end in (("gzip", "\n"), ("windows", "\r\n")):
        sides = []
        for path in text:
            content = ("\ufeff" + path.read_text().replace("\n", end)).encode()
            sides.append(tmp_path / f"{name} {path.name}")
            sides[-1].write_bytes(gzip.compress(content) if name == "gzip" else content)
        briefly(tmp_path / name, (Files(*sides), valid))
        for key, value in weights(tmp_path / "plain").items():
            assert torch.equal(value, weights(tmp_path / name)[key]), (name, key)


def test_a_lower_cased_translator_reads_and_says_lower_case(few, tmp_path):
    text, valid = few
    upper = Files(
        *(write(tmp_path / p.name, [p.read_text().upper().strip()]) for p in text)
    )
    names = "--text", *upper, "--valid", *valid, "--out", tmp_path / "out"
    found = call("train", *names, *QUICK, "--lowercase", "--allow-equal", "--updates", 4)
    assert found.exit_code == 0, found.output
    assert "60 pairs" in found.output
    for line in ("one two", "ONE TWO"):
        asked = call("translate", tmp_path / "out", "--device", "cpu", text=f"{line}\n")
        assert asked.exit_code == 0 and asked.stdout == asked.stdout.lower()
    pieces = read(tmp_path / "out").src.vocab
    assert not any(token != token.lower() for token in pieces.tokens[4:])


def test_a_known_data_set_is_trained_on_measured_and_asked(few, tmp_path, monkeypatch):
    """Its files are fetched by name; here they are those of number words."""
    splits = {multi30k.FILES[n]: few[n != "train"] for n in ("train", "valid", "test")}

    def fetch(name: str) -> Path:
        split, side, _ = name.rsplit(".", 2)
        return splits[split][("en", "de").index(side)]

    monkeypatch.setattr(multi30k, "fetch", fetch)
    out = tmp_path / "out"
    found = call("train", "--data", "multi30k", "--out", out, *QUICK, "--updates", 4)
    assert found.exit_code == 0, found.output
    assert "60 pairs" in found.output and len(read(out).valid) == 60
    found = call("evaluate", out, "--data", "multi30k", "--beam", 1, "--device", "cpu")
    assert found.exit_code == 0 and "BLEU" in found.output
    said = refused(
        "evaluate", out, "--data", "multi30k", "--languages", "de-en", "--beam", 1
    )
    assert "exchanged for this translator" in said


# --- ways to stop ------------------------------------------------------------------------


def test_ctrl_c_stops_with_its_exit_code_and_the_command_goes_on(
    trained, files, tmp_path, monkeypatch
):
    class Pressed(hooks.Told):
        def after_update(self, run: Run) -> None:
            super().after_update(run)
            if run.done == 5:
                signal.raise_signal(signal.SIGINT)

    words = "train", "--text", *files, "--out", tmp_path / "out", *QUICK
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(hooks, "Told", Pressed)
            found = call(*words)
    finally:
        signal.signal(signal.SIGINT, before)  # which a background job may ignore
    assert found.exit_code == 130
    assert "Stopped after 5 updates; the same command goes on." in found.output
    assert "Trained" not in found.output
    found = call(*words)
    assert found.exit_code == 0 and "Going on after update 5 of 12" in found.output
    for name, value in weights(trained).items():
        assert torch.equal(value, weights(tmp_path / "out")[name]), name


def test_ctrl_c_before_the_first_update_has_the_same_exit_code(
    files, tmp_path, monkeypatch
):
    def pressed(*anything: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(preparing.store, "write", pressed)
    assert (
        call("train", "--text", *files, "--out", tmp_path / "out", *QUICK).exit_code == 130
    )


def test_it_stops_early_where_nothing_becomes_better(few, tmp_path, monkeypatch):
    bleu = iter([0.0, 3.0, 5.0, 4.0, 4.0, 9.0, 0.0])
    monkeypatch.setattr(
        scores, "score", lambda *texts, beam: {"bleu": next(bleu), "chrf": 0.0}
    )
    how = replace(BRIEF, updates=20, evaluate_every=2, patience=2)
    history = train(tmp_path / "out", *few, how, ALONE, **QUIET)
    assert history.updates == 8 and not history.interrupted
    assert [e["bleu"] for e in history.evaluations] == [3.0, 5.0, 4.0, 4.0, 9.0]
    # A finished run is finished, even where its mean was better.
    assert train(tmp_path / "out", *few, how, ALONE, **QUIET).updates == 8


def test_a_second_run_is_told_and_does_the_first_no_harm(few, files, tmp_path):
    said = []

    class Second(Hook):
        def after_update(self, run: Run) -> None:
            if run.done == 1:
                out = tmp_path / "out"
                said.append(refused("train", "--text", *files, "--out", out, *QUICK))

    briefly(tmp_path / "out", few, Second())
    assert len(said) == 1 and "Another training is at work" in said[0]
    briefly(tmp_path / "alone", few)
    for name, value in weights(tmp_path / "alone").items():
        assert torch.equal(value, weights(tmp_path / "out")[name]), name
