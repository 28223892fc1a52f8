"""CARLA's recorder log: its packets, its files, and what can be told of one. No world, no sockets."""

from carla_lite.recording.log_file import Frame, LogReader, LogWriter
from carla_lite.recording.packets import RecordingError

__all__ = ["Frame", "LogReader", "LogWriter", "RecordingError"]
