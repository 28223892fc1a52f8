"""Waypilot's core: geometry, routes, control, metrics, scenarios, results.

Plain Python and numpy. Nothing here imports ROS, torch or the CARLA client, and nothing reads a clock:
time is always an argument, in integer nanoseconds.
"""

__version__ = "0.1.0"
