"""Slow work in its thread. Needs torch and Streamlit, no running page."""

from threading import Event

import pytest

from ae_core.errors import DataError
from ae_core.ui.slow_work import SlowWork


def test_work_is_done_once_and_found_when_it_is_done():
    done, asked = Event(), []

    def work(shown):
        asked.append(shown)
        done.wait(60)
        return f"of {shown}"

    slow = SlowWork(work, kept=2)
    assert slow.find("a") is None
    done.set()
    assert slow.get("a") == slow.find("a") == "of a"
    assert asked == ["a"]


def test_the_last_results_are_kept():
    asked = []
    slow = SlowWork(lambda shown: asked.append(shown) or shown, kept=2)
    for shown in "abcca":
        slow.get(shown)
    assert asked == ["a", "b", "c", "a"]


def test_what_failed_is_tried_again():
    outcomes = iter([DataError("The images cannot be read."), "codes"])

    def work(shown):
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    slow = SlowWork(work, kept=2)
    with pytest.raises(DataError, match="cannot be read"):
        slow.get("a")
    assert slow.get("a") == "codes"
