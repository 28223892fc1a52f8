import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.waymo import index as index_module
from training.data.waymo.index import FormatError, RecordFormat, RecordKey, build_index, index_file, load_or_index
from training.data.waymo.report import ImportReport


def e2e(kit, segment, number, **values):
    return kit.E2ERecord(segment, number, cameras=(1,), calibrations=(1,), **values).payload()


@pytest.fixture
def count_scans(monkeypatch):
    scans = []
    genuine = index_module.scan_records

    def counted(path, on_damage):
        scans.append(path)
        return genuine(path, on_damage)

    monkeypatch.setattr(index_module, "scan_records", counted)
    return scans


def built(paths, tmp_path, format=None):
    report = ImportReport()
    return build_index(sorted(paths), tmp_path / "index", format, report, lambda path: None), report


def test_shuffled_shards_give_ordered_segments(kit, shards, tmp_path):
    numbers = {"seg-a": (7, 2, 900, 3), "b": (0, 1, 2)}
    shards([e2e(kit, name, number) for name, them in numbers.items() for number in them])
    index, report = built((tmp_path / "records").iterdir(), tmp_path)
    assert index.format is RecordFormat.E2E
    assert {n: [r.key.order for r in refs] for n, refs in index.segments.items()} == {
        "b": [0, 1, 2],
        "seg-a": [2, 3, 7, 900],
    }
    assert list(index.segments) == ["b", "seg-a"]
    assert report.skipped == {}


def test_perception_frames_are_ordered_by_time(kit, tmp_path):
    times = (0.2, 0.0, 0.1)
    path = kit.write_records(
        tmp_path / "s.tfrecord", [kit.PerceptionRecord("s", t, cameras=(1,)).payload() for t in times]
    )
    index, _ = built([path], tmp_path)
    assert index.format is RecordFormat.PERCEPTION
    stamps = [ref.key.timestamp_us for ref in index.segments["s"]]
    assert stamps == [round((kit.EPOCH_S + t - 0.052) * 1e6) for t in sorted(times)]


def test_duplicates_and_unplaceable_names_are_left_out_and_counted(kit, tmp_path):
    nameless = e2e(kit, "a", 1).replace(b"a-001", b"a_001")
    path = kit.write_records(tmp_path / "x.tfrecord", [e2e(kit, "a", 0), e2e(kit, "a", 0), nameless])
    index, report = built([path], tmp_path)
    assert [ref.offset for ref in index.segments["a"]] == [0]
    assert report.skipped["record: there twice"].count == 1
    unplaced = report.skipped["record: cannot be placed"]
    assert unplaced.count == 1
    assert "context.name is 'a_001', expected <segment>-<sequence number>" in unplaced.first


def test_index_is_kept_until_the_file_changes(kit, tmp_path, count_scans):
    path = kit.write_records(tmp_path / "x.tfrecord", [e2e(kit, "a", 0)])
    first = load_or_index(path, tmp_path / "index", None)
    assert load_or_index(path, tmp_path / "index", None) == first
    assert len(count_scans) == 1
    kit.write_records(path, [e2e(kit, "a", 0), e2e(kit, "a", 1)])
    assert len(load_or_index(path, tmp_path / "index", None).records) == 2
    os.utime(path, ns=(1, 1))
    load_or_index(path, tmp_path / "index", None)
    assert len(count_scans) == 3
    load_or_index(path, tmp_path / "index", RecordFormat.E2E)
    assert len(count_scans) == 4


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"version": 1}'])
def test_a_damaged_index_is_made_again(kit, tmp_path, damage):
    path = kit.write_records(tmp_path / "x.tfrecord", [e2e(kit, "a", 4, timestamp_us=9)])
    first = load_or_index(path, tmp_path / "index", None)
    (stored,) = (tmp_path / "index").iterdir()
    stored.write_bytes(damage)
    assert load_or_index(path, tmp_path / "index", None) == first
    assert first.records[0].key == RecordKey("a", 4, 9)
    assert json.loads(stored.read_text())["records"] == [["a", 4, 9, 0]]


def test_damage_is_reported_from_the_stored_index_too(kit, tmp_path):
    path = kit.write_records(tmp_path / "x.tfrecord", [e2e(kit, "a", 0), e2e(kit, "a", 1)])
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        index, report = built([path], tmp_path)
        assert len(index.segments["a"]) == 1
        assert len(report.damage) == 1
        assert "truncated download" in report.damage[0]


def test_foreign_records_and_mixed_formats_are_refused(kit, tmp_path):
    foreign = kit.write_records(tmp_path / "motion.tfrecord", [b"\x2a\x05hello"])
    with pytest.raises(FormatError, match="record at byte 0 is neither"):
        index_file(foreign, None)
    one = kit.write_records(tmp_path / "e2e.tfrecord", [e2e(kit, "a", 0)])
    other = kit.write_records(tmp_path / "perception.tfrecord", [kit.PerceptionRecord("s", 0.0).payload()])
    with pytest.raises(FormatError, match=r"different formats: .*e2e.tfrecord \(e2e\), .*perception.tfrecord"):
        built([one, other], tmp_path)
    broken = tmp_path / "broken.tfrecord"
    broken.write_bytes(b"no record")
    with pytest.raises(FormatError, match=r"no record could be read\n.*broken.tfrecord: record at byte 0"):
        built([Path(broken)], tmp_path)


@pytest.mark.parametrize("format", list(RecordFormat))
def test_a_wrong_format_is_told(kit, tmp_path, format):
    record = e2e(kit, "a", 0) if format is RecordFormat.PERCEPTION else kit.PerceptionRecord("s", 0.0).payload()
    path = kit.write_records(tmp_path / "x.tfrecord", [record])
    with pytest.raises(FormatError, match=r"no record could be read\n.*x.tfrecord: record at byte 0: "):
        built([path], tmp_path, format)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    payload=st.binary(max_size=60),
    head=st.sampled_from([b"", b"\x0a\x06\x0a\x04\x0a\x02", b"\x0a\x04\x0a\x02\xff\xfe\x10\x01"]),
)
def test_any_bytes_are_indexed_or_refused(kit, tmp_path_factory, payload, head):
    path = kit.write_records(tmp_path_factory.mktemp("any") / "x.tfrecord", [head + payload])
    try:
        index = index_file(path, None)
    except FormatError as error:
        assert "record at byte 0 is neither" in str(error)  # noqa: PT017
    else:
        assert len(index.records) + len(index.unusable) == 1
