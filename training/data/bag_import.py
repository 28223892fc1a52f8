"""From a bag to episodes: one for each drive in it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.data.bag_drive import BagDrive
from training.data.bag_header import BagImportConfig, camera_topics, drive_setups, episode_header
from waypilot.bags import Bag
from waypilot.bags.events import Commanded, Frame, Motioned, Restarted
from waypilot.bags.frames import FrameOptions, FrameReader, first_route
from waypilot.bags.layout import LayoutOptions, detect
from waypilot.bags.mounts import TF_STATIC, static_mounts
from waypilot.episodes import Episode, EpisodeWriter
from waypilot.messages import DriveSetup
from waypilot.route import Route, is_same_line

MAX_EARLY = 12_000
"""What is kept until the first frame of a drive: two minutes of odometry at 100 Hz, as long as images may be late."""


@dataclass(slots=True)
class BagImport:
    """What came of it: files of episodes, frames written, what was left out by reason, and what was guessed."""

    episodes: list[Path] = field(default_factory=list)
    frames: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def import_bag(bag: Bag, topics: LayoutOptions, config: BagImportConfig, out: Path) -> BagImport:
    """Write ``out/<bag>_<n>`` for each drive.

    Raises BagError when the bag cannot be imported as asked, and EpisodeError when an episode is there already; an
    unfinished episode does not stay behind.
    """
    layout = detect(bag.topics, topics)
    result = BagImport(notes=list(layout.notes))
    reasons: list[str] = []
    if not config.mounts:
        mounts, reasons = static_mounts(bag, layout, topics.cameras or layout.cameras)
        result.notes += [*reasons, *(f"camera {name} sits where {TF_STATIC} says" for name in mounts)]
        config = replace(config, mounts=mounts)
    cameras = camera_topics(bag, layout, config, reasons)
    result.notes += [f"camera {name} is taken from {at}" for name, at in cameras.items() if name not in layout.cameras]
    setups: list[DriveSetup | None] = [*drive_setups(bag)] or [None]
    headers = deque(
        _Header(setup.route if setup is not None else None, episode_header(bag, layout, config, cameras, setup))
        for setup in setups
    )
    route = first_route(bag, layout)
    if route is None:
        result.notes.append("no route: route commands are VOID (unknown), there are no target points")
    reader = FrameReader(bag, layout, cameras, FrameOptions(max_gap_ns=config.labels.max_gap_ns), route)
    _Importer(headers, config, out, bag.path.name.split(".")[0], result).run(reader)
    result.counts += reader.counts
    result.notes += bag.problems
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Header:
    """What episodes of a drive along a route say about themselves."""

    route: Route | None
    header: Episode


class _Importer:
    def __init__(
        self, headers: deque[_Header], config: BagImportConfig, out: Path, name: str, result: BagImport
    ) -> None:
        self._headers, self._config, self._out, self._name, self._result = headers, config, out, name, result
        self._header = headers[0].header
        self._drive: BagDrive | None = None
        self._number = 0
        self._early: deque[Motioned | Commanded] = deque(maxlen=MAX_EARLY)

    def run(self, reader: FrameReader) -> None:
        try:
            for event in reader.events():
                if isinstance(event, Restarted):
                    self._end()
                elif isinstance(event, Frame):
                    self._on_frame(event)
                elif isinstance(event, Motioned | Commanded):
                    self._pass_on(event)
            self._end()
        except BaseException:
            if self._drive is not None:
                self._drive.writer.discard()
            raise

    def _on_frame(self, frame: Frame) -> None:
        if self._drive is not None and not is_same_line(self._drive.route, frame.route):
            self._end()
        if self._drive is None:
            self._begin(frame.route)
        assert self._drive is not None
        self._drive.on_frame(frame)

    def _pass_on(self, event: Motioned | Commanded) -> None:
        if self._drive is None:
            # A frame comes after the odometry around it, which its label may need.
            self._result.counts["odometry and commands long before the first frame"] += len(self._early) == MAX_EARLY
            self._early.append(event)
        elif isinstance(event, Motioned):
            self._drive.on_motion(event.ego)
        else:
            self._drive.on_command(event)

    def _begin(self, route: Route | None) -> None:
        name = f"{self._name}_{self._number:02d}"
        self._number += 1
        self._choose_header(route)
        header = replace(self._header, episode_id=name)
        writer = EpisodeWriter(self._out / name, header)
        self._drive = BagDrive(writer, route, header.cameras, self._config.labels, self._result.counts)
        early, self._early = self._early, deque(maxlen=MAX_EARLY)
        for event in early:
            self._pass_on(event)

    def _choose_header(self, route: Route | None) -> None:
        """Take the next set-up of this route. One that does not come again goes on: a drive may be in pieces."""
        chosen = next((told for told in self._headers if is_same_line(told.route, route)), None)
        if chosen is not None:
            self._header = chosen.header
            self._headers.remove(chosen)

    def _end(self) -> None:
        drive, self._drive = self._drive, None
        self._early.clear()
        if drive is None:
            return
        drive.finish()
        if drive.writer.frame_count < self._config.min_frames:
            drive.writer.discard()
            self._result.counts["drives with too few labelled frames"] += 1
            return
        self._result.frames += drive.writer.frame_count
        self._result.episodes.append(drive.writer.finish())
