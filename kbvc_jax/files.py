"""From a video file to a .kbvc file, and back."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt

from kbvc_jax.coding.container import Header, StreamReader
from kbvc_jax.coding.limits import USUAL, Limits
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.encoder.presets import BALANCED
from kbvc_jax.rate_target import RateTarget
from kbvc_jax.runtime.errors import InputError, about
from kbvc_jax.runtime.output import whole_file
from kbvc_jax.runtime.overlap import Beside, in_order
from kbvc_jax.summary import DecodeSummary, EncodeSummary
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.video.reader import open_video
from kbvc_jax.video.writer import create_video

Frame = UInt[np.ndarray, "h w 3"]
Progress = Callable[[int, int | None], None]  # frames done, frames in all where known
UNWRITTEN = 4  # frames, at most
OnFrame = Callable[[int, Frame], None]  # number and reconstruction, in display order


@runtime_checkable
class StreamCodec(Protocol):
    """What api.py has: frames to a stream, and back."""

    def options(
        self, quality: float | None = None, *, preset: str = BALANCED, **options: Any
    ) -> EncoderOptions: ...

    def encode_stream(
        self,
        frames: Iterable[Frame],
        format: VideoFormat,
        file: BinaryIO,
        quality: float | None = None,
        *,
        progress: Callable[[int], None] | None = None,
        on_frame: OnFrame | None = None,
        **options: Any,
    ) -> EncodeSummary: ...

    def decode_stream(
        self,
        stream: StreamReader,
        *,
        start: int = 0,
        frames: int | None = None,
        on_concealed: Callable[[int], None] | None = None,
    ) -> Iterator[Frame]: ...

    def check_model(self, header: Header) -> None: ...


def encode_file(
    codec: StreamCodec,
    source: str | Path,
    target: str | Path,
    *,
    quality: float | None = None,
    bitrate: float | None = None,
    target_size: float | None = None,
    frames: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    on_frame: OnFrame | None = None,
    **more: Any,
) -> EncodeSummary:
    """By a quality; or by that which takes a `bitrate` (bits a second) or a `target_size` (bytes),
    within 3 %, and is searched for by whole encodes. Where quality 100 takes less, it is that.

    `more`: `preset`, what EncoderOptions has, and for `open_video` size, rate, pixel_format,
    matrix, full_range."""
    known = {"preset", *(field.name for field in dataclasses.fields(EncoderOptions))}
    options = {name: value for name, value in more.items() if name in known}
    video = {name: value for name, value in more.items() if name not in known}
    wanted = RateTarget.of(quality, bitrate, target_size)
    if wanted:
        wanted.check_source(source)
        wanted.check_model(codec.options(**options))

    def encode(quality: float | None, file: BinaryIO) -> EncodeSummary:
        with open_video(source, frames=frames, **video) as reader:

            def report(done: int) -> None:
                if progress:
                    progress(done, reader.expected)

            return codec.encode_stream(
                reader,
                reader.format,
                file,
                quality,
                progress=report,
                on_frame=on_frame,
                **options,
            )

    with whole_file(target, overwrite) as file, about(source):
        return wanted.encode(encode, file) if wanted else encode(quality, file)


def decode_file(
    codec: StreamCodec,
    source: str | Path,
    target: str | Path,
    *,
    start: int = 0,
    frames: int | None = None,
    overwrite: bool = False,
    recover: bool = False,
    limits: Limits = USUAL,
    progress: Progress | None = None,
    **video: Any,
) -> DecodeSummary:
    """`recover` conceals damage, and the summary says which frames; `video` goes to
    `create_video`."""
    began, done, concealed = time.perf_counter(), 0, list[int]()
    on_concealed = concealed.append if recover else None
    with open_stream(source, limits) as stream:
        format = video_format(stream.header)
        with about(source):
            total = _expected(stream, start, frames)
            codec.check_model(stream.header)
        decoded = codec.decode_stream(stream, start=start, frames=frames, on_concealed=on_concealed)
        # First of all: an output that cannot be written is refused before anything is decoded.
        output = create_video(target, format, overwrite=overwrite, **video)
        with output as writer, Beside() as thread:
            written = (thread.submit(writer.write, frame) for frame in _about(source, decoded))
            for done, _ in enumerate(in_order(written, UNWRITTEN), start=1):
                if progress:
                    progress(done, total)
            if not done:
                raise InputError(f"{source}: no frame {start}: the stream has {stream.frame_count}")
    return DecodeSummary(done, time.perf_counter() - began, format, tuple(concealed))


@contextlib.contextmanager
def open_stream(source: str | Path, limits: Limits = USUAL) -> Iterator[StreamReader]:
    """A .kbvc file, or stdin for "-"."""
    with contextlib.ExitStack() as stack:
        file: BinaryIO
        if str(source) == "-":
            file = sys.stdin.buffer
        else:
            try:
                file = stack.enter_context(Path(source).open("rb"))
            except OSError as error:
                raise InputError(f"{source}: cannot read it ({error.strerror})") from None
        with about(source):
            stream = StreamReader(file, limits)
        yield stream


def video_format(header: Header) -> VideoFormat:
    return VideoFormat(
        header.width,
        header.height,
        header.rate,
        header.matrix,
        header.full_range,
        header.bit_depth,
        header.chroma,
    )


def _expected(stream: StreamReader, start: int, frames: int | None) -> int | None:
    if stream.frame_count is None:
        return frames
    left = max(stream.frame_count - start, 0)
    return left if frames is None else min(left, frames)


def _about(source: str | Path, frames: Iterator[Frame]) -> Iterator[Frame]:
    """Names the source of what goes wrong in here, not of what its user does between frames."""
    with about(source):
        yield from frames
