"""The public codec: arrays, files and streams in, .kbvc out, and back."""

import io
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import UInt

import kbvc_jax.files as files
from kbvc_jax.codec.decoder import decode_gops
from kbvc_jax.coding.container import Header, StreamReader, StreamWriter
from kbvc_jax.coding.limits import USUAL, Limits
from kbvc_jax.concealment import OnConcealed, conceal_gops
from kbvc_jax.encoder.encoder import CodedGop, encode_gops
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.encoder.presets import BALANCED, with_preset
from kbvc_jax.files import OnFrame
from kbvc_jax.inspection.frame import Inspected, inspect_frame
from kbvc_jax.models.checkpoint import InferenceModel, load_inference
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.parallel.coding import decode_by, encode_by
from kbvc_jax.parallel.crew import Crew
from kbvc_jax.parallel.devices import on_devices
from kbvc_jax.parallel.processes import in_processes
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.overlap import Beside, in_order
from kbvc_jax.summary import DecodeSummary, EncodeSummary
from kbvc_jax.video.format import VideoFormat
from kbvc_jax.zoo import WEIGHTS, shipped

Frame = UInt[np.ndarray, "h w 3"]
Progress = Callable[[int], None]  # frames done
UNWRITTEN = 2  # groups, at most


class Codec:
    """One model, every quality. Make one with `kbvc_jax.load()`."""

    def __init__(
        self, inference: InferenceModel, b_frames: str | None = None, crew: Crew | None = None
    ):
        """`b_frames`: what its encoder codes them by, if not asked (EncoderOptions). `crew`: who
        shares the work."""
        self.inference, self._b_frames, self._crew = inference, b_frames, crew
        self._networks: dict[int, EncoderNetwork] = {}

    def encode(
        self,
        frames: UInt[np.ndarray, "t h w 3"] | Iterable[Frame],
        quality: float | None = None,
        *,
        rate: Fraction | int = 30,
        **options: Any,
    ) -> bytes:
        """RGB frames (uint8, or uint16 holding 10 bits) to the bytes of a .kbvc file.

        For the options see `options`."""
        source = iter(frames)
        first = next(source, None)
        if first is None:
            raise InputError("no frames to encode; a stream needs at least one")
        format = _array_format(first, Fraction(rate))
        file = io.BytesIO()
        self.encode_stream(_chain(first, source), format, file, quality, **options)
        return file.getvalue()

    def options(
        self, quality: float | None = None, *, preset: str = BALANCED, **options: Any
    ) -> EncoderOptions:
        """What this model would encode by: a preset (PRESETS), but single options (EncoderOptions)
        win, and where nothing is asked for the model chooses."""
        config = self.inference.model.config
        given = {**options, "b_frames": options.get("b_frames") or self._b_frames}
        wished = with_preset(preset, given, lambda name: CODECS[name].is_in(config))
        return EncoderOptions(quality, **wished).resolved(config)

    def decode(
        self,
        data: bytes,
        *,
        start: int = 0,
        frames: int | None = None,
        limits: Limits = USUAL,
    ) -> np.ndarray:
        """The bytes of a .kbvc file to RGB frames (t, h, w, 3)."""
        stream = StreamReader(io.BytesIO(data), limits)
        decoded = list(self.decode_stream(stream, start=start, frames=frames))
        if not decoded:
            raise InputError(f"no frame {start}: the stream has {stream.frame_count}")
        return np.stack(decoded)

    def encode_stream(
        self,
        frames: Iterable[Frame],
        format: VideoFormat,
        file: BinaryIO,
        quality: float | None = None,
        *,
        progress: Progress | None = None,
        on_frame: OnFrame | None = None,
        **options: Any,
    ) -> EncodeSummary:
        """Writes groups of pictures as they are coded; memory does not grow with their number.

        For the options see `options`."""
        asked = self.options(quality, **options)
        began, statistics, count = time.perf_counter(), [], 0
        header = Header(
            width=format.width,
            height=format.height,
            rate=format.rate,
            matrix=format.matrix,
            full_range=format.full_range,
            bit_depth=format.bit_depth,
            chroma=format.chroma,
            gop=0 if asked.auto else asked.longest,
            quality=asked.fixed_point_quality,
            one_rate=asked.quality is None,
            fingerprint=self.inference.fingerprint,
        )
        writer = StreamWriter(file, header)
        checked = _checked(frames, format)
        for record, rows, decoded in self._coded(checked, format, asked, on_frame is not None):
            writer.write(record)
            statistics += rows
            if on_frame:
                for index, frame in decoded:
                    on_frame(index, frame)
            count += record.frames
            if progress:
                progress(count)
        if not count:
            raise InputError("no frames to encode; a stream needs at least one")
        size = writer.close()
        seconds = time.perf_counter() - began
        return EncodeSummary(count, size, seconds, statistics, format, asked.quality)

    def decode_stream(
        self,
        stream: StreamReader,
        *,
        start: int = 0,
        frames: int | None = None,
        on_concealed: OnConcealed | None = None,
    ) -> Iterator[Frame]:
        """Frames in display order.

        With `on_concealed` damage is no error: the last whole frame is repeated, or the first whole
        one where none comes before it, and the callable is told each such frame's number."""
        self.check_model(stream.header)
        if on_concealed is None and self._crew:
            return decode_by(self._crew, stream, start, frames)
        network = self._network(stream.header.bit_depth)
        if on_concealed is None:
            return decode_gops(network, stream, start, frames)
        return conceal_gops(network, stream, on_concealed, start, frames)

    def inspect_stream(self, stream: StreamReader, number: int) -> Inspected:
        """What a frame of it is made of; the stream must be one that can be seeked."""
        self.check_model(stream.header)
        return inspect_frame(self._network(stream.header.bit_depth), stream, number)

    def encode_file(self, source: str | Path, target: str | Path, **options) -> EncodeSummary:
        """A video file to a .kbvc file: see files.encode_file."""
        return files.encode_file(self, source, target, **options)

    def decode_file(self, source: str | Path, target: str | Path, **options) -> DecodeSummary:
        """A .kbvc file to a video file: see files.decode_file."""
        return files.decode_file(self, source, target, **options)

    def check_model(self, header: Header) -> None:
        if header.fingerprint != self.inference.fingerprint:
            raise InputError(
                f"stream was made by model {header.fingerprint.hex()}, this one is "
                f"{self.inference.fingerprint.hex()}; pass the right one with --checkpoint"
            )

    def _coded(
        self,
        frames: Iterable[Frame],
        format: VideoFormat,
        options: EncoderOptions,
        with_frames: bool,
    ) -> Iterator[CodedGop]:
        if self._crew:
            yield from encode_by(self._crew, frames, format.bit_depth, options, with_frames)
            return
        chosen = encode_gops(self._network(format.bit_depth), frames, options)
        with Beside() as writing:  # one group's bytes, while the next one's symbols are chosen
            futures = (writing.submit(group.written, with_frames) for group in chosen)
            yield from in_order(futures, UNWRITTEN)

    def _network(self, bit_depth: int) -> EncoderNetwork:
        if bit_depth not in self._networks:
            self._networks[bit_depth] = EncoderNetwork(self.inference, bit_depth)
        return self._networks[bit_depth]


def load(
    checkpoint: str | Path | None = None,
    *,
    model: str | None = None,
    devices: int = 1,
    workers: int = 1,
) -> Codec:
    """A codec with the weights of an inference checkpoint; without one, those that ship, of which
    `model` is one by name (zoo.py). A film is shared among `devices`, or among `workers`, which are
    processes."""
    inference, b_frames = _model(checkpoint, model)
    return Codec(inference, b_frames, _crew(inference, devices, workers))


def _model(checkpoint: str | Path | None, model: str | None) -> tuple[InferenceModel, str | None]:
    """And the codec of its B-frames, where it is asked for by a name."""
    if checkpoint is not None:
        if model is not None:
            raise InputError(f"model {model} is one of those that ship, {checkpoint} is not")
        return load_inference(checkpoint), None
    if not (WEIGHTS / "model.json").exists():
        raise InputError(
            "no weights ship with this version; train some (README, Training) and pass them "
            "with --checkpoint"
        )
    return load_inference(WEIGHTS), None if model is None else shipped()[model].b_frames


def _crew(inference: InferenceModel, devices: int, workers: int) -> Crew | None:
    if devices > 1 and workers > 1:
        raise InputError(f"{devices} devices and {workers} workers: take the ones or the others")
    if devices > 1:
        return on_devices(inference, devices)
    return in_processes(inference, workers) if workers > 1 else None


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _array_format(frame: Frame, rate: Fraction) -> VideoFormat:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"frame of shape {frame.shape} and type {frame.dtype}: must be (height, width, 3), "
            "uint8 or uint16 (10 bits)"
        )
    height, width = frame.shape[:2]
    depth = 8 if frame.dtype == np.uint8 else 10
    return VideoFormat(width, height, rate, "709", True, depth, "444")


def _checked(frames: Iterable[Frame], format: VideoFormat) -> Iterator[Frame]:
    shape = (format.height, format.width, 3)
    for index, frame in enumerate(frames):
        if frame.shape != shape:
            raise InputError(f"frame {index}: shape {frame.shape}, but the first had {shape}")
        yield frame
