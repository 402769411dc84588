"""A file of a wanted rate: the whole source coded at one quality after another."""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.encoder.rate_search import CLOSE, search_quality
from kbvc_jax.rate import MAX_QUALITY, Quality, number_of
from kbvc_jax.runtime.errors import InputError

if TYPE_CHECKING:
    from kbvc_jax.summary import EncodeSummary

Encode = Callable[[float, BinaryIO], "EncodeSummary"]  # at a quality, to a file


@dataclasses.dataclass(frozen=True)
class RateTarget:
    """One of the two."""

    bitrate: float | None = None  # bits a second
    size: float | None = None  # bytes

    def __post_init__(self):
        if (self.bitrate is None) == (self.size is None):
            raise InputError("a bitrate and a target size: one of them is enough")
        if self.wanted <= 0:
            raise InputError(f"{self.say(self.wanted)} wanted: must be above 0")

    @staticmethod
    def of(quality: float | None, bitrate: float | None, size: float | None) -> "RateTarget | None":
        """None: by the quality, or the usual one."""
        if bitrate is None and size is None:
            return None
        if quality is not None:
            raise InputError(f"quality {quality:g} and a wanted rate: only one can be met")
        return RateTarget(bitrate, size)

    @property
    def wanted(self) -> float:
        return self.bitrate or self.size or 0

    def rate_of(self, summary: "EncodeSummary") -> float:
        return summary.bytes if self.bitrate is None else 1000 * summary.kilobits_per_second

    def say(self, rate: float) -> str:
        return f"{rate:,.0f} bytes" if self.bitrate is None else f"{rate / 1000:,.1f} kb/s"

    def check_source(self, source: str | Path) -> None:
        path = Path(source)
        if str(source) == "-" or (path.exists() and not (path.is_file() or path.is_dir())):
            raise InputError(
                f"{source}: a wanted rate takes several passes over the source, and a pipe can be "
                "read only once; name a file"
            )

    def check_model(self, options: EncoderOptions) -> None:
        """By its own options."""
        if options.quality is None:
            raise InputError(
                f"{self.say(self.wanted)} wanted: this model was trained for one lambda and has "
                "one quality; leave it out, or take the model of another lambda"
            )

    def encode(self, encode: Encode, file: BinaryIO) -> "EncodeSummary":
        """To `file` goes what `encode` makes of the quality found."""
        with tempfile.TemporaryFile() as coded:
            summary: "EncodeSummary | None" = None

            def rate_of(quality: Quality) -> float:
                nonlocal summary
                coded.seek(0)
                coded.truncate()
                summary = encode(number_of(quality), coded)
                return self.rate_of(summary)

            found = search_quality(rate_of, self.wanted)
            if found.quality == 0 and found.excess > 0 and not found.close:
                raise InputError(
                    f"quality 0 takes {self.say(found.rate)}, more than the "
                    f"{self.say(self.wanted)} wanted; ask for more, or for fewer or smaller frames"
                )
            if summary is None or summary.quality != number_of(found.quality):
                rate_of(found.quality)
            assert summary is not None
            coded.seek(0)
            shutil.copyfileobj(coded, file)
        return summary

    def missed(self, summary: "EncodeSummary") -> str | None:
        """What to say where the rate is not the wanted one."""
        rate = self.rate_of(summary)
        if abs(rate / self.wanted - 1) <= CLOSE:
            return None
        best = rate < self.wanted and summary.quality == MAX_QUALITY
        how = "less than" if best else "the nearest to"
        took = f"quality {summary.quality:g} takes {self.say(rate)}"
        return f"{took}, {how} the {self.say(self.wanted)} wanted"
