"""The book's page: values for its text, stored results, and its clock."""

import json
import sys

import myst_nb
import numpy as np
import pytest

from seq2seq_lib import page
from seq2seq_lib.intervals import Interval


@pytest.fixture
def glued(monkeypatch):
    """What was glued, by its key; nothing may be displayed beside it."""
    found = {}

    def glue(name, value, display=True):
        assert not display
        found[name] = value

    monkeypatch.setattr(myst_nb, "glue", glue)
    return found


def test_values_are_put_aside_under_their_names(glued):
    value = object()
    page.put(ch06_hidden=64, ch06_first=value)
    assert glued == {"ch06_hidden": 64, "ch06_first": value}
    assert glued["ch06_first"] is value


def test_numbers_of_numpy_become_pythons_own(glued):
    page.put(a=np.float64(0.5), b=np.int64(3), c=np.bool_(True))
    assert [type(value) for value in glued.values()] == [float, int, bool]


def test_many_values_are_put_aside_under_one_prefix(glued):
    page.put_each("ch05_hits", {1: 0.4, 16: 0.5, "all": 1.0})
    assert glued == {"ch05_hits_1": 0.4, "ch05_hits_16": 0.5, "ch05_hits_all": 1.0}


def test_a_chapter_runs_where_myst_nb_is_not_installed(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "myst_nb", None)
    page.put(largest=0.67)
    page.put_each("largest", {1: 2})
    assert capsys.readouterr() == ("", "")


def test_the_clock_goes_on():
    first = page.elapsed()
    assert 0 < first <= page.elapsed()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of a project with two results; the working directory is its ``chapters``."""
    (tmp_path / "results").mkdir()
    arms = {"fixed": {"0": {"aer": {"content": 0.1}}, "1": {"aer": {"content": 0.2}}}}
    results = {"measured": {"values": arms}, "ledger": {"claims": {}}}
    for name, content in results.items():
        (tmp_path / "results" / f"{name}.json").write_text(json.dumps(content))
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    monkeypatch.chdir(chapters)
    return tmp_path


def test_results_are_read_from_within_the_project(project, monkeypatch):
    for folder in (project / "chapters", project):
        monkeypatch.chdir(folder)
        assert page.stored("ledger") == {"claims": {}}


def test_results_beside_the_library_are_read_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert page.stored("comparison")["run"]["seeds"]


def test_unknown_results_are_told_with_the_known_ones(project):
    with pytest.raises(FileNotFoundError, match=r"mesured.json.*ledger, .*measured"):
        page.stored("mesured")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The results that a library in ``site-packages`` carries; the reader is elsewhere."""
    library = tmp_path / "site-packages" / "seq2seq_lib"
    (library / "results" / "live").mkdir(parents=True)
    (library / "results" / "measured.json").write_text('{"values": {"a": {"0": {}}}}')
    (library / "results" / "live" / "fixed.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setattr(page, "__file__", str(library / "page.py"))
    return library / "results"


def test_an_installed_library_carries_its_results(installed):
    assert page.arms_of("measured") == {"a": [{}]}
    assert page.find("live/fixed.json") == installed / "live" / "fixed.json"
    with pytest.raises(FileNotFoundError, match=r"nor with the library; .*measured"):
        page.find("mesured.json")


def test_results_of_a_checkout_come_before_installed_ones(installed, monkeypatch):
    ours = installed.parents[2] / "project" / "results"
    ours.mkdir(parents=True)
    (ours / "measured.json").write_text('{"values": {"ours": {}}}')
    monkeypatch.chdir(ours.parent)
    assert page.arms_of("measured") == {"ours": []}


def test_damage_to_an_installed_library_is_told_as_that(installed):
    (installed / "measured.json").write_text("{")
    with pytest.raises(ValueError, match="damaged .*installing the library again"):
        page.stored("measured")


def test_a_place_without_results_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(page, "__file__", str(tmp_path / "site" / "lib" / "page.py"))
    with pytest.raises(FileNotFoundError, match="run this inside a copy .* wheel"):
        page.stored("comparison")


@pytest.mark.parametrize("text", ["", '{"run": {', "\ufeff{}", b"\xff\xfe\x00"])
def test_damaged_results_are_told_by_their_file(project, text):
    path = project / "results" / "measured.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=r"measured\.json is damaged .*git checkout"):
        page.stored("measured")


def test_a_result_that_is_not_whole_is_not_drawn(project):
    path = project / "results" / "measured.json"
    path.write_text('{"complete": false, "values": {}}')
    with pytest.raises(ValueError, match=r"incomplete; finish it .*experiments\.measured"):
        page.stored("measured")


def test_an_arm_is_a_list_of_records_and_a_measure_a_list_of_numbers(project):
    arms = page.arms_of("measured")
    assert page.per_seed(arms["fixed"], "aer", "content") == [0.1, 0.2]
    assert page.per_seed(arms["fixed"]) == arms["fixed"]


def test_results_without_arms_are_told(project):
    with pytest.raises(ValueError, match="'ledger' have no arms"):
        page.arms_of("ledger")


def test_what_judges_a_claim_is_drawn_with_what_it_needs():
    found = {"mean": 0.5, "low": 0.4, "high": 0.6, "seeds": [0, 1, 2], "effect": 0.2}
    claims = {"3": {"primary": found | {"short": "slopes"}, "verdict": "holds"}}
    rows = page.judged(claims)
    assert rows == {"3: slopes": (Interval(0.5, 0.4, 0.6, 3), 0.2, "holds")}
