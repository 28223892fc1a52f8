"""The privileged driver: it knows the route, and everything around it. Teacher of the learned policies."""

from waypilot.expert.config import ExpertConfig
from waypilot.expert.policy import ExpertPolicy
from waypilot.expert.reference import speed_profile

__all__ = ["ExpertConfig", "ExpertPolicy", "speed_profile"]
