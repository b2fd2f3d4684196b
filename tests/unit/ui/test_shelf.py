"""What visitors left, kept under tokens. Needs the standard library alone."""

import threading

from ae_core.ui import shelf
from ae_core.ui.shelf import Shelf, new_token


def test_a_thing_is_found_under_its_token_once_and_by_nobody_else():
    kept = Shelf()
    kept.put("mine", 1)
    kept.put("yours", 2)
    assert kept.take("theirs") is None
    assert kept.take("mine") == 1
    assert kept.take("mine") is None
    assert kept.take("yours") == 2


def test_the_oldest_go_first_and_a_thing_put_again_is_new():
    kept = Shelf(most=2)
    for token in ("a", "b", "a", "c"):
        kept.put(token, token)
    assert [kept.take(token) for token in ("b", "a", "c")] == [None, "a", "c"]


def test_what_is_too_old_is_gone(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(shelf, "monotonic", lambda: now[0])
    kept = Shelf(kept_seconds=10)
    kept.put("a", 1)
    now[0] = 9.0
    kept.put("b", 2)
    now[0] = 11.0
    assert kept.take("a") is None
    assert kept.take("b") == 2


def test_two_who_ask_at_once_do_not_both_get_it():
    kept, found = Shelf(), []
    for round_ in range(200):
        kept.put("a", round_)
        threads = [threading.Thread(target=lambda: found.append(kept.take("a"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(one for one in found if one is not None) == list(range(200))


def test_tokens_cannot_be_guessed_or_confused():
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert min(len(token) for token in tokens) >= 40
