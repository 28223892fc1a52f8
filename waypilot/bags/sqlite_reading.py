"""Reading rosbag2's sqlite3 files, as far as they are whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from waypilot.bags.mcap_reading import parse_qos
from waypilot.bags.topic import BagMessage, BagTopic

MAGIC = b"SQLite format 3\0"
#: How often reading goes on behind a damaged page before it gives up; the step doubles each time.
MAX_SKIPS = 40

Report = Callable[[str], None]


class Sqlite3FileReader:
    """One database file. ``report`` is told of everything that could not be read."""

    def __init__(self, path: Path, report: Report) -> None:
        self._path = path
        self._report = report

    def topics(self) -> tuple[list[BagTopic], bool]:
        """List the topics, and tell whether the recorder completed the file."""
        database = self._connect()
        try:
            rows = _rows(database, "topics", ("id", "name", "type"), ("offered_qos_profiles", "type_description_hash"))
            types = _rows(database, "message_definitions", ("topic_type", "encoding", "encoded_message_definition"))
            definitions = {name: (encoding, text) for name, encoding, text in types}
            counts = dict(self._counts(database))
            complete = not self._path.with_name(self._path.name + "-wal").exists()
        except sqlite3.Error as error:
            self._report(f"has no readable tables: {error}")
            return [], False
        finally:
            database.close()
        return [
            BagTopic(
                name=str(name),
                type=str(kind),
                definition=str(definitions.get(kind, ("", ""))[1]),
                type_hash=str(type_hash or ""),
                qos=parse_qos(str(qos or "")),
                encoding=str(definitions.get(kind, ("ros2msg", ""))[0]),
                count=counts.get(number, 0) if counts else None,
            )
            for number, name, kind, qos, type_hash in rows
        ], complete

    def messages(self, wanted: Collection[str] | None) -> Iterator[BagMessage]:
        """Yield the messages of the wanted topics (None: all) in the order in which they were stored."""
        database = self._connect()
        try:
            names: dict[int, str] = dict(_rows(database, "topics", ("id", "name")))
            chosen = [number for number, name in names.items() if wanted is None or name in wanted]
            marks = ",".join("?" for _ in chosen)
            query = f"SELECT id, topic_id, timestamp, data FROM messages WHERE id > ? AND topic_id IN ({marks})"
            yield from self._read_on(database, f"{query} ORDER BY id", chosen, names)
        except sqlite3.Error as error:
            self._report(f"has no readable messages: {error}")
        finally:
            database.close()

    def _read_on(
        self, database: sqlite3.Connection, query: str, chosen: list[int], names: dict[int, str]
    ) -> Iterator[BagMessage]:
        """Read row after row; behind a damaged page go on some rows later."""
        after, step, skips = 0, 1, 0
        while True:
            try:
                for number, topic, time_ns, data in database.execute(query, (after, *chosen)):
                    after, step = number, 1
                    if isinstance(data, bytes) and isinstance(time_ns, int):
                        yield BagMessage(names[topic], time_ns, data)
                return
            except sqlite3.Error as error:
                if skips == 0:
                    self._report(f"has damaged pages behind message {after}: {error}")
                skips, after, step = skips + 1, after + step, step * 2
                if skips > MAX_SKIPS:
                    return

    def _counts(self, database: sqlite3.Connection) -> list[tuple[int, int]]:
        try:
            return list(database.execute("SELECT topic_id, COUNT(*) FROM messages GROUP BY topic_id"))
        except sqlite3.Error:
            return []

    def _connect(self) -> sqlite3.Connection:
        log = self._path.with_name(self._path.name + "-wal").exists()
        # A completed file may lie where nothing can be written; a write-ahead log needs sqlite's own locking.
        options = "mode=ro" if log else "immutable=1&mode=ro"
        database = sqlite3.connect(f"file:{quote(str(self._path))}?{options}", uri=True)
        database.text_factory = lambda data: data.decode("utf-8", "replace")
        return database


def _rows(
    database: sqlite3.Connection, table: str, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> list[tuple[Any, ...]]:
    """Read a table; older schemas lack some columns, which are NULL then, or the whole table."""
    present = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    if not present and table == "message_definitions":
        return []
    chosen = [*columns, *(column if column in present else "NULL" for column in optional)]
    return list(database.execute(f"SELECT {', '.join(chosen)} FROM {table} ORDER BY 1"))
