"""Supervised fine-tuning: waypoint behaviour cloning."""
