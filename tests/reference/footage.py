"""Real symbols with their tables, of the bundled clip.

The shipped network's; and, since those never leave their tables, those of a small transform codec.
"""

from pathlib import Path

import av
import numpy as np

import kbvc_jax
from kbvc_jax.coding.tables import Tables, clamp_certain, gaussian_tables, tables_from_pmf
from kbvc_jax.encoder.group import Settings, code_image
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.models.codecs.motion.estimation import Source
from kbvc_jax.rate import BEST

CLIP = Path(kbvc_jax.__file__).parent / "assets" / "bunny.mp4"
BLOCK, STEP = 8, 2.0
SCALES = np.geomspace(0.11, 256, 64)


def luma(frames: int) -> np.ndarray:
    with av.open(str(CLIP)) as container:
        decoded = [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]
    return np.stack(decoded[:frames]).astype(np.float64)


def coefficients(pictures: np.ndarray) -> np.ndarray:
    """Cosine transforms of blocks: (pictures, rows, columns, channels)."""
    k = np.arange(BLOCK)
    basis = np.cos(np.pi * (k[None] + 0.5) * k[:, None] / BLOCK) * np.sqrt(2 / BLOCK)
    basis[0] /= np.sqrt(2)
    count, height, width = pictures.shape
    blocks = pictures.reshape(count, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    transformed = np.einsum("ua,nyaxb,vb->nyxuv", basis, blocks, basis)
    return np.rint(transformed.reshape(*transformed.shape[:3], -1) / STEP).astype(np.int32)


def network_calls() -> list[tuple[np.ndarray, np.ndarray, Tables]]:
    """z and y of I-frames at the highest quality."""
    inference = kbvc_jax.load().inference
    network = EncoderNetwork(inference, 8)
    with kbvc_jax.open_video(CLIP, frames=12) as video:
        best = Settings(BEST, ("predicted",), ("predicted",), "rate")
        coded = [code_image(network, [Source(frame)], 0, best).coded[0] for frame in video]
    return [
        (
            np.concatenate([np.asarray(frame.symbols[latent.name]).ravel() for frame in coded]),
            np.concatenate([np.asarray(frame.tables[latent.name]).ravel() for frame in coded]),
            network.tables_of[latent.tables],
        )
        for latent in network.latents("image", coded[0].batch.size)
    ]


def transform_calls() -> list[tuple[np.ndarray, np.ndarray, Tables]]:
    """z, which says how large the coefficients of 4x4 blocks are; then y, the coefficients."""
    pictures = luma(9)
    residuals = pictures[1:-1] - (pictures[:-2] + pictures[2:]) / 2
    y = coefficients(residuals - residuals.mean())
    y = y[:, : y.shape[1] // 4 * 4, : y.shape[2] // 4 * 4]
    count, rows, columns, channels = y.shape
    regions = np.abs(y).reshape(count, rows // 4, 4, columns // 4, 4, channels).mean((2, 4))
    z = np.rint(2 * np.log2(regions + 0.05)).astype(np.int32)
    indexes = np.searchsorted(SCALES, 1.2 * 2 ** (z / 2)).clip(0, 63)
    indexes = indexes.repeat(4, 1).repeat(4, 2).astype(np.uint8).ravel()
    y_tables = gaussian_tables(list(SCALES))
    return [
        (z.ravel(), np.broadcast_to(np.arange(channels), z.shape).ravel(), channel_tables(z)),
        (clamp_certain(y.ravel(), indexes, y_tables), indexes, y_tables),
    ]


def channel_tables(z: np.ndarray) -> Tables:
    """A table for each channel, learned from every other picture: the rest brings surprises."""
    pmfs, offsets = [], []
    for channel in np.moveaxis(z[::2], -1, 0):
        low = int(channel.min())
        counts = np.bincount((channel - low).ravel())
        pmfs.append(counts / (counts.sum() + 1))
        offsets.append(low)
    return tables_from_pmf(pmfs, offsets)
