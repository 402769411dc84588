"""Hostile bytes, true check sums included: a result or an InputError, soon and in little memory.

python -m tests.coding.fuzz --cases 100000 --seed 0
python -m tests.coding.fuzz --atheris       guided by coverage, without end: pip install atheris

The corpus are the golden streams, taken apart and cut short, and some symbols, modes and vectors.
"""

import argparse
import contextlib
import dataclasses
import gc
import io
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import FunctionType

import numpy as np

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.container import StreamReader, StreamWriter
from kbvc_jax.coding.header import MAGIC, VERSION
from kbvc_jax.coding.index import END, TAIL_BYTES
from kbvc_jax.coding.modes import decode_modes, encode_modes
from kbvc_jax.coding.salvage import salvage
from kbvc_jax.coding.tables import clamp_certain, gaussian_tables
from kbvc_jax.coding.vectors import decode_vectors, encode_vectors
from kbvc_jax.coding.wire import CRC_BYTES, crc32
from kbvc_jax.runtime.errors import InputError
from tests.codec.golden import FOLDER, STREAMS

SECONDS = 5  # of processor time at most, of any case
MEMORY = 4 << 30  # of the command
CURRENT = MAGIC + bytes([VERSION])
TABLES = gaussian_tables([0.01, 0.3, 2.0, 40.0])
HEADER = (FOLDER / "predicted.kbvc").read_bytes()[:35]
IDENTITY = StreamReader(io.BytesIO(HEADER)).header.identity


def signed(data: bytes, identity: int = 0) -> bytes:
    return data + crc32(data, identity)


def stream(data: bytes) -> None:
    """In order, by number, and salvaged."""
    reader = StreamReader(io.BytesIO(data))
    for use in (list, lambda r: [r.record(k) for k in range(len(r.index))], _salvaged):
        with contextlib.suppress(InputError):
            use(reader)


def _salvaged(reader: StreamReader) -> None:
    for part in salvage(reader):
        assert part.frames >= 0


def header(data: bytes) -> None:
    _ = StreamReader(io.BytesIO(signed(CURRENT + data))).header


def records(data: bytes) -> None:
    """Cut where bytes of 0x55 are, each with its true check sum, without an index."""
    stream(HEADER + b"".join(signed(part, IDENTITY) for part in data.split(b"\x55")))


def index(data: bytes) -> None:
    size = len(END) + len(data) + TAIL_BYTES
    stream(HEADER + bytes(99) + signed(END + data + size.to_bytes(4, "little")))


def modes(data: bytes) -> None:
    count, height, width, *rest = data[:8].ljust(8, b"\1")
    shape = (count % 3 + 1, height % 12 + 1, width % 12 + 1)
    found = decode_modes(SymbolDecoder(data[8:]), shape, [part % 32 + 1 for part in rest])
    assert found.min() >= 0 and found.max() < len(rest)


def vectors(data: bytes) -> None:
    count, height, width, fields = data[:4].ljust(4, b"\1")
    shape = (count % 2 + 1, height % 12 + 1, width % 12 + 1, 2 * (fields % 2 + 1))
    assert np.abs(decode_vectors(SymbolDecoder(data[4:]), shape)).max() < 2**20


def symbols(data: bytes) -> None:
    indexes = np.frombuffer(data[:64], np.uint8) % len(TABLES.lengths)
    decoder = SymbolDecoder(data[64:])
    for _ in range(3):
        assert decoder.decode(indexes, TABLES).shape == indexes.shape


TARGETS: dict[str, Callable[[bytes], None]] = {
    "stream": stream,
    "header": header,
    "records": records,
    "index": index,
    "modes": modes,
    "vectors": vectors,
    "symbols": symbols,
}


def corpus() -> dict[str, list[bytes]]:
    """What each target may begin with."""
    found: dict[str, list[bytes]] = {name: [] for name in TARGETS}
    for name in STREAMS:
        data = short((FOLDER / f"{name}.kbvc").read_bytes())
        reader = StreamReader(io.BytesIO(data))
        body, (entries, end) = reader.body, reader.stored_index()
        found["stream"].append(data)
        found["header"].append(data[len(CURRENT) : body - CRC_BYTES])
        bounds = [(e.offset, e.offset + e.size - CRC_BYTES) for e in entries]
        found["records"].append(b"\x55".join(data[a:b] for a, b in bounds))
        found["index"].append(data[end + 1 : -TAIL_BYTES])
    found["modes"].append(coded_modes())
    found["vectors"].append(coded_vectors())
    found["symbols"].append(coded_symbols())
    return found


def short(data: bytes) -> bytes:
    """The stream with the first bytes of each payload."""
    reader, file = StreamReader(io.BytesIO(data)), io.BytesIO()
    writer = StreamWriter(file, reader.header)
    for record in reader:
        writer.write(dataclasses.replace(record, payload=record.payload[:20]))
    writer.close()
    return file.getvalue()


def coded_modes() -> bytes:
    encoder, first = SymbolEncoder(), [16, 32, 1, 4, 8]
    encode_modes(encoder, np.random.default_rng(0).integers(0, 5, (2, 10, 10)), first)
    return bytes([1, 9, 9, *(count - 1 for count in first)]) + encoder.finish()


def coded_vectors() -> bytes:
    encoder, random = SymbolEncoder(), np.random.default_rng(0)
    encode_vectors(encoder, np.rint(random.laplace(0, 9, (2, 10, 10, 4))).astype(np.int64))
    return bytes([1, 9, 9, 1]) + encoder.finish()


def coded_symbols() -> bytes:
    encoder, indexes = SymbolEncoder(), np.arange(64, dtype=np.uint8) % len(TABLES.lengths)
    for scale in (1, 3, 1000):  # the last one's escape
        drawn = np.random.default_rng(0).normal(0, scale, 64).astype(np.int32)
        encoder.encode(clamp_certain(drawn, indexes, TABLES), indexes, TABLES)
    return indexes.tobytes() + encoder.finish()


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """1 to 8 changes: of bits, to bytes at the ends of ranges, of length, by the other's bytes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at, length = rng.randrange(len(out) + 1), rng.choice([1, 1, 2, 4, 5, 8, 64])
        match rng.randrange(5):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at : at + length] = bytes([rng.choice([0, 1, 0x55, 0x7F, 0x80, 0xFF])]) * length
            case 2:
                del out[at : at + length]
            case 3:
                out[at:at] = out[at : at + length]
            case _:
                start = rng.randrange(len(other) + 1)
                out[at : at + length] = other[start : start + rng.choice([length, len(other)])]
    return bytes(out)


def cases(count: int, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Beginning with the corpus as it is."""
    seeds = corpus()
    yield from ((name, data) for name, own in seeds.items() for data in own)
    for _ in range(count):
        name = rng.choice(list(TARGETS))
        yield name, mutated(rng.choice(seeds[name]), rng.choice(seeds[name]), rng)


def run(name: str, data: bytes) -> bool:
    """Whether it was read; anything but an InputError is a defect, told with its bytes."""
    began = time.process_time()
    try:
        TARGETS[name](data)
        return True
    except InputError:
        return False
    except BaseException as error:
        error.add_note(f"({name!r}, {data!r})")
        raise
    finally:
        assert time.process_time() - began < SECONDS, (name, data)


def by_coverage() -> None:
    import atheris  # pyright: ignore[reportMissingImports]

    for found in gc.get_objects():
        if isinstance(found, FunctionType) and "kbvc_jax.coding" in str(found.__module__):
            atheris.instrument_func(found)
    names = list(TARGETS)

    def one(data: bytes) -> None:
        if data:
            run(names[data[0] % len(names)], data[1:])

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


def main() -> None:
    if "--atheris" in sys.argv[1:2]:
        return by_coverage()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    ends = Counter(
        (name, run(name, data))
        for name, data in cases(arguments.cases, random.Random(arguments.seed))
    )
    for name in TARGETS:
        print(f"{name:8} {ends[name, True]:6} read {ends[name, False]:6} refused")


if __name__ == "__main__":
    main()
