import gzip
from pathlib import Path

import pytest

from training.data.waymo.tfrecord import TFRecordError, masked_crc32c, read_record, scan_records

PAYLOADS = [b"first", b"", b"a third one of 28 bytes ....", b"last"]


def scan(path: Path) -> tuple[list[tuple[int, bytes]], list[TFRecordError]]:
    damage: list[TFRecordError] = []
    return list(scan_records(path, damage.append)), damage


def offsets(payloads: list[bytes]) -> list[int]:
    return [sum(16 + len(payload) for payload in payloads[:i]) for i in range(len(payloads))]


@pytest.fixture
def path(kit, tmp_path):
    return kit.write_records(tmp_path / "a.tfrecord", PAYLOADS)


def test_checksum_of_known_answers(kit):
    # RFC 3720, B.4: 32 bytes of zeros have the CRC-32C 0x8a9136aa.
    crc = 0x8A9136AA
    assert masked_crc32c(bytes(32)) == (((crc >> 15 | crc << 17) & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc32c(b"123456789") == kit.masked_crc(b"123456789")


def test_records_come_with_their_offsets(path):
    records, damage = scan(path)
    assert [payload for _, payload in records] == PAYLOADS
    assert [offset for offset, _ in records] == offsets(PAYLOADS)
    assert damage == []
    assert [read_record(path, offset) for offset, _ in records] == PAYLOADS


def test_every_truncation_keeps_what_is_whole_and_says_where_it_ends(path):
    data = path.read_bytes()
    ends = [*offsets(PAYLOADS)[1:], len(data)]
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        records, damage = scan(path)
        whole = sum(end <= length for end in ends)
        assert [payload for _, payload in records] == PAYLOADS[:whole]
        if length in ends:
            assert damage == []
        else:
            (error,) = damage
            assert error.offset == offsets(PAYLOADS)[whole]
            assert f"{path}: record at byte {error.offset}:" in str(error)
            assert "truncated download" in str(error)


def test_every_flipped_byte_is_noticed(path):
    data = path.read_bytes()
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :])
        records, damage = scan(path)
        hit = sum(offset <= position for offset in offsets(PAYLOADS)) - 1
        (error,) = damage
        assert error.offset == offsets(PAYLOADS)[hit]
        in_length = position - error.offset < 12
        # A damaged payload costs one record, a damaged length all that follow.
        rest = [] if in_length else PAYLOADS[hit + 1 :]
        assert [payload for _, payload in records] == [*PAYLOADS[:hit], *rest]
        assert ("checksum of its length" if in_length else "checksum of its") in str(error)


def test_reading_at_a_wrong_offset_is_an_error(path):
    with pytest.raises(TFRecordError, match=r"record at byte 3: checksum of its length is wrong"):
        read_record(path, 3)


def test_compressed_and_empty_files_are_named(path):
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert "compressed with gzip; unpack it first" in str(scan(path)[1][0])
    path.write_bytes(b"")
    assert "the file is empty" in str(scan(path)[1][0])
