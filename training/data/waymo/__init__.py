"""Importing Waymo records (end-to-end driving and perception v1) as episodes, without TensorFlow."""
