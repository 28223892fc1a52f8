"""Driving in carla_lite's engine within this process: the world that the delta head is refined in."""
