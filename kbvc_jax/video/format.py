"""What a video is, besides its samples."""

import dataclasses
from fractions import Fraction

from kbvc_jax.runtime.errors import InputError

MATRICES = ("601", "709", "2020")
CHROMAS = ("420", "422", "444", "400")
SITINGS = ("left", "centre", "topleft")
MIN_EXTENT, MAX_WIDTH, MAX_HEIGHT = 16, 8192, 4320


@dataclasses.dataclass(frozen=True)
class VideoFormat:
    width: int
    height: int
    rate: Fraction  # frames a second
    matrix: str  # of MATRICES
    full_range: bool
    bit_depth: int  # 8 or 10
    chroma: str  # of CHROMAS; "400" is grey
    siting: str = "left"  # of 4:2:0 chroma samples

    def __post_init__(self):
        if not (MIN_EXTENT <= self.width <= MAX_WIDTH and MIN_EXTENT <= self.height <= MAX_HEIGHT):
            raise InputError(
                f"{self.width}x{self.height} frames: must be from {MIN_EXTENT}x{MIN_EXTENT} "
                f"to {MAX_WIDTH}x{MAX_HEIGHT}"
            )
        if self.rate <= 0:
            raise InputError(f"frame rate {self.rate}: must be above 0")
        if self.bit_depth not in (8, 10):
            raise InputError(f"bit depth {self.bit_depth}: must be 8 or 10")
        for name, value, known in (
            ("colour matrix", self.matrix, MATRICES),
            ("chroma format", self.chroma, CHROMAS),
            ("chroma siting", self.siting, SITINGS),
        ):
            if value not in known:
                raise InputError(f"{name} {value}: must be one of {', '.join(known)}")

    @property
    def peak(self) -> int:
        return 2**self.bit_depth - 1

    @property
    def plane_shapes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of Y, U and V; of Y alone for grey."""
        luma = (self.height, self.width)
        if self.chroma == "400":
            return (luma,)
        rows = -(-self.height // 2) if self.chroma == "420" else self.height
        columns = self.width if self.chroma == "444" else -(-self.width // 2)
        return luma, (rows, columns), (rows, columns)

    @property
    def frame_bytes(self) -> int:
        samples = sum(rows * columns for rows, columns in self.plane_shapes)
        return samples * (2 if self.bit_depth > 8 else 1)
