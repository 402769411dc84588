"""What is whole of a damaged stream, and where it belongs: for concealment, never for decoding.

By the index where that is whole, else by searching for records whose check sums match.
"""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kbvc_jax.coding.container import StreamReader
from kbvc_jax.coding.index import END
from kbvc_jax.coding.record import MAX_FRAMES, GopRecord, read_record
from kbvc_jax.runtime.errors import InputError

PATIENCE = 2**34  # bytes summed in search of records: some seconds


class Lost(NamedTuple):
    """Frames of which nothing is whole."""

    first_frame: int
    frames: int


class Place(NamedTuple):
    """Of a group of pictures: offsets at which it may stand, none if it is lost."""

    first_frame: int
    frames: int
    size: int
    offsets: tuple[int, ...]


def salvage(stream: StreamReader) -> Iterator[GopRecord | Lost]:
    """All frames that index or header promise, in order; needs a file that can be seeked."""
    places = _places(stream)
    stream.limits.check_frames(sum(place.frames for place in places))
    for place in places:
        yield _record(stream, place) or Lost(place.first_frame, place.frames)


def _places(stream: StreamReader) -> Sequence[Place]:
    if not stream.own_index:
        found = sorted(_search(stream, stream.size))
        promised = stream.header.frame_count or _claimed(stream, found)
        return list(_in_order(found, promised))
    entries, end = stream.own_index
    # What follows lost or added bytes stands where the index says, counted from its own place.
    moved = end - entries[-1].offset - entries[-1].size
    return [Place(e.first_frame, e.frames, e.size, (e.offset, e.offset + moved)) for e in entries]


def _record(stream: StreamReader, place: Place) -> GopRecord | None:
    for offset in (offset for offset in place.offsets if offset >= stream.body):
        record, size = _try(stream, offset)
        if record and (record.first_frame, record.frames, size) == place[:3]:
            return record
    return None


def _search(stream: StreamReader, size: int) -> Iterator[Place]:
    """Whole records, wherever they are."""
    at, patience = stream.body, PATIENCE
    while at < size:
        start, record, count, patience = _next(stream, at, size, patience)
        if record:
            yield Place(record.first_frame, record.frames, count, (start,))
        at = start + count


def _next(
    stream: StreamReader, at: int, size: int, patience: int
) -> tuple[int, GopRecord | None, int, int]:
    """Where the next whole record is, the record, its bytes; patience left."""
    record, count = _try(stream, at)
    # A damaged record mostly still says truly where it ends.
    further = itertools.chain([min(at + count, size - 1)], range(at + 1, size))
    while not record and patience > 0 and (at := next(further, size)) < size:
        record, count = _try(stream, at)
        patience -= count
    return (at, record, count, patience) if record else (size, None, 0, patience)


def _try(stream: StreamReader, offset: int) -> tuple[GopRecord | None, int]:
    """The record that starts there, if a whole one does; bytes that it took."""
    source = stream.source(offset, "record")
    with contextlib.suppress(InputError):
        return read_record(source, source.take(1), stream.header), source.count
    return None, source.count


def _claimed(stream: StreamReader, found: Sequence[Place]) -> int:
    """Frames of a stream whose header promises none: with those of a damaged record at its end, as
    its first byte says."""
    after, at = 0, stream.body
    if found:
        first_frame, frames, size, (offset,) = found[-1]
        after, at = first_frame + frames, offset + size
    tag = stream.source(at, "record").take(1, may_end=True) or END
    return after if tag == END else after + (tag[0] & MAX_FRAMES or stream.header.gop or 1)


def _in_order(found: Sequence[Place], promised: int) -> Iterator[Place]:
    """Up to so many frames, with the gaps between."""
    after = 0
    for place in found:
        end = place.first_frame + place.frames
        if after <= place.first_frame and end <= promised:
            if place.first_frame > after:
                yield _gap(after, place.first_frame)
            yield place
            after = end
    if promised > after:
        yield _gap(after, promised)


def _gap(first_frame: int, after: int) -> Place:
    return Place(first_frame, after - first_frame, 0, ())
