"""A damaged stream to frames: what is whole is decoded, whole frames stand for the rest.

No part of decoding, which refuses damage. A group is whole if its check sum matches and the frame
that opens it is whole; without that one, only a closing I-frame is.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator

from kbvc_jax.codec.batch import Picture
from kbvc_jax.codec.decoder import Frame, decode_gop
from kbvc_jax.codec.network import Network
from kbvc_jax.coding.container import GopRecord, StreamReader
from kbvc_jax.coding.salvage import salvage
from kbvc_jax.runtime.errors import InputError

OnConcealed = Callable[[int], None]  # the number of a frame


def conceal_gops(
    network: Network,
    stream: StreamReader,
    on_concealed: OnConcealed,
    start: int = 0,
    frames: int | None = None,
) -> Iterator[Frame]:
    """Frames start, start + 1, ... of a stream that can be seeked."""
    end = None if frames is None else start + frames
    shown = enumerate(_shown(_whole_frames(network, stream)))
    for number, (frame, whole) in itertools.islice(shown, start, end):
        if not whole:
            on_concealed(number)
        yield frame


def _shown(frames: Iterator[Frame | None]) -> Iterator[tuple[Frame, bool]]:
    """For a lost frame the last whole one, or the first where none comes before it."""
    last: Frame | None = None
    early = 0
    for frame in frames:
        if frame is not None:
            yield from itertools.repeat((frame, False), early)
            yield frame, True
            last, early = frame, 0
        elif last is not None:
            yield last, False
        else:
            early += 1
    if last is None:
        raise InputError("no frame is whole; copy the file again")


def _whole_frames(network: Network, stream: StreamReader) -> Iterator[Frame | None]:
    """None for each that is lost."""
    opening: Picture | None = None
    for part in salvage(stream):
        first, after = part.first_frame, part.first_frame + part.frames
        closing, decoded = None, list[Frame]()
        if isinstance(part, GopRecord) and (opening or part.alone):
            wanted = range(first if opening or part.opening else after - 1, after)
            with contextlib.suppress(InputError):
                closing, decoded = decode_gop(network, stream.header, part, opening, wanted)
        yield from itertools.repeat(None, part.frames - len(decoded))
        yield from decoded
        opening = closing
