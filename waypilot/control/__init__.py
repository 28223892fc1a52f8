"""From waypoints to throttle, steer and brake."""
