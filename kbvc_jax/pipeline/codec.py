"""The public codec: arrays, files and streams in, .kbvc out, and back."""

import contextlib
import dataclasses
import io
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import UInt

from kbvc_jax.coding.container import Header, StreamReader, StreamWriter
from kbvc_jax.errors import InputError
from kbvc_jax.models.checkpoint import InferenceModel
from kbvc_jax.models.entropy_model import QUALITY_STEPS
from kbvc_jax.models.rate_control import MAX_QUALITY
from kbvc_jax.pipeline.decoder import decode_gops
from kbvc_jax.pipeline.encoder import encode_gops
from kbvc_jax.pipeline.gop_coder import FrameStatistics
from kbvc_jax.pipeline.network import Network
from kbvc_jax.pipeline.schedule import MAX_GOP
from kbvc_jax.video.format import VideoFormat

Frame = UInt[np.ndarray, "h w 3"]
Progress = Callable[[int, int | None], None]
MIN_EXTENT, MAX_WIDTH, MAX_HEIGHT = 16, 8192, 4320


@dataclasses.dataclass(frozen=True)
class EncodeSummary:
    frames: int
    bytes: int
    seconds: float
    statistics: list[FrameStatistics]  # a row a frame
    squared_error: float | None  # mean over frames of PSNR's square error, where measured

    @property
    def estimated_bits(self) -> float:
        """What the probability tables promise, before headers."""
        return sum(s.bits_y + s.bits_z for s in self.statistics)
