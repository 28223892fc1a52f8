import threading

import pytest

from carla_lite.render import Helper

TIMEOUT_S = 30.0


@pytest.fixture
def helper():
    helper = Helper()
    yield helper
    helper.close()


def test_both_halves_are_done_side_by_side(helper):
    meeting, done_by = threading.Barrier(2, timeout=TIMEOUT_S), []

    def half():
        meeting.wait()  # breaks unless the other half is under way
        done_by.append(threading.get_ident())

    helper.share(half, half)
    assert threading.get_ident() in done_by
    assert len(set(done_by)) == 2


def test_what_the_thread_has_not_begun_is_done_by_the_caller(helper):
    may_end, begun, done_by = threading.Event(), threading.Event(), []

    def long():
        begun.set()
        may_end.wait(TIMEOUT_S)

    busy = threading.Thread(target=helper.share, args=(may_end.wait, long))
    busy.start()
    assert begun.wait(TIMEOUT_S)
    helper.share(lambda: done_by.append("mine"), lambda: done_by.append(threading.get_ident()))
    may_end.set()
    busy.join(TIMEOUT_S)
    assert done_by == ["mine", threading.get_ident()]


@pytest.mark.parametrize("mine_fails", [False, True])
def test_an_error_of_either_half_comes_out_once_both_have_ended(helper, mine_fails):
    ended = []

    def good():
        ended.append(1)

    def bad():
        raise ValueError("no such colour")

    with pytest.raises(ValueError, match="no such colour"):
        helper.share(*((bad, good) if mine_fails else (good, bad)))
    helper.share(good, good)
    assert len(ended) in (2, 3) if mine_fails else len(ended) == 3


def test_a_closed_helper_leaves_no_thread():
    before = set(threading.enumerate())  # threads of earlier tests may end at any time: only what is new counts
    helper = Helper()
    (thread,) = set(threading.enumerate()) - before
    helper.close()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
