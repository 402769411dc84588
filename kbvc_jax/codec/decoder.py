"""A stream to frames, in display order; a seek decodes only the groups it needs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt

from kbvc_jax.codec.ahead import Ahead, Kind
from kbvc_jax.codec.batch import Picture
from kbvc_jax.codec.network import Network
from kbvc_jax.codec.payload import GopReader, Watch
from kbvc_jax.coding.container import GopRecord, Header, StreamReader
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.numbers import IMAGE, NAMES
from kbvc_jax.runtime.errors import about

Frame = UInt[np.ndarray, "h w 3"]


class Asked(NamedTuple):
    """A record, and which of its frames are wanted, by number."""

    record: GopRecord
    wanted: range


def decode_gops(
    network: Network,
    stream: StreamReader,
    start: int = 0,
    frames: int | None = None,
    watch: Watch | None = None,
) -> Iterator[Frame]:
    """Frames start, start + 1, ... of a stream. Seeking needs a file that can be seeked."""
    opening: Picture | None = None
    for record, wanted in asked_for(stream, start, frames):
        opening, decoded = decode_gop(network, stream.header, record, opening, wanted, watch)
        yield from decoded


def decode_run(network: Network, header: Header, run: Sequence[Asked]) -> list[Frame]:
    opening, shown = None, list[Frame]()
    for record, wanted in run:
        opening, decoded = decode_gop(network, header, record, opening, wanted)
        shown += decoded
    return shown


def asked_for(stream: StreamReader, start: int, frames: int | None) -> Iterator[Asked]:
    """The records that frames start, start + 1, ... need."""
    end = start + frames if frames is not None else None
    for record in _records_from(stream, start):
        first, after = record.first_frame, record.first_frame + record.frames
        wanted = range(max(first, start), after if end is None else min(after, end))
        yield Asked(record, wanted)
        if end is not None and after >= end:
            return


def record_runs(source: Iterable[Asked], least: int) -> Iterator[Sequence[Asked]]:
    """Of so many frames at least, but at the end. Each begins with the record that opens it, which
    is another's last."""
    run = list[Asked]()
    for asked in source:
        run.append(asked)
        if asked.record.alone and sum(len(part.wanted) for part in run) >= least:
            yield run
            run = [Asked(asked.record, range(0))]
    if any(part.wanted for part in run):
        yield run


def decode_gop(
    network: Network,
    header: Header,
    record: GopRecord,
    opening: Picture | None,
    wanted: range,
    watch: Watch | None = None,
) -> tuple[Picture, list[Frame]]:
    """The picture that closes a group, and those of its frames that are wanted, by number.

    Without the picture that opens it, only a closing I-frame can be had."""
    first, last = record.first_frame, record.first_frame + record.frames - 1
    with about(f"record of frame {first}"):
        size = Size(header.height, header.width)
        reader = GopReader(network, record, size, watch)
        b_frames_too = bool(wanted) and wanted[0] < last
        Ahead.compile(network, _kinds(record, size, b_frames_too))
        closing = reader.closing(opening)
        pictures = {last: closing}
        if b_frames_too:
            assert opening is not None  # the record before this one has been read
            b_frames = reader.b_frames(opening, closing)
            pictures |= {first + time - 1: picture for time, picture in b_frames.items()}
    return closing, [np.asarray(pictures[number].frame) for number in wanted]


def _kinds(record: GopRecord, size: Size, b_frames_too: bool) -> Iterator[Kind]:
    closing, *others = (NAMES[number] for number in record.codecs)
    yield Kind(closing, size, 0 if closing == NAMES[IMAGE] else 1)
    for codec in others if b_frames_too else ():
        yield Kind(codec, size, 2)


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
