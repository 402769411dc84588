"""A stream to frames, in display order; a seek decodes only the groups it needs."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Array, UInt

from kbvc_jax.coding.container import GopRecord, StreamReader
from kbvc_jax.errors import InputError
from kbvc_jax.pipeline.gop_coder import GopReader
from kbvc_jax.pipeline.network import Network, Size


def decode_gops(
    network: Network, stream: StreamReader, start: int = 0, frames: int | None = None
) -> Iterator[UInt[np.ndarray, "h w 3"]]:
    """Frames start, start + 1, ... of a stream. Seeking needs a file that can be seeked."""
    size = Size(stream.header.height, stream.header.width)
    opening: Array | None = None
    wanted = None if frames is None else start + frames
    for record in _records_from(stream, start):
        if wanted is not None and record.first_frame >= wanted:
            return
        reader = GopReader(network, record.payload, size, record.quality, record.level_offsets)
        closing = reader.image()
        last = record.first_frame + record.frames - 1
        if last < start - 1 or (last < start and record.opening):
            opening = closing
            continue
        if not record.opening and opening is None:
            raise InputError(f"frame {record.first_frame}: its reference frame is missing")
        if not record.opening and last >= start and record.frames > 1:
            decoded = reader.b_frames(opening, closing, record.frames)
        else:
            decoded = {}
        decoded[record.frames] = closing
        opening = closing
        for time in range(1, record.frames + 1):
            index = record.first_frame + time - 1
            if index >= start and (wanted is None or index < wanted):
                yield np.asarray(decoded[time])


def _records_from(stream: StreamReader, start: int) -> Iterator[GopRecord]:
    """All records, or those from the one before `start`'s: its I-frame opens that group."""
    if start == 0:
        yield from stream
        return
    starts = [entry.first_frame for entry in stream.index]
    holder = sum(first <= start for first in starts) - 1
    for number in range(max(holder - 1, 0), len(starts)):
        yield stream.record(number)
