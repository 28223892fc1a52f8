"""The real recorder node, which hears of one topic late: ``python slow_recorder.py TOPIC SECONDS --ros-args ...``."""

import sys
import time

from waypilot_ros import recorder_node, topic_taps

topic, seconds = sys.argv.pop(1), float(sys.argv.pop(1))
heard_from_s = time.monotonic() + seconds
tap = topic_taps.TopicTaps._tap


def tap_late(taps, name, kind):
    if name != topic or time.monotonic() > heard_from_s:
        tap(taps, name, kind)


topic_taps.TopicTaps._tap = tap_late
sys.exit(recorder_node.main())
