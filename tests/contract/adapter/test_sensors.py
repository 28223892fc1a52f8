"""The mailbox between the client's threads and the loop."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import pytest

from waypilot_carla import SimulatorLost
from waypilot_carla.sensors import Mailbox


@dataclass(frozen=True)
class Measurement:
    frame: int


def soon(seconds: float = 0.0) -> float:
    return time.monotonic() + seconds


def test_the_measurement_of_exactly_the_frame_is_taken_and_older_ones_are_dropped():
    box = Mailbox[Measurement]("camera 'front'")
    for frame in (3, 4, 5, 6):
        box.put(Measurement(frame))
    assert box.take(5, soon()).frame == 5  # what has arrived is taken, however late it is
    assert box.take(6, soon()).frame == 6


def test_a_measurement_that_arrives_from_another_thread_is_waited_for():
    box = Mailbox[Measurement]("the IMU")
    timer = threading.Timer(0.05, box.put, [Measurement(8)])
    timer.start()
    assert box.take(8, soon(60.0)).frame == 8
    timer.join()


def test_a_frame_that_was_left_out_or_does_not_come_is_said_with_the_sensors_name():
    box = Mailbox[Measurement]("camera 'front'")
    box.put(Measurement(7))
    with pytest.raises(SimulatorLost, match="camera 'front' left out frame 6, it is at 7 already"):
        box.take(6, soon(5.0))
    begun_s = time.monotonic()
    with pytest.raises(SimulatorLost, match="camera 'front' sent nothing for frame 8 in time"):
        box.take(8, soon(0.05))
    assert time.monotonic() - begun_s < 20.0
