"""Commands that stay away: held for a moment, then a ramp of brake, then whatever comes next."""

from __future__ import annotations

import pytest

from waypilot.control.watchdog import FULL_BRAKE, CommandWatchdog
from waypilot.types import Control

STEP_NS = 50_000_000
DRIVE = Control(throttle=0.4, steer=0.1)


def answers(commands: list[tuple[int, Control] | None]):
    watchdog = CommandWatchdog()
    return [watchdog.answer(i * STEP_NS, command) for i, command in enumerate(commands)]


def test_before_the_first_command_the_vehicle_is_held() -> None:
    first, second = answers([None, (STEP_NS, DRIVE)])
    assert (first.control, first.stop_reason) == (FULL_BRAKE, "no command has come yet")
    assert (second.control, second.stop_reason) == (DRIVE, None)


def test_the_newest_command_is_held_for_two_frames_and_from_the_third_on_the_brake_grows() -> None:
    held = answers([(0, DRIVE)] + [None] * 40)
    assert [answer.control for answer in held[:3]] == [DRIVE] * 3
    stops = held[3:]
    assert {answer.stop_reason for answer in stops} == {"no command for 0.15 s"}
    assert stops[0].control == Control(brake=0.25, steer=0.1)
    brakes = [answer.control.brake for answer in stops]
    assert brakes == sorted(brakes)
    assert brakes[-1] == pytest.approx(0.9)


def test_commands_a_little_late_are_obeyed_and_those_too_late_are_not() -> None:
    for late, obeyed in ((2, True), (3, False)):
        commands = [((i if i < 5 else i - late) * STEP_NS, DRIVE) for i in range(20)]
        assert {answer.stop_reason is None for answer in answers(commands)[7:]} == {obeyed}


def test_a_harder_brake_than_the_ramp_is_kept() -> None:
    assert answers([(0, Control(brake=0.8))] + [None] * 4)[-1].control.brake == pytest.approx(0.8)


def test_the_first_command_in_time_is_obeyed_and_the_next_stop_is_gentle_again() -> None:
    commands = [(0, DRIVE), *[None] * 30, (31 * STEP_NS, DRIVE), None, None, None]
    held = answers(commands)
    assert held[31].control == DRIVE
    assert held[34].control.brake == pytest.approx(0.25)
