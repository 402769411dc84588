"""What a stream may ask of its reader: a few bytes can promise more than a machine has."""

from typing import NamedTuple

from kbvc_jax.coding.header import Header
from kbvc_jax.runtime.errors import InputError


class Limits(NamedTuple):
    """The most that is accepted."""

    pixels: int = 2**25
    """Of a frame; 8K UHD has 33,177,600."""
    frames: int = 2**20
    """Of a stream; almost five hours at 60 a second."""

    def check(self, header: Header) -> None:
        if (pixels := header.width * header.height) > self.pixels:
            raise InputError(
                f"{header.width}x{header.height} are {pixels:,} pixels a frame; at most "
                f"{self.pixels:,} are read, more with --max-pixels"
            )
        self.check_frames(header.frame_count)

    def check_frames(self, frames: int) -> None:
        if frames > self.frames:
            raise InputError(
                f"{frames:,} frames or more; at most {self.frames:,} are read, more with "
                "--max-frames"
            )


USUAL = Limits()
UNLIMITED = Limits(2**32, 2**64)  # for what decodes nothing
