"""Self-supervised pre-training of the camera encoder, and what it brings."""
