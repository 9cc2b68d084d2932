"""The collector is held back in a block, and what blocks leave is collected all the same."""

import gc
import weakref

import pytest

from tf1bn.graph import collecting


class Thing:
    """Something that can be in a circle."""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(collecting, "_LEAST", 1000)
    monkeypatch.setattr(collecting, "_MANY", 1000)
    monkeypatch.setattr(collecting._Tally, "made", 0)
    monkeypatch.setattr(collecting._Tally, "left", 0)
    gc.unfreeze()  # tests freeze what is there when they begin
    yield
    gc.collect()
    gc.freeze()


def circle(size):
    things = [Thing() for _ in range(size)]
    things[0].all = things
    return weakref.ref(things[0])


def test_nothing_is_collected_in_a_block_nor_right_after_it():
    begun = []
    gc.callbacks.append(lambda phase, info: begun.append(phase))
    try:
        with collecting.paused():
            kept = circle(5000)
        assert not begun
    finally:
        gc.callbacks.pop()
    assert gc.isenabled() and kept() is not None


def test_what_a_block_left_is_collected_before_a_later_one():
    with collecting.paused():
        kept = circle(2000)
    with collecting.paused():
        assert kept() is None
    assert collecting._Tally.left > 1000


def test_little_waits():
    gc.collect()
    with collecting.paused():
        kept = circle(100)
    with collecting.paused():
        assert kept() is not None


def test_what_little_a_block_made_stays_young(monkeypatch):
    monkeypatch.setattr(collecting, "_MANY", 10_000)
    gc.collect()
    with collecting.paused():
        kept = circle(2000)
    assert collecting._Tally.made == 0
    gc.collect(0)
    assert kept() is None


def test_what_a_program_has_frozen_stays_so():
    gc.freeze()
    with collecting.paused():
        circle(2000)
    assert gc.get_freeze_count() > 0 and collecting._Tally.made == 0


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    try:
        with collecting.paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
