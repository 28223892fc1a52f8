"""Runs inside a container beside the stack: counts the camera's images, best effort, and the frames that never came.

Frames of one drive follow each other at 0.05 s of simulated time; a larger step within a drive is a loss. Ends when no
image has come for a while after the first, and prints the counts as JSON.
"""

import json
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

TOPIC = "/carla/ego_vehicle/front/image"
STEP_NS = 50_000_000
SILENCE_S = 30.0
#: A step longer than this is a new drive.
NEW_DRIVE_NS = 2_000_000_000
PATIENCE_S = 120.0


class Counter(Node):
    def __init__(self):
        super().__init__("image_counter")
        self.received = self.lost = 0
        self.last_ns = None
        self.last_s = 0.0
        profile = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(Image, TOPIC, self.on_image, profile)

    def on_image(self, message):
        stamp_ns = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        if self.last_ns is not None and STEP_NS < stamp_ns - self.last_ns < NEW_DRIVE_NS:
            self.lost += round((stamp_ns - self.last_ns) / STEP_NS) - 1
        self.received += 1
        self.last_ns, self.last_s = stamp_ns, time.monotonic()


def main():
    rclpy.init()
    counter = Counter()
    deadline_s = time.monotonic() + PATIENCE_S
    while counter.count_publishers(TOPIC) == 0:
        rclpy.spin_once(counter, timeout_sec=0.1)
        if time.monotonic() > deadline_s:
            print(f"nobody publishes {TOPIC} after {PATIENCE_S:g} s", flush=True)
            return 1
    print("connected to the bridge", flush=True)
    counter.last_s = time.monotonic()
    while time.monotonic() - counter.last_s < (SILENCE_S if counter.received else PATIENCE_S):
        rclpy.spin_once(counter, timeout_sec=0.1)
    print(json.dumps({"received": counter.received, "lost": counter.lost}), flush=True)
    rclpy.try_shutdown()
    return 0


sys.exit(main())
