"""What is whole of a damaged stream, and where it belongs: for concealment, never for decoding.

By the index where that is whole, else by searching for records whose check sums match.
"""

import contextlib
import itertools
import math
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
    at, patience = stream.body, PATIENCE
    while at < size:
        start, frames, count, patience = _next(stream, at, size, patience)
        if start > at and (frames or not _is_index(stream, at)):
            yield _gap(stream, at)
        if frames:
            yield Place(frames, count, (start,))
        at = start + count


def _next(stream: StreamReader, at: int, size: int, patience: int) -> tuple[int, int, int, int]:
    """Where the next whole record is, its frames and bytes, 0 if there is none; patience left."""
    frames, count = _try(stream, at)
    # A damaged record mostly still says truly where it ends.
    further = itertools.chain([min(at + count, size - 1)], range(at + 1, size))
    while not frames and patience > 0 and (at := next(further, size)) < size:
        frames, count = _try(stream, at)
        patience -= count
    return (at, frames, count, patience) if frames else (size, 0, 0, patience)


def _try(stream: StreamReader, offset: int) -> tuple[int, int]:
    """Frames of the record that starts there, 0 if none that is whole does; bytes that it took."""
    source = stream.source(offset, "record")
    first_frame = 0 if offset == stream.body else 1  # only what opens a stream is special
    with contextlib.suppress(InputError):
        return read_record(source, source.take(1), stream.header, first_frame).frames, source.count
    return 0, source.count


def _is_index(stream: StreamReader, offset: int) -> bool:
    return stream.source(offset, "index").take(1) == END


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
