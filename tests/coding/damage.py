"""Damaged streams: correct frames, or an error that says where. All of it by

python -m tests.coding.damage --cuts 2000 --flips 5000 --splices 3000 --decoded 100 --seed 0
"""

import argparse
import contextlib
import io
import random
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kbvc_jax.api import Codec
from kbvc_jax.coding.container import GopRecord, StreamReader, StreamWriter
from kbvc_jax.coding.record import IMAGE, depths
from kbvc_jax.coding.salvage import salvage
from kbvc_jax.models.checkpoint import load_inference
from kbvc_jax.rate import BEST, Quality
from kbvc_jax.runtime.errors import InputError
from tests.codec.golden import FOLDER

MEMORY, SECONDS = 512 << 20, 5  # at most: beyond a whole stream's, of processor time of a case
STREAM, OTHER = "predicted", "motion"  # of several groups, by one model; no records of one size


class Sound(NamedTuple):
    """A stream without damage."""

    data: bytes
    body: int
    index: int  # offsets
    offsets: dict[int, int]  # of records, by first frame
    records: list[GopRecord]


def sound(data: bytes) -> Sound:
    stream = StreamReader(io.BytesIO(data))
    offsets = {entry.first_frame: entry.offset for entry in stream.index}
    return Sound(data, stream.body, stream.stored_index()[1], offsets, list(stream))


def golden(name: str) -> Sound:
    return sound((FOLDER / f"{name}.kbvc").read_bytes())


def cuts(whole: Sound, count: int, rng: random.Random) -> Iterator[bytes]:
    """At every byte of the header, and at random places."""
    ends = [*range(whole.body), *(rng.randrange(whole.body, len(whole.data)) for _ in range(count))]
    return (whole.data[:end] for end in ends)


def flips(whole: Sound, count: int, rng: random.Random) -> Iterator[bytes]:
    """1 to 16 bits anywhere, or all within 8 bytes."""
    for _ in range(count):
        damaged, first = bytearray(whole.data), rng.randrange(len(whole.data) - 7)
        span = range(first, first + 8)
        places = rng.choice([range(len(damaged)), span])
        for bit in rng.sample(range(8 * len(places)), rng.randint(1, 16)):
            damaged[places[bit // 8]] ^= 1 << bit % 8
        yield bytes(damaged)


def splices(whole: Sound, other: Sound, count: int, rng: random.Random) -> Iterator[bytes]:
    """Bytes lost, repeated, overwritten or added; records lost, repeated, swapped or another's."""
    for _ in range(count):
        pieces = rng.choice([_bytes, _records])(whole, rng)
        foreign = rng.choice([_bytes, _records])(other, rng)[1]
        before, part, after = pieces
        half = len(after) // 2
        yield rng.choice(
            [
                before + after,
                before + part + part + after,
                before + foreign + after,
                before + part + foreign + after,
                before + foreign + after[len(foreign) - len(part) :],
                before + after[:half] + part + after[half:],
            ]
        )


def _bytes(whole: Sound, rng: random.Random) -> tuple[bytes, bytes, bytes]:
    a, b = sorted(rng.sample(range(len(whole.data) + 1), 2))
    return whole.data[:a], whole.data[a:b], whole.data[b:]


def _records(whole: Sound, rng: random.Random) -> tuple[bytes, bytes, bytes]:
    a, b = sorted(rng.sample([*whole.offsets.values(), whole.index], 2))
    return whole.data[:a], whole.data[a:b], whole.data[b:]


def swaps(whole: Sound) -> Iterator[bytes]:
    """Any two neighbouring records."""
    ends = [*whole.offsets.values(), whole.index]
    for a, b, c in zip(ends, ends[1:], ends[2:], strict=False):
        yield whole.data[:a] + whole.data[b:c] + whole.data[a:b] + whole.data[c:]


def forged(rng: random.Random) -> tuple[bytes, int]:
    """A stream whose check sums are all true, of payloads that nobody coded; and its frames."""
    whole, file = golden(STREAM), io.BytesIO()
    writer = StreamWriter(file, StreamReader(io.BytesIO(whole.data)).header)
    frames = 0
    for own in whole.records:
        length = rng.randint(1, 5) if frames else 1
        codecs = tuple(rng.choices(range(5), [8, 4, 8, 4, 1], k=depths(length) + 1))
        quality = Quality(rng.choice([0, BEST, own.quality]))
        offsets = tuple(rng.choice([0, -128, 127]) for _ in codecs[1:])
        payload = rng.choice([own.payload, own.payload[::-1], rng.randbytes(99), b""])
        codecs = codecs if frames else (IMAGE,)
        writer.write(GopRecord(frames, length, quality, offsets, codecs, payload))
        frames += length
    writer.close()
    return file.getvalue(), frames


def check(whole: Sound, damaged: bytes) -> str:
    """Reads it in order; the error's message, or nothing where all frames are there."""
    found, message = list[GopRecord](), ""
    try:
        found.extend(StreamReader(io.BytesIO(damaged)))
    except InputError as error:
        message = str(error)
    assert found == whole.records[: len(found)]
    assert re.search(expected(whole, damaged), message) if message else found == whole.records
    return message


def expected(whole: Sound, damaged: bytes) -> str:
    """What an error says where the first wrong byte is."""
    pairs = zip(whole.data, damaged, strict=False)
    shorter = min(len(whole.data), len(damaged))
    place = next((at for at, (a, b) in enumerate(pairs) if a != b), shorter)
    if place < whole.body:
        return "header|not a .kbvc stream|format version"
    if place >= whole.index:
        frames = sum(record.frames for record in whole.records)
        return rf"index|bytes follow the end|record of frame {frames}\b"  # a record in its place
    frame = max(frame for frame, offset in whole.offsets.items() if offset <= place)
    return rf"record of frame {frame}\b|cut off after {frame} of"


def check_salvage(whole: Sound, damaged: bytes) -> None:
    """Whole records alone, at their places; as many frames as promised."""
    try:
        stream = StreamReader(io.BytesIO(damaged))
    except InputError:
        return
    parts = list(salvage(stream))
    found = [part for part in parts if isinstance(part, GopRecord)]
    assert sum(part.frames for part in parts) == sum(record.frames for record in whole.records)
    assert all(record in whole.records for record in found)


def check_pixels(codec: Codec, frames: np.ndarray, damaged: bytes) -> None:
    """Decoded it is the same or refused; what is recovered and not called concealed is the same."""
    with contextlib.suppress(InputError):
        assert np.array_equal(codec.decode(damaged), frames)
    concealed: list[int] = []
    try:
        stream = StreamReader(io.BytesIO(damaged))
        recovered = list(codec.decode_stream(stream, on_concealed=concealed.append))
    except InputError:
        return
    kept = [number for number in range(len(frames)) if number not in concealed]
    assert len(recovered) == len(frames)
    assert all(np.array_equal(recovered[number], frames[number]) for number in kept)


def damaged(
    whole: Sound, other: Sound, counts: dict[str, int], rng: random.Random
) -> Iterator[tuple[str, bytes]]:
    """Each with the name of its kind."""
    yield from (("cut", data) for data in cuts(whole, counts["cuts"], rng))
    yield from (("flip", data) for data in flips(whole, counts["flips"], rng))
    yield from (("splice", data) for data in splices(whole, other, counts["splices"], rng))
    yield from (("swap", data) for data in swaps(whole))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=2000, help="besides those within the header")
    parser.add_argument("--flips", type=int, default=5000)
    parser.add_argument("--splices", type=int, default=3000)
    parser.add_argument("--decoded", type=int, default=100, help="of all these, down to samples")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    whole, other = golden(STREAM), golden(OTHER)
    cases = list(damaged(whole, other, vars(arguments), rng))
    ends = Counter[tuple[str, str]]()
    longest = 0.0
    for kind, data in cases:
        begun = time.process_time()
        message = check(whole, data)
        check_salvage(whole, data)
        longest = max(longest, time.process_time() - begun)
        ends[kind, re.sub(r"\d+", "N", message) or "all frames"] += 1
    for (kind, message), count in sorted(ends.items()):
        print(f"{count:6}  {kind:6}  {message}")
    codec = Codec(load_inference(FOLDER / "model"))
    frames = codec.decode(whole.data)
    before = peak_memory()
    flipped = [data for kind, data in cases if kind != "splice"]
    for data in rng.sample(flipped, min(arguments.decoded, len(flipped))):
        check_pixels(codec, frames, data)
    more = peak_memory() - before
    assert more < MEMORY and longest < SECONDS, (more, longest)
    print(
        f"{len(cases)} damaged streams, {arguments.decoded} of them down to samples; none wrong, "
        f"none took more than {longest:.2f} s, all {more >> 20} MiB more than a whole one"
    )


def peak_memory() -> int:
    """Of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


if __name__ == "__main__":
    main()
