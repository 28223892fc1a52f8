#!/usr/bin/env python3
"""Make installed packages smaller without taking anything away that a program can use.

    shrink_packages.py FOLDER      works in place; says how much it saved

- Shared libraries lose what no segment loads: debug information, symbols for debuggers, the section table. The loader
  reads program headers only. strip does not do: auditwheel (patchelf) appends segments at the end of a library, and
  what strip and llvm-strip make of that does not load ("ELF load command address/offset not page-aligned"). Here whole
  pages between segments are cut, and what lies behind them moves down. ELF-64, little-endian; layouts: elf(5).
- Files with equal contents become one file with several names: wheels hold a library once for each of its names, and
  every wheel brings its own copy of the libraries that it needs.
"""

import hashlib
import itertools
import os
import struct
import sys
from pathlib import Path

#: Smaller files are not worth a look.
SMALL_BYTES = 0x4000
PAGE_BYTES = 0x1000
PT_LOAD = 1
# Positions of fields in the ELF header and in a program header.
PROGRAM_TABLE, SECTION_TABLE, PROGRAM_COUNTS, SECTION_COUNTS = 32, 40, 54, 60
OFFSET, SIZE, ALIGNMENT = 8, 32, 48


def cut_unloaded(data: bytearray) -> bytearray:
    """Return the library without the parts of its file that no program header names."""
    headers = program_headers(data)
    alignment = max([PAGE_BYTES, *(word(data, h + ALIGNMENT) for h in headers if kind(data, h) == PT_LOAD)])
    holes, end = unused(data, headers, alignment)

    def moved(offset: int) -> int:
        return offset - sum(stop - start for start, stop in holes if stop <= offset)

    for header in headers:
        put_word(data, header + OFFSET, moved(word(data, header + OFFSET)))
    put_word(data, PROGRAM_TABLE, moved(word(data, PROGRAM_TABLE)))
    put_word(data, SECTION_TABLE, 0)
    struct.pack_into("<HH", data, SECTION_COUNTS, 0, 0)
    starts, stops = [stop for _, stop in holes], [start for start, _ in holes]
    return bytearray(b"".join(data[a:b] for a, b in zip([0, *starts], [*stops, end], strict=True)))


def program_headers(data: bytearray) -> list[int]:
    """Return the positions of the program headers in the file."""
    entry_size, count = struct.unpack_from("<HH", data, PROGRAM_COUNTS)
    return [word(data, PROGRAM_TABLE) + i * entry_size for i in range(count)]


def unused(data: bytearray, headers: list[int], alignment: int) -> tuple[list[tuple[int, int]], int]:
    """Find the holes between segments, as offsets (start, stop) in whole ``alignment``s, and the end of the last."""
    table = headers[0], headers[-1] + headers[1] - headers[0]
    segments = [(word(data, h + OFFSET), word(data, h + OFFSET) + word(data, h + SIZE)) for h in headers]
    used = sorted([(0, 64), table, *((start, stop) for start, stop in segments if stop > start)])
    ends = list(itertools.accumulate((stop for _, stop in used), max))
    holes = [
        (-(-end // alignment) * alignment, start // alignment * alignment)
        for end, (start, _) in zip(ends, used[1:], strict=False)
    ]
    return [(start, stop) for start, stop in holes if stop > start], ends[-1]


def kind(data: bytearray, header: int) -> int:
    """Read a program header's type."""
    return struct.unpack_from("<I", data, header)[0]


def word(data: bytearray, position: int) -> int:
    """Read an 8-byte number."""
    return struct.unpack_from("<Q", data, position)[0]


def put_word(data: bytearray, position: int, value: int) -> None:
    """Write an 8-byte number."""
    struct.pack_into("<Q", data, position, value)


def is_library(data: bytes) -> bool:
    """Tell whether this is a shared library (or an executable that may lie anywhere) for 64-bit machines."""
    return data[:6] == b"\x7fELF\x02\x01" and struct.unpack_from("<H", data, 16) == (3,)


def replace(path: Path, make) -> None:
    """Put a file in the place of another with the same permissions; ``make`` creates it under the path it is given."""
    temporary = path.with_name(f"{path.name}.new")
    mode = path.stat().st_mode
    make(temporary)
    temporary.chmod(mode)
    os.replace(temporary, path)


def shrink(folder: Path) -> None:
    """Shrink everything below ``folder``."""
    first_with: dict[tuple[int, bytes], Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size < SMALL_BYTES:
            continue
        data = path.read_bytes()
        smaller = cut_unloaded(bytearray(data)) if is_library(data) else data
        first = first_with.setdefault((path.stat().st_mode, hashlib.sha256(smaller).digest()), path)
        if first != path:
            replace(path, lambda new, first=first: os.link(first, new))
        elif len(smaller) < len(data):
            replace(path, lambda new, smaller=smaller: new.write_bytes(smaller))


def size(folder: Path) -> int:
    """Return the bytes of the files below ``folder``, each counted once whatever its names."""
    files = (path.lstat() for path in folder.rglob("*") if path.is_file())
    return sum({status.st_ino: status.st_size for status in files}.values())


def main() -> int:
    """Shrink the folder named on the command line."""
    folder = Path(sys.argv[1])
    before = size(folder)
    shrink(folder)
    print(f"{folder}: {before / 1e6:.0f} MB -> {size(folder) / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
