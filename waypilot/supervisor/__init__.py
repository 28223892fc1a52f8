"""Runs the node table of ``launch/stack.yaml`` as plain processes, where launch_ros is missing."""
