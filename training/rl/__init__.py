"""Refinement of a waypoint policy, and the policy that drives."""
