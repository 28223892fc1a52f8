"""From recorded drives to batches, and the collectors that record drives."""
