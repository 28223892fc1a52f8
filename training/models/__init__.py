"""Networks that turn camera images, speed and route command into waypoints, and their checkpoints."""
