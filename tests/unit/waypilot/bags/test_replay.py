"""Playing a bag: which frame is due when, and whose answer is waited for."""

import numpy as np
import pytest

from waypilot.bags import Bag, BagError
from waypilot.bags.layout import LayoutOptions
from waypilot.bags.replay import Pace, Player, ReplaySource

WAIT_S = 2.0


def ask(question, from_s, until_s):
    """Ask every 50 ms; returns the last answer, at ``until_s``."""
    answers = [question(float(now_s)) for now_s in np.linspace(from_s, until_s, round((until_s - from_s) / 0.05) + 1)]
    assert not any(answers[:-1])
    return answers[-1]


@pytest.fixture
def make_player(drives, tmp_path):
    def make(frames=4, messages=None, **pace):
        path = drives.write(tmp_path / "bag", messages or drives.upstream(frames))
        source = ReplaySource(Bag(path), LayoutOptions())
        return Player(source.frames, Pace(answer_wait_s=WAIT_S, **pace))

    return make


def stamps(drives, *numbers):
    return [drives.START_NS + number * drives.STEP_NS for number in numbers]


def test_nothing_is_played_before_the_policy_has_the_route(make_player):
    player = make_player()
    assert player.due(0.0) is None
    assert len(player.new_route(0.0).points_m) == 200
    player.begin()
    assert player.new_route(0.0) is None
    assert player.due(0.0) is not None


def test_in_lock_step_a_frame_follows_the_answer_to_the_last_one_and_no_wait_is_endless(make_player, drives):
    player = make_player(frames=3)
    player.begin()
    first, second, _ = stamps(drives, 0, 1, 2)
    assert player.due(0.0).ego.stamp_ns == first
    assert player.due(1.0) is None
    assert player.answer(first)
    assert not player.answer(first)
    assert player.due(1.0).ego.stamp_ns == second
    assert ask(player.due, 1.0, 1.0 + 0.9 * WAIT_S) is None
    assert ask(player.due, 1.0 + 0.9 * WAIT_S, 1.01 + WAIT_S) is not None
    assert ask(player.is_over, 1.01 + WAIT_S, 1.02 + 2.0 * WAIT_S)
    assert player.counts == {"played": 3, "answered": 1, "unanswered": 2}


def test_an_answer_that_came_while_the_process_got_no_processor_is_taken_before_its_frame_counts_as_unanswered(
    make_player, drives
):
    player = make_player(frames=1)
    player.begin()
    assert player.due(0.0) is not None
    assert not player.is_over(100.0)
    assert not player.is_over(100.05)
    assert player.answer(stamps(drives, 0)[0])
    assert player.is_over(100.1)
    assert player.counts == {"played": 1, "answered": 1, "unanswered": 0}


def test_in_real_time_stamps_and_rate_set_the_pace_and_a_pause_takes_no_time(make_player, drives):
    player = make_player(lock_step=False, rate=2.0)
    player.begin()
    assert player.due(10.0) is not None
    assert player.due(10.020) is None
    assert player.due(10.026) is not None
    player.pause(True)
    assert player.due(20.0) is None
    player.pause(False)
    assert player.due(30.0).ego.stamp_ns == stamps(drives, 2)[0]
    assert player.due(30.020) is None
    assert player.due(30.026) is not None
    assert player.answer(stamps(drives, 3)[0])
    assert player.is_over(30.026)
    assert player.counts == {"played": 4, "answered": 1, "unanswered": 3}


def test_a_loop_begins_every_lap_as_a_drive_of_its_own(make_player, drives):
    player = make_player(frames=2, loop=True)
    played = []
    for _ in range(3):
        assert player.new_route(0.0) is not None
        player.begin()
        while (frame := player.due(0.0)) is not None:
            played.append((*player.place, frame.ego.stamp_ns))
            player.answer(frame.ego.stamp_ns)
    first, second = stamps(drives, 0, 1)
    assert played == [(lap, 0, stamp_ns) for lap in range(3) for stamp_ns in (first, second)]
    assert not player.is_over(0.0)


def test_a_bag_without_images_or_route_is_refused(drives, tmp_path):
    for lacking, words in (("image", "no topic with images"), ("waypoints", "no route")):
        messages = [entry for entry in drives.upstream(3) if lacking not in entry[0]]
        path = drives.write(tmp_path / lacking, messages)
        with pytest.raises(BagError, match=words):
            ReplaySource(Bag(path), LayoutOptions())
