"""The .kbvc file: a header, a record for each group of pictures, an index.

Written and read in one pass, by pipes too; a file that can be seeked gives any record by the index.
"""

import contextlib
import dataclasses
import functools
import io
import math
import os
from collections.abc import Iterator
from typing import BinaryIO

from kbvc_jax.coding.header import Header, read_header
from kbvc_jax.coding.index import (
    END,
    TAIL_BYTES,
    IndexBuilder,
    IndexEntry,
    index_size,
    read_index,
)
from kbvc_jax.coding.limits import USUAL, Limits
from kbvc_jax.coding.record import GopRecord, read_record
from kbvc_jax.coding.wire import ByteSource, read_fully
from kbvc_jax.runtime.errors import InputError

__all__ = ["GopRecord", "Header", "IndexEntry", "StreamReader", "StreamWriter"]


_PIPE = "seeking needs a file; this is a pipe"


class StreamWriter:
    """Writes the header with the first record, records as they come, the index at the end."""

    def __init__(self, file: BinaryIO, header: Header):
        self._file, self._header = file, dataclasses.replace(header, frame_count=0)
        self._start = file.tell() if file.seekable() and not _appends(file) else None
        self._index = IndexBuilder()
        self._size = 0

    def write(self, record: GopRecord) -> None:
        if record.first_frame != self._index.frames:
            raise ValueError(
                f"record of frame {record.first_frame} where {self._index.frames} is next"
            )
        if record.opening:
            self._header = dataclasses.replace(self._header, identity=record.identity)
            self._append(self._header.to_bytes())
        data = record.to_bytes(self._header)
        self._append(data)
        self._index.add(len(data), record.frames)

    def close(self) -> int:
        """Writes the index and, where the file can be seeked, the number of frames into the header.

        Returns the size of the stream; the file stays open.
        """
        if not self._size:
            self._append(self._header.to_bytes())
        self._append(self._index.to_bytes())
        if self._start is not None:
            self._file.seek(self._start)
            self._file.write(
                dataclasses.replace(self._header, frame_count=self._index.frames).to_bytes()
            )
            self._file.seek(0, io.SEEK_END)
        return self._size

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._size += len(data)


class StreamReader:
    """Iterate for all records in order; `index` and `record` need a file that can be seeked."""

    def __init__(self, file: BinaryIO, limits: Limits = USUAL):
        self._file, self.limits = file, limits
        self._start, self._size = None, math.inf
        if file.seekable():
            self._start = file.tell()
            self._size = file.seek(0, io.SEEK_END) - self._start
        source = self.source(0, "header")
        self.header = read_header(source)
        limits.check(self.header)
        self.body = source.count  # offset of the first record

    @property
    def frame_count(self) -> int | None:
        """None where only reading to the end would tell."""
        if self.header.frame_count or self._start is None:
            return self.header.frame_count or None
        return sum(entry.frames for entry in self.index)

    @functools.cached_property
    def index(self) -> list[IndexEntry]:
        """All records; found by scanning where the file's own index is missing or damaged, up to
        the first record that is not whole."""
        if self._start is None:
            raise InputError(_PIPE)
        entries = self.own_index[0] if self.own_index else self._scanned()
        self.limits.check_frames(sum(entry.frames for entry in entries))
        return entries

    def _scanned(self) -> list[IndexEntry]:
        entries, offset = [], self.body
        with contextlib.suppress(InputError):
            for record, size in self._walk():
                entries.append(IndexEntry(record.first_frame, record.frames, offset, size))
                offset += size
        return entries

    def record(self, number: int) -> GopRecord:
        if not 0 <= number < len(self.index):
            raise InputError(f"no record {number}: the stream has {len(self.index)}")
        entry = self.index[number]
        source = self.source(entry.offset, f"record of frame {entry.first_frame}")
        record = read_record(source, source.take(1), self.header, entry.first_frame)
        if (record.frames, source.count) != (entry.frames, entry.size):
            raise InputError(
                f"damaged index: it does not match the record of frame {entry.first_frame}"
            )
        return record

    def stored_index(self) -> tuple[list[IndexEntry], int]:
        """What stands at the stream's end, and its offset, whatever the records look like."""
        size = self.size
        tail = self.source(size - TAIL_BYTES, "index").take(TAIL_BYTES)
        begin = size - index_size(tail)
        if begin < self.body:
            raise InputError("no index")
        return read_index(self.source(begin, "index").take(size - begin), self.body), begin

    @property
    def size(self) -> int:
        if self._start is None:
            raise InputError(_PIPE)
        return int(self._size)

    def source(self, offset: int, part: str) -> ByteSource:
        if self._start is not None:
            self._file.seek(self._start + offset)
        identity = self.header.identity if offset else 0
        return ByteSource(self._file, part, self._size - offset, identity)

    def __iter__(self) -> Iterator[GopRecord]:
        if not self.own_index:
            for record, _ in self._walk():
                self.limits.check_frames(record.first_frame + record.frames)
                yield record
            return
        entries, end = self.index, self.own_index[1]
        yield from (self.record(number) for number in range(len(entries)))
        if entries[-1].offset + entries[-1].size != end:
            raise InputError("bytes follow the end of the stream")

    def _walk(self) -> Iterator[tuple[GopRecord, int]]:
        """Records with their sizes; then checks that the stream ends as it should."""
        index, offset = IndexBuilder(), self.body
        while True:
            source = self.source(offset, f"record of frame {index.frames}")
            tag = source.take(1, may_end=True)
            if tag in (b"", END):
                return self._check_end(tag, index)
            record = read_record(source, tag, self.header, index.frames)
            if (after := index.frames + record.frames) > (self.header.frame_count or after):
                raise InputError(
                    f"record of frame {index.frames}: goes to frame {after - 1}, but the header "
                    f"promises {self.header.frame_count} frames"
                )
            index.add(source.count, record.frames)
            offset += source.count
            yield record, source.count

    def _check_end(self, tag: bytes, index: IndexBuilder) -> None:
        expected, frames, promised = index.to_bytes(), index.frames, self.header.frame_count
        found = tag + read_fully(self._file, len(expected)) if tag else b""
        if found != expected and expected.startswith(found):
            # All frames but no index, or only its start: nothing is lost.
            if not frames or frames != promised:
                of = f" of {promised}" if promised else ""
                raise InputError(f"cut off after {frames}{of} frames")
        elif found.startswith(expected) and found != expected:
            raise InputError("bytes follow the end of the stream")
        elif found != expected:
            raise InputError(f"damaged index, or record of frame {frames}: they do not match")
        else:
            self._check_promise(frames)

    def _check_promise(self, frames: int) -> None:
        promised = self.header.frame_count
        if not frames or promised not in (0, frames):
            raise InputError(f"{frames} frames, but the header promises {promised or 'some'}")

    @functools.cached_property
    def own_index(self) -> tuple[list[IndexEntry], int] | None:
        """The stream's own index and its offset, if it is whole and no other's. None for a pipe."""
        with contextlib.suppress(InputError):
            entries, end = self.stored_index()
            self._check_promise(sum(entry.frames for entry in entries))
            return entries, end
        return None


def _appends(file: BinaryIO) -> bool:
    """Whether writes go to the end wherever one seeks, as under a shell's >>."""
    try:
        import fcntl

        return bool(fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_APPEND)
    except ImportError:  # Windows, where only the program itself can have opened it so
        return "a" in getattr(file, "mode", "")
    except OSError:  # no file of the system's: a buffer in memory
        return False
