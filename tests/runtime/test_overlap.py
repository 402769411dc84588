import threading
import time

import pytest

from kbvc_jax.runtime.overlap import Beside, ahead, in_order


def test_items_are_fetched_before_they_are_asked_for_but_not_all():
    fetched = []
    source = ahead((fetched.append(n) or n for n in range(9)), most=3)
    assert next(source) == 0
    deadline = time.monotonic() + 5
    while len(fetched) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
        if len(fetched) == 1:
            next(source)
    assert 2 <= len(fetched) <= 5
    assert list(source)[-1] == 8 and fetched == list(range(9))


def test_order_is_kept_and_no_more_wait_than_may():
    waiting, most = [], []

    def work(number):
        time.sleep(0.01 * (number % 3))
        waiting.remove(number)
        return number

    def futures(thread):
        for number in range(12):
            waiting.append(number)
            most.append(len(waiting))
            yield thread.submit(work, number)

    with Beside(2) as thread:
        assert list(in_order(futures(thread), 4)) == list(range(12))
    assert max(most) <= 4


def test_a_failure_comes_where_its_item_would():
    def failing():
        yield 1
        raise ValueError("the second")

    source = ahead(failing())
    assert next(source) == 1
    with pytest.raises(ValueError, match="the second"):
        next(source)


def test_one_that_waits_for_ever_keeps_nothing_from_its_end():
    never = threading.Event()

    def source():
        yield 1
        never.wait()

    items = ahead(source())
    assert next(items) == 1
    began = time.monotonic()
    items.close()
    assert time.monotonic() - began < 5
    never.set()


def test_what_is_not_wanted_any_more_is_not_fetched():
    fetched = []
    source = ahead(fetched.append(n) or n for n in range(1000))
    next(source)
    source.close()
    count = len(fetched)
    time.sleep(0.05)
    assert len(fetched) == count < 1000
