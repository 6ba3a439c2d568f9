"""Pairing by stamp: what an image waits for, and that timing does not change the answer."""

import gc
import weakref

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehoi_ros.io.topics.pairing import LAST_STAMP_NS, Bundle, Pairing

MS = 1_000_000


def pairing(tolerance_ns: int = 0, wait_ns: int = 100, followed: tuple[str, ...] = ()) -> Pairing:
    return Pairing(("depth",), followed, tolerance_ns, wait_ns)


def depths(bundles: list[Bundle]) -> list[object]:
    return [bundle.companions.get("depth") for bundle in bundles]


def test_an_image_waits_for_its_companion_and_gives_up_in_time() -> None:
    p = pairing()
    p.add_image("a", 10, 0)
    p.add_companion("depth", "earlier", 9, 50)
    assert p.ready(59) == []
    p.add_companion("depth", "right", 10, 60)
    (bundle,) = p.ready(60)
    assert bundle.companions == {"depth": "right"} and bundle.missing == ()
    p.add_image("b", 20, 70)
    assert p.ready(169) == []
    (late,) = p.ready(170)
    assert (late.image, late.missing, late.arrived_ns) == ("b", ("depth",), 70)


def test_a_later_stamp_ends_the_wait_at_once() -> None:
    p = pairing()
    p.add_image("a", 10, 0)
    p.add_companion("depth", "next", 20, 1)
    p.add_image("b", 20, 2)
    assert depths(p.ready(2)) == [None, "next"]


def test_the_nearest_within_the_tolerance_is_taken_also_when_it_is_late() -> None:
    p = pairing(tolerance_ns=5)
    p.add_companion("depth", 6, 6, 0)
    p.add_image("a", 10, 1)
    assert p.ready(1) == [], "a nearer one may still come"
    p.add_companion("depth", 12, 12, 2)
    assert depths(p.ready(2)) == [12]
    p.add_image("b", 30, 3)
    p.add_companion("depth", 40, 40, 4)
    assert depths(p.ready(4)) == [None]


def test_one_message_may_serve_two_images_unless_the_stamps_are_equal() -> None:
    p = pairing(tolerance_ns=10)
    p.add_companion("depth", "d", 15, 0)
    p.add_image("a", 10, 1)
    p.add_image("b", 12, 2)
    assert depths(p.ready(2)) == ["d", "d"]


def test_equal_stamps_are_paired_in_order_of_arrival() -> None:
    p = pairing()
    for name in "abc":
        p.add_image(name, 0, 0)
    for name in "xyz":
        p.add_companion("depth", name, 0, 1)
    assert depths(p.ready(1)) == ["x", "y", "z"]


def test_what_was_before_a_jump_back_is_not_used_after_it() -> None:
    p = pairing(tolerance_ns=3)
    p.add_companion("depth", "old 10", 10, 0)
    p.add_image("a", 10, 1)
    p.add_companion("depth", "old 20", 20, 2)
    p.add_image("b", 20, 3)
    assert depths(p.ready(3)) == ["old 10", "old 20"]
    p.add_companion("depth", "new 10", 10, 4)
    p.add_image("a", 10, 5)
    p.add_image("b", 20, 6)
    assert depths(p.ready(6)) == ["new 10"]
    p.add_companion("depth", "new 20", 20, 7)
    assert depths(p.ready(7)) == ["new 20"]
    p.add_image("a", 10, 8)
    assert p.ready(8) == [], "here the image jumped first: the old 20 says nothing about it"
    p.add_companion("depth", "third 10", 10, 9)
    assert depths(p.ready(9)) == ["third 10"]


def test_messages_slightly_out_of_order_find_each_other() -> None:
    p = Pairing(("depth",), (), 0, 1000, disorder_ns=15)
    for stamp in (10, 30, 20):
        p.add_companion("depth", f"d{stamp}", stamp, 0)
    for stamp in (10, 30, 20, 40):
        p.add_image("image", stamp, 1)
    assert depths(p.ready(1)) == ["d10", "d30", "d20"]
    p.add_companion("depth", "d40", 40, 2)
    assert depths(p.ready(2)) == ["d40"]
    p.add_image("late", 35, 3)
    assert p.ready(3) == [], "its depth may be late too"
    p.add_companion("depth", "d35", 35, 4)
    assert depths(p.ready(4)) == ["d35"]
    p.add_image("looped", 10, 5)
    p.add_companion("depth", "new", 10, 6)
    assert depths(p.ready(6)) == ["new"]


def test_a_companion_that_jumps_back_settles_the_images_before() -> None:
    p = pairing(tolerance_ns=5, wait_ns=1000)
    p.add_companion("depth", "near", 18, 0)
    p.add_image("last", 20, 1)
    p.add_companion("depth", "first again", 0, 2)
    assert depths(p.ready(2)) == ["near"]


def test_a_followed_topic_is_waited_for_only_while_it_keeps_up() -> None:
    p = Pairing((), ("info",), 0, 100)
    p.add_image("a", 10, 0)
    assert len(p.ready(0)) == 1, "nothing is known about it yet"
    p.add_companion("info", "i", 10, 1)
    p.add_image("b", 20, 2)
    assert p.ready(2) == []
    p.add_companion("info", "j", 20, 3)
    assert len(p.ready(3)) == 1
    p.add_image("c", 30, 4)
    (bundle,) = p.ready(104)
    assert bundle.missing == (), "it is not said to be missing"
    p.add_image("d", 40, 105)
    assert len(p.ready(105)) == 1, "it has fallen behind"


def test_an_unreadable_image_keeps_its_place() -> None:
    p = pairing()
    p.add_image("a", 10, 0)
    p.add_unreadable(None, 1, "damaged")
    assert p.ready(1) == []
    p.add_companion("depth", "d", 10, 2)
    assert [(b.image, b.note) for b in p.ready(2)] == [("a", None), (None, "damaged")]


def test_an_unreadable_image_has_a_time_that_a_header_can_tell() -> None:
    p = pairing()
    p.add_unreadable(None, 2**64 - 1, "damaged")
    (bundle,) = p.ready(None)
    assert bundle.stamp_ns == LAST_STAMP_NS and LAST_STAMP_NS // 10**9 == 2**31 - 1


def test_the_end_settles_everything() -> None:
    p = pairing(tolerance_ns=5)
    p.add_image("a", 10, 0)
    p.add_companion("depth", "d", 8, 1)
    assert depths(p.ready(None)) == ["d"]


class Message:
    """Something that can be seen to be gone."""


def test_companions_too_old_for_any_image_are_let_go() -> None:
    p = pairing(tolerance_ns=3)
    seen = []
    for stamp in (2, 6, 7, 12):
        message = Message()
        seen.append(weakref.ref(message))
        p.add_companion("depth", message, stamp, stamp)
    del message
    p.add_image("a", 10, 13)
    assert len(p.ready(13)) == 1
    gc.collect()
    assert [ref() is not None for ref in seen] == [False, False, True, True]


@settings(max_examples=150)
@given(st.data())
def test_arrival_within_the_wait_does_not_change_the_answer(data: st.DataObject) -> None:
    """Whatever the delays, each image gets the nearest companion within the tolerance."""
    tolerance = data.draw(st.integers(0, 12), "tolerance") * MS
    offsets = data.draw(st.lists(st.none() | st.integers(-10, 10), min_size=1, max_size=8), "depth offsets")
    events: list[tuple[int, str, int]] = []
    for index, offset in enumerate(offsets):
        stamp = (index + 1) * 33 * MS
        events.append((stamp + data.draw(st.integers(0, 30)) * MS, "image", stamp))
        if offset is not None:
            depth = stamp + offset * MS
            events.append((depth + 10 * MS + data.draw(st.integers(0, 40)) * MS, "depth", depth))
    in_topic = [sorted(t for t, kind, _ in events if kind == k) for k in ("image", "depth")]
    times = {"image": iter(in_topic[0]), "depth": iter(in_topic[1])}
    events = sorted(
        (next(times[kind]), kind, s)
        for kind in times
        for _, k, s in sorted(events, key=lambda e: e[2])
        if k == kind
    )
    p = Pairing(("depth",), (), tolerance, 200 * MS)
    found: list[Bundle] = []
    for now, kind, stamp in events:
        p.add_image(stamp, stamp, now) if kind == "image" else p.add_companion("depth", stamp, stamp, now)
        found += p.ready(now)
    found += p.ready(None)
    stamps = np.array([stamp for _, kind, stamp in events if kind == "depth"])
    for bundle in found:
        distances = np.abs(stamps - bundle.stamp_ns)
        got = bundle.companions.get("depth")
        if not len(stamps) or distances.min() > tolerance:
            assert got is None
        else:
            assert got is not None and abs(got - bundle.stamp_ns) == distances.min()
    assert [b.stamp_ns for b in found] == [s for _, kind, s in events if kind == "image"]
