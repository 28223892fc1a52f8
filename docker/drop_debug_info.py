#!/usr/bin/env python3
"""Cut the debug information out of a shared library whose last segments lie behind it.

auditwheel (patchelf) appends segments at the end of a library. What strip and llvm-strip make of such a file does not
load ("ELF load command address/offset not page-aligned"), so here whole pages between two segments are cut, and what
lies behind them moves down by a multiple of the page size. ELF-64, little-endian; layouts: elf(5).

    drop_debug_info.py FILE      rewrites FILE in place; says how much it became smaller
"""

import itertools
import os
import struct
import sys
from pathlib import Path

PAGE = 0x1000
PT_LOAD = 1
PROGRAM_OFFSET, PROGRAM_SIZE = 8, 32  # positions of p_offset and p_filesz in a program header


def drop(data: bytearray) -> bytearray:
    """Return the library without the largest hole between its loaded segments, and without its section table.

    The loader reads program headers only; the section table lies in the hole and describes what is cut.
    """
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian ELF file")
    program_table = word(data, 32)
    entry_size, count = struct.unpack_from("<HH", data, 54)
    program_headers = [program_table + i * entry_size for i in range(count)]
    start, end = hole(data, program_headers)
    for header in program_headers:
        offset = word(data, header + PROGRAM_OFFSET)
        if offset >= end:
            struct.pack_into("<Q", data, header + PROGRAM_OFFSET, offset - (end - start))
    struct.pack_into("<Q", data, 40, 0)  # e_shoff
    struct.pack_into("<HH", data, 60, 0, 0)  # e_shnum, e_shstrndx
    return data[:start] + data[end:]


def hole(data: bytearray, program_headers: list[int]) -> tuple[int, int]:
    """Find the longest run of whole pages that no segment loads, as offsets (start, end)."""
    loads = sorted(
        (word(data, h + PROGRAM_OFFSET), word(data, h + PROGRAM_OFFSET) + word(data, h + PROGRAM_SIZE))
        for h in program_headers
        if struct.unpack_from("<I", data, h)[0] == PT_LOAD
    )
    gaps = [(-(-before[1] // PAGE) * PAGE, after[0] // PAGE * PAGE) for before, after in itertools.pairwise(loads)]
    start, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    if end <= start:
        raise ValueError("nothing lies between its segments")
    return start, end


def word(data: bytearray, position: int) -> int:
    """Read an 8-byte number."""
    return struct.unpack_from("<Q", data, position)[0]


def main() -> int:
    """Rewrite the file named on the command line."""
    path = Path(sys.argv[1])
    before = bytearray(path.read_bytes())
    size = len(before)
    after = drop(before)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(after)
    temporary.chmod(path.stat().st_mode)
    os.replace(temporary, path)
    print(f"{path.name}: {size / 1e6:.0f} MB -> {len(after) / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
