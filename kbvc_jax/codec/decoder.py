"""A stream to frames, in display order; a seek decodes only the groups it needs."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt

from kbvc_jax.codec.batch import Picture
from kbvc_jax.codec.network import Network
from kbvc_jax.codec.payload import GopReader, Watch
from kbvc_jax.coding.container import GopRecord, StreamReader
from kbvc_jax.models.codecs.contract import Size


def decode_gops(
    network: Network,
    stream: StreamReader,
    start: int = 0,
    frames: int | None = None,
    watch: Watch | None = None,
) -> Iterator[UInt[np.ndarray, "h w 3"]]:
    """Frames start, start + 1, ... of a stream. Seeking needs a file that can be seeked."""
    size = Size(stream.header.height, stream.header.width)
    end = start + frames if frames is not None else None
    opening: Picture | None = None
    for record in _records_from(stream, start):
        first, length = record.first_frame, record.frames
        reader = GopReader(network, record, size, watch)
        closing = reader.closing(opening)
        decoded = {length: closing}
        if first + length > start:
            if length > 1 and start < first + length - 1:
                assert opening is not None  # the record before this one has been read
                decoded |= reader.b_frames(opening, closing)
            for time in range(1, length + 1):
                if first + time > start and (end is None or first + time <= end):
                    yield np.asarray(decoded[time].frame)
        if end is not None and first + length >= end:
            return
        opening = closing


def _records_from(stream: StreamReader, start: int) -> Iterator[GopRecord]:
    """All records; or those from the last one before `start`'s that closes with an I-frame."""
    if start == 0:
        yield from stream
        return
    starts = [entry.first_frame for entry in stream.index]
    first = max(sum(first <= start for first in starts) - 2, 0)
    records = [stream.record(first)]
    while not records[0].alone:
        records.insert(0, stream.record(first - len(records)))
    yield from records
    for number in range(first + 1, len(starts)):
        yield stream.record(number)
