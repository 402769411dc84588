"""The stream header: what a decoder must know before the first record."""

import dataclasses
from fractions import Fraction
from typing import Any, NamedTuple

from kbvc_jax.coding.wire import ByteSource, crc32, varint
from kbvc_jax.rate import BEST, Quality
from kbvc_jax.runtime.errors import InputError

MAGIC = b"KBVC"
VERSION = 12
FINGERPRINT_BYTES = 8


class Field(NamedTuple):
    """An integer of the header: its width in bytes (0: variable), lowest and highest value."""

    name: str
    width: int
    low: int
    high: int


class Choice(NamedTuple):
    """A few bits of the format byte."""

    name: str
    bits: int
    values: tuple


FORMAT = (
    Choice("matrix", 2, ("601", "709", "2020")),
    Choice("full_range", 1, (False, True)),
    Choice("bit_depth", 1, (8, 10)),
    Choice("chroma", 2, ("420", "422", "444", "400")),
    Choice("one_rate", 1, (False, True)),
)
FIELDS = (
    Field("width", 2, 16, 8192),
    Field("height", 2, 16, 8192),
    Field("frame_count", 4, 0, 2**32 - 1),
    Field("format", 1, 0, 127),
    Field("gop", 1, 0, 32),
    Field("quality", 2, 0, BEST),
    Field("fingerprint", 8, 0, 2**64 - 1),
    Field("identity", 4, 0, 2**32 - 1),
    Field("rate_numerator", 0, 1, 2**32 - 1),
    Field("rate_denominator", 0, 1, 2**32 - 1),
)


@dataclasses.dataclass(frozen=True)
class Header:
    width: int
    height: int
    rate: Fraction  # frames a second
    matrix: str
    full_range: bool
    bit_depth: int
    chroma: str
    gop: int  # 0: every group has its own length
    quality: Quality
    fingerprint: bytes  # of the model
    identity: int = 0  # of the stream: all its records' check sums begin from it
    one_rate: bool = False  # of a model for one lambda: quality says nothing
    frame_count: int = 0  # 0: unknown when the header was written; the index has it

    def __post_init__(self):
        for choice in FORMAT:
            value = getattr(self, choice.name)
            if value not in choice.values:
                expected = ", ".join(map(str, choice.values))
                name = choice.name.replace("_", " ")
                raise InputError(f"{name} {value}: must be one of {expected}")
        if len(self.fingerprint) != FINGERPRINT_BYTES:
            raise InputError(f"model fingerprint: must have {FINGERPRINT_BYTES} bytes")
        for field, value in zip(FIELDS, self._integers(), strict=True):
            if not field.low <= value <= field.high:
                name = field.name.replace("_", " ")
                raise InputError(f"{name} {value}: must be from {field.low} to {field.high}")

    def _integers(self) -> list[int]:
        code, shift = 0, 0
        for choice in FORMAT:
            code |= choice.values.index(getattr(self, choice.name)) << shift
            shift += choice.bits
        derived = {
            "format": code,
            "fingerprint": int.from_bytes(self.fingerprint, "little"),
            "rate_numerator": self.rate.numerator,
            "rate_denominator": self.rate.denominator,
        }
        return [derived[f.name] if f.name in derived else getattr(self, f.name) for f in FIELDS]

    def to_bytes(self) -> bytes:
        values = zip(FIELDS, self._integers(), strict=True)
        data = MAGIC + bytes([VERSION])
        data += b"".join(v.to_bytes(f.width, "little") if f.width else varint(v) for f, v in values)
        return data + crc32(data)


def read_header(source: ByteSource) -> Header:
    if (magic := source.take(len(MAGIC))) != MAGIC:
        raise InputError(f"not a .kbvc stream: it starts with {magic!r}, not {MAGIC!r}")
    if (version := source.integer(1)) != VERSION:
        raise InputError(f".kbvc format version {version}; this program reads version {VERSION}")
    values = {f.name: source.integer(f.width) if f.width else source.varint() for f in FIELDS}
    source.check_crc()
    code, choices = values.pop("format"), dict[str, Any]()
    for choice in FORMAT:
        number = code & (1 << choice.bits) - 1
        if number >= len(choice.values):
            raise InputError(f"header: unknown {choice.name} code {number}")
        choices[choice.name] = choice.values[number]
        code >>= choice.bits
    fingerprint = values.pop("fingerprint").to_bytes(FINGERPRINT_BYTES, "little")
    denominator = values.pop("rate_denominator")
    if not denominator:
        raise InputError("header: frame rate with denominator 0")
    rate = Fraction(values.pop("rate_numerator"), denominator)
    return Header(**values, **choices, fingerprint=fingerprint, rate=rate)
