"""Real text: found, checked, refused when damaged, and good enough to learn from."""

import gzip
import hashlib
import math
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest
import torch

from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.metrics import bleu, perplexity
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.tasks import multi30k
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.vocab import UNK

LINES = {
    "en": ["A man's hat.", "Two dogs run.", "", "A dog, a man and a hat are here."],
    "de": ["Der Hut eines Mannes.", "Zwei Hunde.", "Leer.", "Hund, Mann und Hut sind da."],
    "fr": ["Le chapeau.", "Deux chiens courent.", "Vide.", "Tous sont là."],
}


def _contents() -> dict[str, bytes]:
    """A file like each of the real ones, four lines long."""
    return {
        f"{stem}.{lang}.gz": gzip.compress("\n".join(lines).encode(), mtime=0)
        for stem in multi30k.FILES.values()
        for lang, lines in LINES.items()
    }


@pytest.fixture
def small_registry(monkeypatch):
    """The checksums of the small files in place of the real ones."""
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in _contents().items()}
    monkeypatch.setattr(multi30k, "REGISTRY", sums)


@pytest.fixture
def folder(tmp_path, monkeypatch, small_registry):
    """A folder with the small files that SEQ2SEQ_DATA_DIR names."""
    for name, data in _contents().items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.setenv("SEQ2SEQ_DATA_DIR", str(tmp_path))
    return tmp_path


# --- reading ---------------------------------------------------------------------------


def test_the_registry_names_every_file_of_every_split():
    assert multi30k.REGISTRY.keys() == _contents().keys()


def test_text_becomes_lower_case_words_and_marks():
    assert multi30k.tokenize("Ein Mann, über-groß, lächelt!") == tuple(
        "ein mann , über - groß , lächelt !".split()
    )


def test_pairs_keep_their_order_and_empty_lines_are_left_out(folder):
    examples = multi30k.load("valid")
    assert [e.src[:2] for e in examples] == [("a", "man"), ("two", "dogs"), ("a", "dog")]
    assert examples[1].tgt == ("zwei", "hunde", ".")
    assert all(e.alignment is None for e in examples)


def test_languages_can_be_chosen(folder):
    example = multi30k.load("test", "de", "fr")[1]
    assert (example.src[0], example.tgt[0]) == ("zwei", "deux")


def test_a_limit_takes_the_first_pairs(folder):
    assert multi30k.load("train", limit=2) == multi30k.load("train")[:2]


def test_a_longest_length_counts_on_both_sides(folder):
    lengths = [(len(e.src), len(e.tgt)) for e in multi30k.load("train")]
    assert lengths == [(6, 5), (4, 3), (11, 8)]
    assert len(multi30k.load("train", max_length=5)) == 1
    assert len(multi30k.load("train", max_length=6)) == 2
    assert len(multi30k.load("train", "fr", "en", max_length=9)) == 2


def test_limits_apply_to_training_only(folder):
    splits = multi30k.load_splits(limit=1)
    assert [len(part) for part in (splits.train, splits.valid, splits.test)] == [1, 3, 3]


def test_rare_and_unseen_words_become_unk(folder):
    src_vocab, tgt_vocab = multi30k.vocabs(multi30k.load("train"), min_count=2)
    assert "man" in src_vocab and "two" not in src_vocab
    assert src_vocab.encode(["two", "man"])[0] == UNK
    assert tgt_vocab.encode(["katze"]) == [UNK]


def test_unknown_options_are_refused_with_the_known_ones(folder):
    with pytest.raises(ValueError, match="'dev' does not exist.*train, valid, test"):
        multi30k.load("dev")
    with pytest.raises(ValueError, match="no 'cs' here.*en, de, fr"):
        multi30k.load("train", "en", "cs")


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": -1}, {"max_length": 0}])
def test_limits_out_of_range_are_told(folder, wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got {value}"):
        multi30k.load("train", **wrong)


def test_limits_of_numpy_are_numbers(folder):
    assert multi30k.load("train", limit=np.int64(2)) == multi30k.load("train", limit=2)
    assert len(multi30k.load("train", max_length=torch.tensor(6))) == 2


@pytest.mark.parametrize("wrong", [2.0, True, "2"])
def test_limits_are_whole_numbers(folder, wrong, no_shape_checks):
    for name in ("limit", "max_length"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            multi30k.load("train", **{name: wrong})


def test_a_mark_at_the_beginning_of_a_file_is_no_word(folder, monkeypatch):
    marked = gzip.compress("\ufeffEin Mann\u00a0geht.\nMa\u0308n\u00adner.\n".encode())
    plain = gzip.compress("Ein Mann geht.\nMänner.\n".encode())
    for name, data in (("train.de.gz", marked), ("train.en.gz", plain)):
        (folder / name).write_bytes(data)
        sums = hashlib.sha256(data).hexdigest()
        monkeypatch.setitem(multi30k.REGISTRY, name, sums)
    for example in multi30k.load("train"):
        assert example.src == example.tgt


def test_two_sides_of_different_length_are_told(folder, monkeypatch):
    longer = gzip.compress("\n".join(LINES["de"] * 2).encode())
    (folder / "train.de.gz").write_bytes(longer)
    monkeypatch.setitem(
        multi30k.REGISTRY, "train.de.gz", hashlib.sha256(longer).hexdigest()
    )
    with pytest.raises(ValueError, match="4 en and 8 de lines"):
        multi30k.load("train")


# --- a copy that is incomplete or damaged ----------------------------------------------


def test_a_missing_file_is_told_with_the_way_out(folder):
    (folder / "val.de.gz").unlink()
    with pytest.raises(FileNotFoundError, match="val.de.gz does not exist; put .* there"):
        multi30k.load("valid")


def test_a_damaged_file_is_told_and_left_as_it_was(folder):
    path = folder / "val.de.gz"
    half = path.read_bytes()[:-9]
    path.write_bytes(half)
    found, expected = hashlib.sha256(half).hexdigest(), multi30k.REGISTRY["val.de.gz"]
    told = f"damaged: its SHA-256 is {found[:12]}.*expected {expected[:12]}"
    with pytest.raises(ValueError, match=told):
        multi30k.load("valid")
    assert path.read_bytes() == half


# --- downloads -------------------------------------------------------------------------


class _Server:
    """Serves the small files on this machine; ``serve`` decides what is sent."""

    def __init__(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rsplit("/", 1)[-1]
                server.asked.append(name)
                promised, sent = server.serve(_contents()[name])
                self.send_response(200)
                self.send_header("Content-Length", str(promised))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_):
                pass

        self.asked = []
        self.serve = lambda data: (len(data), data)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/"


@pytest.fixture
def server(monkeypatch, tmp_path, small_registry):
    """No copy and an empty cache, but a server in place of the network."""
    served = _Server()
    monkeypatch.setattr(multi30k, "URL", served.url)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SEQ2SEQ_DATA_DIR", raising=False)
    yield served
    served.http.shutdown()
    served.http.server_close()


def _files(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_downloaded_once_and_then_cached(server, tmp_path):
    assert len(multi30k.load("valid")) == 3
    assert len(multi30k.load("valid")) == 3
    assert server.asked == ["val.en.gz", "val.de.gz"]
    assert _files(tmp_path) == ["val.de.gz", "val.en.gz"]


def test_half_a_download_is_told_and_thrown_away(server, tmp_path):
    server.serve = lambda data: (len(data) // 2, data[: len(data) // 2])
    with pytest.raises(ValueError, match="val.en.gz is damaged.*try again.*DATA_DIR"):
        multi30k.load("valid")
    assert _files(tmp_path) == []
    server.serve = lambda data: (len(data), data)
    assert len(multi30k.load("valid")) == 3


def test_half_a_download_leaves_what_was_cached(server, tmp_path):
    cached = tmp_path / "seq2seq_lib" / "multi30k" / "val.en.gz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"an older file")
    server.serve = lambda data: (len(data) // 2, data[: len(data) // 2])
    with pytest.raises(ValueError, match="val.en.gz is damaged"):
        multi30k.fetch("val.en.gz")
    assert cached.read_bytes() == b"an older file"


def test_a_connection_that_breaks_off_is_told(server, tmp_path):
    server.serve = lambda data: (len(data), data[: len(data) // 2])
    with pytest.raises((ConnectionError, ValueError), match="DATA_DIR"):
        multi30k.load("valid")
    assert _files(tmp_path) == []


def test_without_network_and_copy_one_sentence_says_what_to_do(server):
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(ConnectionError) as told:
        multi30k.load("test")
    message = str(told.value)
    assert "connect to the network once, or set SEQ2SEQ_DATA_DIR" in message
    assert "\n" not in message and len(message) < 300
    assert told.value.__suppress_context__  # no page of urllib3 above it


def test_whatever_goes_wrong_underneath_it_is_the_same_sentence(server, monkeypatch):
    def fail(*_, **__):
        raise TimeoutError("the read operation timed out")

    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(ConnectionError, match="test_2016_flickr.en.gz is not cached"):
        multi30k.load("test")


# --- the real thing --------------------------------------------------------------------


@pytest.fixture
def real_data():
    if not os.environ.get("SEQ2SEQ_DATA_DIR"):
        pytest.skip("SEQ2SEQ_DATA_DIR does not name a folder with Multi30k's files")


@pytest.mark.data
def test_the_real_files_have_their_known_sizes(real_data):
    splits = multi30k.load_splits()
    assert [len(part) for part in (splits.train, splits.valid, splits.test)] == [
        29_000,
        1_014,
        1_000,
    ]
    assert splits.train[0].src[:4] == ("two", "young", ",", "white")
    assert splits.train[0].tgt[:4] == ("zwei", "junge", "weiße", "männer")
    assert len(multi30k.load("test", "fr", "en")) == 1_000


@pytest.mark.data
@pytest.mark.slow
def test_both_models_learn_from_real_sentences(real_data, no_shape_checks):
    train = multi30k.load("train", limit=2000, max_length=12)
    held_out = multi30k.load("valid", max_length=12)[:150]
    vocabs = multi30k.vocabs(train, min_count=3)
    batches = Batches(encode(train, *vocabs), batch_size=64)
    references = [" ".join(e.tgt) for e in held_out]

    def score(model) -> float:
        answers = translate(model, [e.src for e in held_out], *vocabs, max_len=25)
        return bleu([" ".join(a.tokens) for a in answers], references, tokenize="none")

    knows_nothing = math.log(len(vocabs[1]))
    scores = {}
    for name in ("additive", "fixed"):
        config = ModelConfig(len(vocabs[0]), len(vocabs[1]), name, 64, 64, 128)
        model = build_model(config)
        untrained = score(model)
        schedule = TrainConfig(updates=120, lr=5e-3, warmup=20)
        history = fit(model, batches, schedule, progress=False)
        scores[name] = score(model)
        assert history.losses[0] == pytest.approx(knows_nothing, rel=0.1)
        assert sum(history.losses[-20:]) / 20 < knows_nothing / 2
        assert perplexity(model, encode(held_out, *vocabs)) < len(vocabs[1]) / 10
        assert untrained < 1 < scores[name] < 100
    print(f"BLEU after 120 updates: {scores}")
