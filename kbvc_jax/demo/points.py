"""A point of the demo: what a file cost and how close it came."""

from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8


class Point(NamedTuple):
    codec: str
    setting: str
    bytes: int
    pixels: int  # of all frames
    psnr: float  # dB, RGB, mean over frames
    seconds: float  # to encode and decode
    picture: UInt8[np.ndarray, "h w 3"]  # one decoded frame

    @property
    def bits_per_pixel(self) -> float:
        return self.bytes * 8 / self.pixels

    @property
    def rate_distortion(self) -> tuple[float, float]:
        return self.bits_per_pixel, self.psnr


def table(points: list[Point], frames: int) -> str:
    rows = [f"{'codec':6} {'setting':>8} {'bytes':>9} {'bits/pixel':>10} {'PSNR dB':>8} {'fps':>7}"]
    rows += [
        f"{p.codec:6} {p.setting:>8} {p.bytes:9,} {p.bits_per_pixel:10.4f} {p.psnr:8.2f} "
        f"{frames / p.seconds:7.2f}"
        for p in points
    ]
    return "\n".join(rows)
