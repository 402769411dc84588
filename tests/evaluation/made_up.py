"""Results without a measurement, for the code that only reads them."""

import dataclasses
import json

from kbvc_jax.evaluation.conditions import DEFINITIONS
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.results import Point, Results

FRAMES, PIXELS = 5, 5 * 416 * 240
OURS = {"kind": "kbvc", "gop": 8, "b_frames": "kernel"}


def description(name: str) -> dict:
    return {
        "name": name,
        "width": 416,
        "height": 240,
        "frames": FRAMES,
        "rate": "24",
        "matrix": "709",
        "full_range": False,
        "bit_depth": 8,
        "chroma": "420",
        "siting": "left",
        "first_frame": "00",
    }


def point(codec: str, sequence: str, setting: float, size: int, psnr: float) -> Point:
    levels = [0, 2, 1, 2, 0]
    share = 8 * size / FRAMES
    return Point(
        codec=codec,
        sequence=sequence,
        setting=float(setting),
        bytes=size,
        pixels=PIXELS,
        sha256="00",
        encode_seconds=1.0,
        decode_seconds=0.5,
        made_by="nobody",
        frames={
            "kind": ["I" if level == 0 else "B" for level in levels],
            "level": levels,
            "bits_y": [0.9 * share] * FRAMES,
            "bits_z": [0.1 * share] * FRAMES,
            "bits": [share] * FRAMES,
            "psnr": [psnr] * FRAMES,
            "psnr_y": [psnr + 1] * FRAMES,
            "psnr_u": [psnr + 2] * FRAMES,
            "psnr_v": [psnr + 3] * FRAMES,
            "ms_ssim": [1 - 10 ** (-psnr / 20)] * FRAMES,
        },
    )


def curve_points(codec: str, sequence: str, rate: float) -> list[Point]:
    """A straight curve in the logarithm of the rate."""
    return [point(codec, sequence, q, round(rate * 1000 * 2**q), 30.0 + 3 * q) for q in range(5)]


def _is_ours(name: str) -> bool:
    return name.startswith(("ours", "kbvc"))


def results(
    codecs: dict[str, float], sequences: tuple[str, ...] = ("one",), set_name: str = "made up"
) -> Results:
    """{codec: how much more rate than 1 it takes for the same quality}."""
    return Results(
        set=set_name,
        conditions={
            "set": set_name,
            "gop": 8,
            "intra_period": 8,
            "sequences": [description(name) for name in sequences],
            "metrics": ["psnr", "psnr_yuv", "ms_ssim"],
            "definitions": DEFINITIONS,
        },
        environment={
            "command": "python eval.py",
            "config": json.loads(json.dumps(dataclasses.asdict(EvaluationConfig()))),
            "version": "0",
            "commit": "0",
            "libraries": {"jax": "0"},
            "python": "3",
            "devices": ["cpu"],
            "machine": "one",
        },
        codecs=[
            {"name": name, "setting": "quality"} | (OURS if _is_ours(name) else {"kind": "anchor"})
            for name in codecs
        ],
        points=[
            p
            for sequence in sequences
            for codec, rate in codecs.items()
            for p in curve_points(codec, sequence, rate)
        ],
    )
