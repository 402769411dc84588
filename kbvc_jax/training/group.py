"""One group of pictures, coded as the codec codes it: I0 B2 B1 B2 I0, or I0 B2 B1 B2 P, or I0 P P
P P by a codec of P-frames alone.

    I-frames (one batch) --- P-frame --- depth 1 of the hierarchy --- depth 2 (one batch) --- ...

Every reference is a reconstruction, and gradients flow through all of them. Functions see a single
group: the caller maps them over a batch, each group with its own qualities and its own key.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt8

from kbvc_jax.codec.batch import INTRA, closing_distances
from kbvc_jax.codec.schedule import BFrame, hierarchy
from kbvc_jax.models.codecs.contract import Decoded, FrameCodec, Size, Values
from kbvc_jax.models.codecs.motion.estimation import Source
from kbvc_jax.models.codecs.numbers import IMAGE, NAMES, ONE_SIDED
from kbvc_jax.models.codecs.registry import CODECS
from kbvc_jax.models.codecs.walk import Estimated, estimate
from kbvc_jax.models.config import Rounding
from kbvc_jax.models.hyperprior import Rate
from kbvc_jax.models.kbvc import Kbvc

# A batch as it is coded: its codec, references, latents and rates.
Note = Callable[[FrameCodec, Sequence[Decoded], Values, Rate], None]


class CodedGroup(NamedTuple):
    """Per frame, in display order."""

    frames: Float[Array, "t h w 3"]  # as the decoder's arithmetic left them, not clipped
    bits_y: Float[Array, "t"]  # of each codec's last latent
    bits_z: Float[Array, "t"]  # of all before


class Depth(NamedTuple):
    """Frames that are coded as one batch."""

    codec: str
    times: Sequence[int]
    references: Sequence[Sequence[int]]  # times: of all frames on one side, then on the other
    levels: Sequence[int]
    distances: Sequence[tuple[int, int]]
    ways: Sequence[Sequence[Sequence[int]]]  # times, as `references`, to each: the nearest first


def b_frames_of(frames: int) -> list[BFrame]:
    """Of a group, in coding order."""
    return [frame for depth in hierarchy(frames - 1) for frame in depth]


def depths_of(frames: int, b_frames: str, p_frames: str | None = None) -> list[Depth]:
    """Of a group, in coding order; I-frames come first. `p_frames`: see TrainConfig."""
    if b_frames in ONE_SIDED:
        return [_images([0]), *(_p_frame(b_frames, t - 1, t) for t in range(1, frames))]
    last = frames - 1
    ends = [_images([0]), _p_frame(p_frames, 0, last)] if p_frames else [_images([0, last])]
    between = [
        Depth(
            b_frames,
            [f.time for f in depth],
            [[f.previous for f in depth], [f.following for f in depth]],
            [f.level for f in depth],
            [f.distances for f in depth],
            [[f.ways[side] for f in depth] for side in range(2)],
        )
        for depth in hierarchy(last)
    ]
    return [*ends, *between]


def _images(times: Sequence[int]) -> Depth:
    return Depth(NAMES[IMAGE], times, [], [INTRA] * len(times), [], [])


def _p_frame(codec: str, previous: int, time: int) -> Depth:
    distances, way = closing_distances(time - previous), range(time, previous - 1, -1)
    return Depth(codec, [time], [[previous]], [INTRA], distances, [[way]])


def with_observed(depths: Sequence[Depth], frames: UInt8[np.ndarray, "b t h w 3"]) -> Any:
    """And what the codecs find out on the host of the frames of each depth, if anything, by source
    frames."""
    rows = [depth for depth in depths if CODECS[depth.codec].observes]
    if not rows:
        return frames
    groups = [[Source(frame) for frame in group] for group in frames]
    found = [[observed(depth, group) for depth in rows] for group in groups]
    return frames, tuple(np.stack(depth) for depth in zip(*found, strict=True))


def observed(
    depth: Depth, group: Sequence[Source], decoded: UInt8[np.ndarray, "t h w 3"] | None = None
) -> np.ndarray:
    """By these references; without, by source frames."""
    frames = np.stack([source.frame for source in group]) if decoded is None else decoded
    return CODECS[depth.codec].observe(
        [[[group[t] for t in way] for way in side] for side in depth.ways],
        [frames[list(side)] for side in depth.references],
    )


def frames_and_observed(group: Any) -> tuple[Any, Any]:
    """Frames, and what is known of them besides."""
    return group if isinstance(group, tuple) else (group, None)


def code_group(
    model: Kbvc,
    frames: Float[Array, "t h w 3"],
    quality: Float[Array, "t"],
    key: PRNGKeyArray | None = None,
    *,
    b_frames: str | None = None,
    p_frames: str | None = None,
    observed: Sequence[Float[Array, "_ ..."]] | None = None,
    rounding: Rounding = "nearest",
    alone: Bool[Array, ""] | bool = False,
    remat: bool = False,
    note: Note | None = None,
) -> CodedGroup:
    """With a key: bits under noise, for training. Without: symbols and references as in a file.

    `b_frames`: the codec of all but I-frames, the model's own if None; `p_frames`: that of the
    closing frame, None for an I-frame; `observed`: see `with_observed`; `alone`: each is coded from
    its previous reference only. `note` sees each batch."""
    size = Size(*frames.shape[1:3])
    depths = depths_of(len(frames), b_frames or model.config.inter_codec, p_frames)
    codecs = {depth.codec: model.codec(depth.codec, size) for depth in depths}
    coded: dict[int, tuple[Array, Array, Array]] = {}
    decoded: dict[int, Decoded] = {}  # batches of one

    observing = [number for number, d in enumerate(depths) if CODECS[d.codec].observes]

    def code(codec: FrameCodec, depth: int, times: Sequence[int], rate: Rate, *sides: Decoded):
        own = None
        if observed is not None and codec.observes:
            own = observed[observing.index(depth)]
        depth_key = None if key is None else jax.random.fold_in(key, depth)

        def batch(source: Array, sides: Sequence[Decoded]) -> Estimated:
            return estimate(codec, source, sides, rate, depth_key, observed=own, rounding=rounding)

        source = frames[jnp.array(times)]
        shown, known, bits = (jax.checkpoint(batch) if remat else batch)(source, sides)
        if note:
            note(codec, sides, known, rate)
        *before, bits_y = (bits[latent.name] for latent in codec.latents)
        bits_z = sum(before, jnp.zeros(len(times)))
        seen = Decoded(displayed(shown.frame, rounded=key is None), shown.memory)
        for row, time in enumerate(times):
            coded[time] = shown.frame[row], bits_y[row], bits_z[row]
            decoded[time] = jax.tree.map(lambda part, row=row: part[row : row + 1], seen)

    def side(codec: FrameCodec, times: Sequence[int]) -> Decoded:
        seen = [
            Decoded(own.frame, codec.recalled(own.memory, model.config, size))
            if codec.needs_memory
            else Decoded(own.frame, None)
            for own in (decoded[time] for time in times)
        ]
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), *seen)

    for number, depth in enumerate(depths):
        codec = codecs[depth.codec]
        told_apart, levels = codec.levels, jnp.array(depth.levels)
        rate = Rate(
            quality[jnp.array(depth.times)],
            jnp.clip(levels, told_apart.start, told_apart.stop - 1),
        )
        sides = [side(codec, times) for times in depth.references]
        if sides:
            sides[1:] = [
                jax.tree.map(lambda a, b: jnp.where(alone, b, a), after, sides[0])
                for after in sides[1:]
            ]
            distances = jnp.array(depth.distances)
            rate = rate._replace(distances=jnp.where(alone, distances[:, :1], distances))
        code(codec, number, depth.times, rate, *sides)
    in_order = [coded[time] for time in range(len(frames))]
    return CodedGroup(*(jnp.stack(part) for part in zip(*in_order, strict=True)))


def displayed(frame: Float[Array, "*t h w 3"], *, rounded: bool) -> Float[Array, "*t h w 3"]:
    frame = jnp.clip(frame, 0, 1)
    return jnp.round(frame * 255) / 255 if rounded else frame
