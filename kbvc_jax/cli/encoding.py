"""What `kbvc encode` does with one of its inputs: passes over it, what is said, the summary."""

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

from kbvc_jax.encoder.presets import PRESETS
from kbvc_jax.rate_target import RateTarget
from kbvc_jax.runtime.backend import start_backend
from kbvc_jax.runtime.errors import about
from kbvc_jax.runtime.exit import warn
from kbvc_jax.runtime.output import whole_file
from kbvc_jax.runtime.progress import Progress, compiling, kilobits_per_second
from kbvc_jax.video.reader import VideoReader, open_video

if TYPE_CHECKING:
    from kbvc_jax.api import Codec
    from kbvc_jax.summary import EncodeSummary

OPTIONS = "preset", "gop", "keyint", "effort", "b_frames", "p_frames", "rounding"


def load(arguments: argparse.Namespace) -> "Codec":
    """The model, which can do what is asked for."""
    start_backend(arguments.threads)
    import kbvc_jax

    codec = kbvc_jax.load(
        arguments.checkpoint,
        model=arguments.model,
        devices=arguments.devices,
        workers=arguments.workers,
    )
    options = codec.options(arguments.quality, **_options(arguments))
    if target := _rate_target(arguments):
        target.check_model(options)
    wished = PRESETS[arguments.preset].get("b_frames")
    if wished and not (arguments.b_frames or arguments.model) and options.b_frames != wished:
        Progress(arguments.quiet).say(
            f"preset {arguments.preset}: this model lacks some of {wished}; B-frames by "
            f"{options.b_frames}"
        )
    return codec


class Encoding:
    def __init__(self, arguments: argparse.Namespace, source: str, codec: "Callable[[], Codec]"):
        self._arguments, self._source, self._codec = arguments, source, codec
        self._progress = Progress(arguments.quiet)
        self._passes = 0
        self._said: tuple[str, ...] = ()  # of what the file has and a .kbvc has not
        self._psnr: float | None = None  # of the last pass

    def write(self, target: str) -> None:
        wanted = _rate_target(self._arguments)
        if wanted:
            wanted.check_source(self._source)
        # What cannot be read or written is refused before JAX has started.
        with self._open() as reader, whole_file(target, self._arguments.overwrite) as file:
            size = f"{reader.format.width}x{reader.format.height}"
            where = start_backend(self._arguments.threads)
            self._progress.say(f"encoding {self._source} ({size}) on {where}")
            self._say_left_out(reader)
            codec = self._codec()
            with about(self._source):
                if wanted:
                    summary = wanted.encode(self._pass, file)
                else:
                    summary = self._code(codec, reader, file, self._arguments.quality)
        self._sum_up(target, summary)
        if wanted and (missed := wanted.missed(summary)):
            warn(f"{target}: {missed}")

    def _pass(self, quality: float, file: BinaryIO) -> "EncodeSummary":
        """One of several."""
        self._passes += 1
        self._progress.say(f"pass {self._passes}: quality {quality:g}")
        with self._open() as reader:
            return self._code(self._codec(), reader, file, quality)

    def _code(
        self, codec: "Codec", reader: VideoReader, file: BinaryIO, quality: float | None
    ) -> "EncodeSummary":
        from kbvc_jax.cli.comparison import Comparison

        video = reader.format

        def step(frames: int) -> None:
            written = file.tell() if file.seekable() else None
            rate = written and kilobits_per_second(written, frames, video.rate)
            self._progress.step(frames, reader.expected, rate)

        comparison = Comparison(video.bit_depth) if self._arguments.psnr else None
        self._progress.start(compiling(video.width, video.height))
        summary = codec.encode_stream(
            comparison.remember(reader) if comparison else reader,
            video,
            file,
            quality,
            progress=step,
            on_frame=comparison.compare if comparison else None,
            **_options(self._arguments),
        )
        self._say_left_out(reader)
        self._psnr = comparison.psnr if comparison else None
        return summary

    def _open(self) -> VideoReader:
        arguments = self._arguments
        return open_video(
            self._source,
            size=arguments.size,
            rate=arguments.fps,
            pixel_format=arguments.pixel_format,
            matrix=arguments.matrix,
            full_range=None if arguments.range is None else arguments.range == "full",
            frames=arguments.frames,
        )

    def _say_left_out(self, reader: VideoReader) -> None:
        """What is not said yet: some of it shows as the file is read."""
        new = [what for what in reader.left_out if what not in self._said]
        self._said += tuple(new)
        if new:
            self._progress.say(f"not kept in a .kbvc file: {', '.join(new)}")

    def _sum_up(self, target: str, summary: "EncodeSummary") -> None:
        speed = summary.frames / summary.seconds
        size = f"{summary.format.width}x{summary.format.height}"
        parts = [
            f"{summary.frames} frames {size}",
            *([f"quality {summary.quality:g}"] if self._passes else []),
            f"{summary.bytes:,} bytes",
            f"{summary.bits_per_pixel:.4f} bits a pixel",
            f"{summary.kilobits_per_second:.1f} kb/s",
            f"{speed:.2f} fps",
            *([] if self._psnr is None else [f"PSNR {self._psnr:.2f} dB"]),
        ]
        self._progress.say(f"{target}: {', '.join(parts)}")
        if self._arguments.json:
            print(json.dumps(self._facts(target, summary)), flush=True)

    def _facts(self, target: str, summary: "EncodeSummary") -> dict[str, Any]:
        """Under the names that `kbvc info --json` has."""
        return {
            "source": self._source,
            "file": target,
            "bytes": summary.bytes,
            "width": summary.format.width,
            "height": summary.format.height,
            "frames": summary.frames,
            "frame_rate": str(summary.format.rate),
            "quality": summary.quality,
            "bits_per_pixel": summary.bits_per_pixel,
            "kilobits_per_second": summary.kilobits_per_second,
            "frames_by_codec": dict(summary.frames_by_codec),
            "psnr": self._psnr,
            "passes": max(self._passes, 1),
            "coding_seconds": summary.seconds,
            "not_kept": list(self._said),
        }


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in OPTIONS}


def _rate_target(arguments: argparse.Namespace) -> RateTarget | None:
    return RateTarget.of(arguments.quality, arguments.bitrate, arguments.target_size)
