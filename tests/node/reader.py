"""A node that reads odometry reliably: ``python reader.py TOPIC --ros-args ...``."""

import sys

import rclpy
from nav_msgs.msg import Odometry
from waypilot_ros import qos

topic = sys.argv.pop(1)
rclpy.init(args=sys.argv)
node = rclpy.create_node("reader")
node.create_subscription(Odometry, topic, lambda _message: None, qos.FRAME)
rclpy.spin(node)
