"""Streams of every codec that ships, encoded under one setting and decoded under all others:

    python -m tests.portability [--python OTHER/bin/python ...] [--platforms cpu cuda] [--all]

Of groups of 8 with an I-frame each symbols must be the same, samples within 1 and at most 0.1 % of
them apart; of 65 frames of which the first alone is an I-frame symbols the same and PSNR within
0.01 dB. OTHER is an environment with another JAX; --all encodes under every setting, too.
"""

import argparse
import io
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

import kbvc_jax
from kbvc_jax import selftest
from kbvc_jax.coding.container import StreamReader
from kbvc_jax.evaluation.metrics import psnr

ROOT = Path(__file__).parents[1]
CLIP = selftest.ASSETS.parent / "bunny.mp4"
ROWS, COLUMNS = slice(64, 160), slice(128, 256)
# Of B-frames, each with one of P-frames.
CODECS = {
    "kernel": "predicted",
    "predicted": "predicted",
    "motion": "moved",
    "compensated": "moved",
}
DECIBELS = 0.01
KINDS = {"groups": (17, 8), "chain": (65, 65)}  # frames, from one I-frame to the next
THREADS, SETS = (1, 2, 8), ("AVX512", "AVX2", "SSE4_2")


class Setting(NamedTuple):
    python: str = sys.executable
    platform: str = "cpu"
    threads: int = 1
    instructions: str = ""  # XLA's own choice

    def __str__(self) -> str:
        own = [self.platform, f"{self.threads} threads", self.instructions or "native"]
        return " ".join(own if self.python == sys.executable else [*own, self.python])

    def run(self, *arguments: str | Path) -> str:
        """This module, in a process of its own."""
        flags = f"--xla_cpu_max_isa={self.instructions}" if self.instructions else ""
        # NPROC is XLA's own limit of its threads.
        # As users have it: tests do without most optimisation.
        own = {
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "0",
            "XLA_FLAGS": flags,
            "NPROC": str(self.threads),
            "JAX_PLATFORMS": self.platform,
        }
        done = subprocess.run(
            [self.python, "-m", "tests.portability", *map(str, arguments)],
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if done.returncode:
            raise RuntimeError(f"{self}: {done.stderr}")
        return done.stdout.strip()


class Apart(NamedTuple):
    """What one setting decodes of a stream, against what another does."""

    same_symbols: bool
    most: int  # of samples
    share: np.ndarray  # of samples of each frame
    decibels: float

    @property
    def steady(self) -> bool:
        """As a long chain has to be."""
        return self.same_symbols and abs(self.decibels) <= DECIBELS

    @property
    def alike(self) -> bool:
        """As groups have to be."""
        small = self.most <= selftest.APART and self.share.mean() <= selftest.SHARE
        return self.steady and small

    def __str__(self) -> str:
        symbols = "the same" if self.same_symbols else "OTHERS"
        apart = f"samples within {self.most}, {self.share.mean():.4%} apart"
        return f"symbols {symbols}, {apart}, {self.decibels:+.4f} dB"


def source(count: int) -> np.ndarray:
    """The demo clip to and fro."""
    with kbvc_jax.open_video(CLIP) as video:
        frames = [frame[ROWS, COLUMNS] for frame in video]
    there_and_back = itertools.cycle([*frames, *frames[-2:0:-1]])
    return np.stack(list(itertools.islice(there_and_back, count)))


def encode(
    setting: Setting, path: Path, codec: str, count: int, gop: int, keyint: int | None = None
) -> None:
    setting.run("encode", path, codec, str(count), str(gop), str(keyint or count))


def decode(setting: Setting, path: Path) -> tuple[str, np.ndarray]:
    out = path.with_suffix(".npy")
    return setting.run("decode", path, out), np.load(out).astype(int)


def compare(ours: tuple[str, np.ndarray], theirs: tuple[str, np.ndarray]) -> Apart:
    frames = source(len(ours[1])).astype(int)
    quality = [
        np.mean([psnr(a, b, 255) for a, b in zip(own, frames, strict=True)])
        for _, own in (ours, theirs)
    ]
    apart = np.abs(ours[1] - theirs[1])
    share = (apart > 0).mean((1, 2, 3))
    return Apart(ours[0] == theirs[0], int(apart.max()), share, float(quality[1] - quality[0]))


def settings(pythons: list[str], platforms: list[str]) -> list[Setting]:
    here = [Setting(threads=threads) for threads in THREADS]
    here += [Setting(instructions=own) for own in SETS if own in supported()]
    here += [Setting(python=str(Path(own).absolute())) for own in pythons]
    return here + [Setting(platform=own) for own in platforms if own != "cpu"]


def supported() -> str:
    """Instruction sets of this processor, as Linux names them; elsewhere all are tried."""
    facts = Path("/proc/cpuinfo")
    if not facts.exists():
        return " ".join(SETS)
    flags = facts.read_text()
    return " ".join(own for own in SETS if own.lower() in flags)


def main() -> int:
    if sys.argv[1:2] == ["encode"]:
        path, codec, *numbers = sys.argv[2:]
        count, gop, keyint = map(int, numbers)
        options = {"gop": gop, "keyint": keyint, "b_frames": codec, "p_frames": CODECS[codec]}
        Path(path).write_bytes(kbvc_jax.load().encode(source(count), 60, **options))
        return 0
    if sys.argv[1:2] == ["decode"]:
        path, out = map(Path, sys.argv[2:])
        stream = StreamReader(io.BytesIO(path.read_bytes()))
        symbols, frames = selftest.decode(kbvc_jax.load().inference, stream)
        np.save(out, frames)
        print(symbols)
        return 0

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", nargs="*", default=[], help="of environments with other JAX")
    parser.add_argument("--platforms", nargs="*", default=["cpu"], help="of JAX, beside cpu")
    parser.add_argument("--codecs", nargs="*", default=CODECS, choices=CODECS)
    parser.add_argument("--all", action="store_true", help="encode under every setting")
    arguments = parser.parse_args()
    every, passed = settings(arguments.python, arguments.platforms), True
    encoding = every if arguments.all else every[:1]
    with tempfile.TemporaryDirectory() as folder:
        for codec, one, kind in itertools.product(arguments.codecs, encoding, KINDS):
            path, (count, keyint) = Path(folder) / "clip.kbvc", KINDS[kind]
            encode(one, path, codec, count, 8, keyint)
            ours = decode(one, path)
            for other in (setting for setting in every if setting != one):
                found = compare(ours, decode(other, path))
                fine = found.steady if kind == "chain" else found.alike
                passed &= fine
                verdict = "" if fine else "  FAILED"
                print(f"{codec}, {kind}: {one} -> {other}: {found}{verdict}", flush=True)
    print("passed" if passed else "FAILED")
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
