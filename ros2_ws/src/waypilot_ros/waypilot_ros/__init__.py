"""Thin rclpy nodes around the Waypilot libraries; see docs/interfaces.md."""
