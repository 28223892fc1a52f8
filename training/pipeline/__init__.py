"""The whole chain from nothing to a refined, evaluated policy: ``python -m training.pipeline``."""
