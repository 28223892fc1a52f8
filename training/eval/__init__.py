"""Driving scenarios with a policy, without ROS."""
