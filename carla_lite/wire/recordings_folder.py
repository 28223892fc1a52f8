"""The folder with a server's recordings, which no name that a client gives leads out of."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from carla_lite.recording import LogReader, LogWriter, RecordingError
from carla_lite.wire.errors import CallError


def default_folder() -> Path:
    """Return where recordings go unless told otherwise: ``carla_lite/recordings`` among the user's data."""
    data = os.environ.get("XDG_DATA_HOME")
    try:
        base = Path(data) if data else Path.home() / ".local" / "share"
    except RuntimeError:  # a user without a home, as in some containers
        base = Path(tempfile.gettempdir())
    return base / "carla_lite" / "recordings"


class RecordingsFolder:
    """Opens recordings by name. The folder is made when the first one is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, name: str) -> Path:
        """Return the path of a recording, named relative to the folder or by its whole path.

        Raises CallError for a name that leads out of the folder, also by a link, and for one that is no file name.
        """
        folder = self._folder.resolve()
        try:
            path = (folder / name).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise CallError(f"'{name[:200]}' is no file name: {error}") from None
        if path == folder or not path.is_relative_to(folder):
            raise CallError(f"'{name[:200]}' is not in the server's folder of recordings, {folder}")
        return path

    def create(self, name: str, map_name: str, date_s: int) -> LogWriter:
        """Begin a recording, in place of one of the same name; raises CallError when it cannot be written."""
        path = self.path_of(name)
        try:
            if path.exists() and not path.is_file():
                raise CallError(f"'{name[:200]}' is no file")
            path.parent.mkdir(parents=True, exist_ok=True)
            return LogWriter(path, map_name, date_s)
        except OSError as error:
            raise CallError(f"the recording '{name[:200]}' cannot be written: {error.strerror}") from None

    def open(self, name: str) -> LogReader:
        """Open a recording; raises CallError when there is none of this name or it cannot be read."""
        path = self.path_of(name)
        try:
            if not path.is_file():
                raise CallError(f"File {path} not found on server")
            return LogReader(path)
        except RecordingError as error:
            raise CallError(f"the recording cannot be read: {error}") from None
        except OSError as error:
            raise CallError(f"the recording '{name[:200]}' cannot be read: {error.strerror}") from None
