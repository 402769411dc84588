"""What is whole of a damaged stream, and where it belongs: for concealment, never for decoding.

By the index where that is whole, else by searching for records whose check sums match.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kbvc_jax.coding.container import StreamReader
from kbvc_jax.coding.index import END
from kbvc_jax.coding.record import MAX_FRAMES, GopRecord, read_record
from kbvc_jax.runtime.errors import InputError

PATIENCE = 2**32  # bytes summed in search of records: some seconds


class Lost(NamedTuple):
    """Frames of which nothing is whole."""

    first_frame: int
    frames: int


class Place(NamedTuple):
    """Of a group of pictures: offsets at which it may stand, none if it is lost."""

    frames: int
    size: int
    offsets: tuple[int, ...]


def salvage(stream: StreamReader) -> Iterator[GopRecord | Lost]:
    """All frames that index or header promise, in order; needs a file that can be seeked."""
    first_frame, promised = 0, stream.header.frame_count or math.inf
    places = _places(stream)
    stream.limits.check_frames(sum(place.frames for place in places))
    for place in places:
        if first_frame + place.frames > promised:  # more was found than there can be
            yield Lost(first_frame, int(promised) - first_frame)
            return
        yield _record(stream, place, first_frame) or Lost(first_frame, place.frames)
        first_frame += place.frames


def _places(stream: StreamReader) -> Sequence[Place]:
    size, promised = stream.size, stream.header.frame_count
    try:
        entries, end = stream.stored_index()
    except InputError:
        entries, end = [], size
    if not entries or promised not in (0, sum(entry.frames for entry in entries)):
        return _fitted(list(_search(stream, size)), promised)
    # What follows lost or added bytes stands where the index says, counted from its own place.
    moved = end - entries[-1].offset - entries[-1].size
    return [Place(e.frames, e.size, (e.offset, e.offset + moved)) for e in entries]


def _record(stream: StreamReader, place: Place, first_frame: int) -> GopRecord | None:
    for offset in (offset for offset in place.offsets if offset >= stream.body):
        with contextlib.suppress(InputError):
            source = stream.source(offset, "record")
            record = read_record(source, source.take(1), stream.header, first_frame)
            if (record.frames, source.count) == place[:2]:
                return record
    return None


def _search(stream: StreamReader, size: int) -> Iterator[Place]:
    """Whole records, and gaps between them, which have as many frames as their first byte says."""
    offset, gap, patience = stream.body, stream.body, PATIENCE
    while offset < size and patience > 0:
        source = stream.source(offset, "record")
        first_frame = 0 if offset == stream.body else 1  # only what opens a stream is special
        try:
            record = read_record(source, source.take(1), stream.header, first_frame)
        except InputError:
            offset, patience = offset + 1, patience - source.count
            continue
        if gap < offset:
            yield _gap(stream, gap)
        yield Place(record.frames, source.count, (offset,))
        offset = gap = offset + source.count
    if gap < size and stream.source(gap, "index").take(1) != END:
        yield _gap(stream, gap)


def _gap(stream: StreamReader, offset: int) -> Place:
    tag = stream.source(offset, "record").take(1)[0]
    return Place(tag & MAX_FRAMES or stream.header.gop or 1, 0, ())


def _fitted(places: list[Place], promised: int) -> list[Place]:
    """With as many frames as the header promises, where it does: the last gaps have the rest."""
    missing = promised - sum(place.frames for place in places) if promised else 0
    for number in reversed(range(len(places))):
        if not places[number].offsets:
            frames = max(places[number].frames + missing, 0)
            missing -= frames - places[number].frames
            places[number] = places[number]._replace(frames=frames)
    return [*places, Place(missing, 0, ())] if missing > 0 else places
