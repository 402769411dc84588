"""A clip read, coded and decoded three times.

first   compiles its programs, or reads those that are kept
second  how fast the codec is
third   how its time divides: a network that waits for each step
"""

import dataclasses
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import UInt

from kbvc_jax.api import Codec
from kbvc_jax.bench.memory import peak_memory
from kbvc_jax.bench.stages import RANGE_CODING, REST, Stopwatch, TimedNetwork
from kbvc_jax.codec.decoder import decode_gops
from kbvc_jax.coding.container import StreamReader, StreamWriter
from kbvc_jax.encoder.encoder import encode_gops
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.runtime.errors import about
from kbvc_jax.video import y4m
from kbvc_jax.video.colour import yuv_from_rgb
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.video.reader import open_video

Frame = UInt[np.ndarray, "h w 3"]
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Side:
    """Seconds of an encoder or a decoder for the whole clip."""

    first: float
    second: float
    third: float
    stages: dict[str, float]  # of the third

    @property
    def compiling(self) -> float:
        return max(self.first - self.second, 0.0)


@dataclasses.dataclass(frozen=True)
class Report:
    format: VideoFormat
    frames: int
    bytes: int
    options: EncoderOptions
    read: float  # seconds, colour conversion included
    encode: Side
    decode: Side
    write: float  # as y4m, into memory
    peak_memory: int | None


def bench(
    codec: Codec,
    source: str | Path,
    frames: int,
    options: dict[str, Any],
    say: Callable[[str], None],
) -> Report:
    """The first `frames` of a video; for the options see Codec.options."""
    resolved = codec.options(**options)
    began = time.perf_counter()
    with open_video(source, frames=frames) as reader, about(source):
        format, clip = reader.format, list(reader)
    read = time.perf_counter() - began

    def encode() -> bytes:
        file = io.BytesIO()
        codec.encode_stream(clip, format, file, **options)
        return file.getvalue()

    def decode() -> list[Frame]:
        return list(codec.decode_stream(StreamReader(io.BytesIO(data))))

    say("encoding the first time")
    data, first = _timed(encode)
    say("encoding twice more")
    _, second = _timed(encode)
    encoding = Side(first, second, *encode_by_stage(codec, clip, resolved, data))
    say("decoding the first time")
    _, first = _timed(decode)
    say("decoding twice more")
    decoded, second = _timed(decode)
    decoding = Side(first, second, *decode_by_stage(codec, data))
    _, write = _timed(lambda: _write(decoded, format))
    parts = read, encoding, decoding, write, peak_memory()
    return Report(format, len(clip), len(data), resolved, *parts)


def encode_by_stage(
    codec: Codec, clip: list[Frame], options: EncoderOptions, data: bytes
) -> tuple[float, dict[str, float]]:
    """Makes the stream `data` once more: seconds in all, and of each stage."""
    header = StreamReader(io.BytesIO(data)).header
    stopwatch = Stopwatch()
    network = TimedNetwork(codec.inference, header.bit_depth, stopwatch)

    def encode() -> None:
        file = io.BytesIO()
        writer = StreamWriter(file, header)
        stopwatch.start()
        for chosen in encode_gops(network, clip, options):
            stopwatch.lap(REST)
            coded = chosen.written()  # the network counts prices apart
            stopwatch.lap(RANGE_CODING)
            writer.write(coded.record)
            stopwatch.lap(REST)
        writer.close()
        stopwatch.lap(REST)
        if file.getvalue() != data:
            raise RuntimeError("timing its stages has changed a stream")

    return _timed(encode)[1], stopwatch.seconds


def decode_by_stage(codec: Codec, data: bytes) -> tuple[float, dict[str, float]]:
    stream, stopwatch = StreamReader(io.BytesIO(data)), Stopwatch()
    network = TimedNetwork(codec.inference, stream.header.bit_depth, stopwatch)

    def decode() -> None:
        stopwatch.start()
        for _ in decode_gops(network, stream, watch=network.watch):
            stopwatch.lap(REST)

    return _timed(decode)[1], stopwatch.seconds


def _write(frames: list[Frame], format: VideoFormat) -> None:
    file, format = io.BytesIO(), y4m.expressible(format)
    file.write(y4m.header(format))
    for frame in frames:
        y4m.write_frame(file, yuv_from_rgb(frame, format), format)


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    done = work()
    return done, time.perf_counter() - began
