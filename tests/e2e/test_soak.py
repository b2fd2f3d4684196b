"""The soak in short, and its checks by themselves."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.soak import P95_MS, Report, broken_promises, soak, table
from tests.visitors import Ledger


def test_nothing_is_lost_or_mixed_up_while_four_draw_and_slide_and_one_trains():
    # In a thread of its own: the browser's driver keeps an event loop in this one.
    with ThreadPoolExecutor() as pool:
        report = pool.submit(asyncio.run, soak(sessions=4, seconds=20, pace=2)).result()
    assert broken_promises(report) == []
    assert not report.long_enough, "memory and times of so short a run must not be judged"
    assert len(report.answered) == 4
    for answered in report.answered:
        assert answered["slide"] >= 3
        assert answered["stroke"] >= 1
    assert report.steps[-1] > report.steps[0] > 0
    assert len(report.frames) >= 4
    assert len(list(table(report))) == 8


THREE, SEVEN = ("stroke 1 of visitor 3",), ("stroke 1 of visitor 7",)


@pytest.fixture
def ledger():
    """One that has seen two drawings."""
    ledger = Ledger()
    assert ledger.mistake("Code", (THREE, "0.1"), b"the three's code") is None
    assert ledger.mistake("Code", (SEVEN, "0.1"), b"the seven's code") is None
    return ledger


def test_the_ledger_takes_what_it_knows_and_what_is_new(ledger):
    assert ledger.mistake("Code", (THREE, "0.1"), b"the three's code") is None
    assert ledger.mistake("Code", (THREE, "0.01"), b"its code under another model") is None
    assert ledger.mistake("Jacobian", (THREE, "0.1"), b"the three's code") is None


def test_the_ledger_notices_another_visitors_content(ledger):
    mistake = ledger.mistake("Code", (THREE, "0.1"), b"the seven's code")
    assert "visitor 3" in mistake.partition(" is what ")[0]
    assert "visitor 7" in mistake.partition(" is what ")[2]


def test_the_ledger_notices_the_content_of_another_penalty_weight(ledger):
    assert "is what" in ledger.mistake("Code", (THREE, "0.01"), b"the three's code")


def test_the_ledger_notices_content_that_changed(ledger):
    assert "not what it was before" in ledger.mistake("Code", (THREE, "0.1"), b"no code of anybody's")


def a_report(seconds, slide_ms, mb_a_minute, **changes):
    """A run whose figures are as even as can be."""
    memory = [(second, 700 + mb_a_minute * second / 60) for second in range(0, seconds, 2)]
    answered = [Counter(slide=50)]
    return Report(seconds=seconds, slides=[slide_ms] * 50, memory=memory, answered=answered, **changes)


def test_a_long_run_that_is_slow_and_grows_breaks_two_promises():
    assert broken_promises(a_report(300, P95_MS - 1, 9)) == []
    slow, grows = broken_promises(a_report(300, P95_MS + 1, 11))[::-1]
    assert "slider" in slow
    assert "11.0 MB a minute" in grows


def test_a_short_run_is_judged_by_losses_alone():
    assert broken_promises(a_report(30, 10 * P95_MS, 1000)) == []
    assert len(broken_promises(a_report(30, 1, 0, lost=["visitor 1"], mixed_up=["visitor 2"]))) == 2


def test_the_first_minutes_growth_is_no_leak():
    report = a_report(300, 1, 0)
    report.memory = [(second, 700 + min(second, 60)) for second in range(0, 300, 2)]
    assert broken_promises(report) == []


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "Exception in callback None()"])
def test_an_exception_in_the_log_breaks_a_promise_however_short_the_run(line):
    (broken,) = broken_promises(a_report(1, 1, 0, log=f"You can now view your app.\n{line}\n"))
    assert line in broken
