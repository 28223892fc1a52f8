"""Images belong to the ego state with exactly their stamp, and to no other."""

import numpy as np
import pytest
from waypilot_ros.frame_join import MAX_PENDING_FRAMES, FrameJoin

from waypilot.surroundings import Surroundings

IMAGE = np.zeros((2, 2, 3), np.uint8)
CHECK_S = 0.125


@pytest.fixture
def join():
    return FrameJoin(("front", "left"), camera_wait_s=0.5, longest_turn_s=CHECK_S)


def check(join, *times_s):
    """Ask for overdue frames at these times; returns the last answer."""
    return [join.take_overdue(now_s) for now_s in times_s][-1]


def test_a_frame_is_given_out_once_it_has_everything_in_any_order(join, ego_at):
    assert join.add_image("left", 10, IMAGE) is None
    assert join.add_ego(ego_at(10)) is None
    frame = join.add_image("front", 10, IMAGE)
    assert frame.ego.stamp_ns == 10
    assert set(frame.images) == {"front", "left"}
    assert join.add_image("front", 10, IMAGE) is None
    assert not join.waiting


def test_an_image_of_a_neighbouring_stamp_does_not_count(join, ego_at):
    join.add_ego(ego_at(10))
    join.add_image("left", 10, IMAGE)
    assert join.add_image("front", 11, IMAGE) is None
    assert join.waiting


def test_a_frame_without_a_camera_is_given_out_after_the_wait(join, ego_at):
    join.add_ego(ego_at(10))
    join.add_image("left", 10, IMAGE)
    assert check(join, 100.0, 100.125, 100.25, 100.375) is None
    frame = join.take_overdue(100.5)
    assert set(frame.images) == {"left"}
    assert join.take_overdue(100.625) is None


def test_turns_of_uneven_length_count_in_full(join, ego_at):
    join.take_overdue(100.0)
    join.add_ego(ego_at(10))
    assert check(join, 100.1, 100.12, 100.24, 100.25, 100.37, 100.47, 100.49) is None
    assert join.take_overdue(100.51) is not None


def test_an_image_that_came_while_the_process_got_no_processor_is_taken_before_its_frame_counts_as_overdue(
    join, ego_at
):
    """After the stall the timer comes first, once, and only then what waits in the queues."""
    assert join.take_overdue(100.0) is None
    join.add_ego(ego_at(10))
    join.add_image("left", 10, IMAGE)
    assert check(join, 160.0, 160.125, 160.25) is None
    assert set(join.add_image("front", 10, IMAGE).images) == {"front", "left"}


def test_older_frames_are_dropped_and_counted_when_a_newer_one_is_complete(join, ego_at):
    join.add_ego(ego_at(10))
    join.add_ego(ego_at(20))
    join.add_image("left", 20, IMAGE)
    assert join.add_image("front", 20, IMAGE).ego.stamp_ns == 20
    assert join.dropped == 1
    assert join.add_image("front", 10, IMAGE) is None
    assert join.dropped == 2


def test_a_policy_without_cameras_needs_the_ego_state_only(ego_at):
    frame = FrameJoin((), 0.5, CHECK_S).add_ego(ego_at(10))
    assert frame.images == {}


def test_memory_is_bounded_when_the_ego_state_never_comes(join):
    for stamp_ns in range(5 * MAX_PENDING_FRAMES):
        join.add_image("front", stamp_ns, IMAGE)
    assert len(join._pending) == MAX_PENDING_FRAMES


def test_reset_allows_stamps_to_start_again(join, ego_at):
    single = FrameJoin((), 0.5, CHECK_S)
    single.add_ego(ego_at(100))
    assert single.add_ego(ego_at(10)) is None
    single.reset()
    assert single.add_ego(ego_at(10)).ego.stamp_ns == 10


def test_a_privileged_policy_waits_for_the_surroundings_of_its_frame_too(ego_at):
    join = FrameJoin((), 0.5, CHECK_S)
    join.reset(expects_surroundings=True)
    assert join.add_ego(ego_at(10)) is None
    assert join.add_surroundings(Surroundings(20)) is None
    assert join.add_surroundings(Surroundings(10)).surroundings == Surroundings(10)
    assert join.add_ego(ego_at(20)).surroundings == Surroundings(20)


def test_a_privileged_policy_never_gets_a_frame_without_the_surroundings(ego_at):
    join = FrameJoin(("front",), 0.5, CHECK_S)
    join.reset(expects_surroundings=True)
    join.add_ego(ego_at(10))
    assert check(join, 0.0, 0.125, 0.25, 0.375, 0.5) is None
    join.add_surroundings(Surroundings(10))
    assert join.take_overdue(0.625).surroundings == Surroundings(10)
