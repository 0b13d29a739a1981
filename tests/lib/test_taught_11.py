"""Chapter 11: the interval built by hand is the library's."""

import pytest
from test_taught_code import chapter_path, run_taught

from seq2seq_lib.intervals import mean_interval


@pytest.mark.parametrize("values", [[2.1, 0.4, 1.6], [0.5, 0.5], [-3.0, 4.0, 9.5, 1.0]])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_the_interval_by_hand_is_the_librarys(values, confidence):
    by_hand = run_taught(chapter_path("11"))["interval_by_hand"]
    expected = mean_interval(values, confidence)
    assert by_hand(values, confidence) == pytest.approx((expected.low, expected.high))
