"""A film by a crew: runs from I-frame to I-frame, of which each hand has one at a time.

A run needs the I-frame that the one before it ends with, and codes it once more: so hands wait for
nothing but, with `--gop auto`, for a scene's first window, which says its quality.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from kbvc_jax.codec.decoder import Frame, asked_for, decode_run, record_runs
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.encoder.encoder import Begin, CodedGop, code_run
from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.encoder.span import Run, runs, spans
from kbvc_jax.parallel.crew import Crew
from kbvc_jax.runtime.overlap import in_order

LEAST = 16  # frames of a run: the I-frame that is coded twice is one of as many


def encode_by(
    crew: Crew,
    frames: Iterable[Frame],
    bit_depth: int,
    options: EncoderOptions,
    with_frames: bool,
) -> Iterator[CodedGop]:
    """The same groups as of one network, if that computes alike."""

    def submitted() -> Iterator[Future[tuple[list[CodedGop], Begin]]]:
        begin: Begin | None = None
        for run in runs(spans(frames, 2**bit_depth - 1, options), LEAST):
            future = crew.submit(bit_depth, code_run, run, begin, options, with_frames)
            yield future
            begin = _known_end(run, begin, options) or future.result()[1]

    for groups, _ in in_order(submitted(), 2 * crew.size):
        yield from groups


def _known_end(run: Run, begin: Begin | None, options: EncoderOptions) -> Begin | None:
    """Where the next run begins, if that can be told before this one is coded."""
    if not options.auto:
        return Begin(options.fixed_point_quality, None)
    if begin is None or begin.scene is None:
        return None
    return Begin(begin.quality, None) if run[-1].ends_scene else begin


def decode_by(crew: Crew, stream: StreamReader, start: int, frames: int | None) -> Iterator[Frame]:
    header = stream.header
    decoded = (
        crew.submit(header.bit_depth, decode_run, header, run)
        for run in record_runs(asked_for(stream, start, frames), LEAST)
    )
    for shown in in_order(decoded, 2 * crew.size):
        yield from shown
