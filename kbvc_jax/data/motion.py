"""A still set in motion: it pans, zooms and turns, an object cut from another moves over it.

    uniforms --> paths of the camera and of the object --> where each pixel of each frame lies in
    the two pictures --> bilinear samples, the object laid over, exposure --> clip

NumPy arrays on the host and JAX arrays inside jit alike.
"""

import math
from typing import Any, NamedTuple

from jaxtyping import Float, UInt8

UNIFORMS = 29

# Per frame, for the fastest clips; most are far slower.
PAN, ZOOM, TURN = 20.0, 0.02, 0.02  # pixels, octaves / ln 2, radians
OBJECT_SHARE, EXPOSURE_SHARE = 0.75, 0.3


class Path(NamedTuple):
    """A layer at each time: picture = centre + zoom * rotation(angle) * (pixel - shift)."""

    vertical: Float[Any, "T 1 1"]
    horizontal: Float[Any, "T 1 1"]
    zoom: Float[Any, "T 1 1"]
    angle: Float[Any, "T 1 1"]


def animate(
    still: UInt8[Any, "H W 3"],
    other: UInt8[Any, "H2 W2 3"],
    uniforms: Float[Any, "29"],
    frames: int,
    crop: tuple[int, int],
) -> UInt8[Any, "T h w 3"]:
    xp = uniforms.__array_namespace__()
    u = iter(uniforms)
    times = xp.arange(frames, dtype=xp.float32)[:, None, None] - (frames - 1) / 2
    rows = (xp.arange(crop[0], dtype=xp.float32) - (crop[0] - 1) / 2)[None, :, None]
    columns = (xp.arange(crop[1], dtype=xp.float32) - (crop[1] - 1) / 2)[None, None, :]

    camera = _path(xp, u, times)
    centre = _centre(u, still.shape), _centre(u, other.shape)
    clip = _sample(still, *_place(xp, rows, columns, camera, centre[0]))

    # The object carries its outline and its texture along one path of its own.
    course, outline = _path(xp, u, times), _outline(xp, u, crop)
    start = [(next(u) - 0.5) * size for size in crop]
    y, x = _place(xp, rows - start[0], columns - start[1], course, (0, 0))
    inside = outline(y, x) * (next(u) < OBJECT_SHARE)
    texture = _sample(other, centre[1][0] + y, centre[1][1] + x)
    clip = clip + inside[..., None] * (texture - clip)

    change = (next(u) - 0.5) * 0.08 * (next(u) < EXPOSURE_SHARE)
    clip = clip * (1 + change * times)[..., None]
    return xp.clip(xp.round(clip), 0, 255).astype(xp.uint8)


def _path(xp, u, times) -> Path:
    """Steady motion with a little acceleration; its speed favours the slow."""
    speed, heading = PAN * next(u) ** 3, 2 * math.pi * next(u)
    passed = times + 0.1 * (next(u) - 0.5) * times**2
    zoom = 0.9 * (1.6 / 0.9) ** next(u)
    return Path(
        speed * xp.sin(heading) * passed,
        speed * xp.cos(heading) * passed,
        zoom * xp.exp(ZOOM * _signed_cube(next(u)) * passed),
        TURN * _signed_cube(next(u)) * passed + 0.3 * _signed_cube(next(u)),
    )


def _signed_cube(uniform):
    return (2 * uniform - 1) ** 3


def _centre(u, shape):
    return tuple((0.2 + 0.6 * next(u)) * size for size in shape[:2])


def _place(xp, y, x, path: Path, centre):
    y, x = y - path.vertical, x - path.horizontal
    sine, cosine = path.zoom * xp.sin(path.angle), path.zoom * xp.cos(path.angle)
    return centre[0] + cosine * y - sine * x, centre[1] + sine * y + cosine * x


def _outline(xp, u, crop):
    """A lobed blob: 1 inside, 0 outside, the edge about two pixels wide."""
    radius = min(crop) * (0.08 + 0.3 * next(u))
    stretch = 0.6 + 0.8 * next(u)
    lobes = [(k, 0.25 * next(u) / k, 2 * math.pi * next(u)) for k in (2, 3)]

    def inside(y, x):
        y = y * stretch
        azimuth = xp.arctan2(y, x)
        edge = radius * (1 + sum(a * xp.cos(k * azimuth + phase) for k, a, phase in lobes))
        return xp.clip((edge - xp.sqrt(y * y + x * x)) / 2 + 0.5, 0, 1)

    return inside


def _sample(picture: UInt8[Any, "H W 3"], y, x) -> Float[Any, "T h w 3"]:
    """Bilinear; beyond its edges the picture is mirrored."""
    xp = y.__array_namespace__()
    height, width = picture.shape[:2]
    pixels = picture.reshape(height * width, 3)
    top, left = xp.floor(y), xp.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    rows = [_mirror(xp, top.astype(xp.int32) + k, height) for k in (0, 1)]
    columns = [_mirror(xp, left.astype(xp.int32) + k, width) for k in (0, 1)]

    def along(row):
        a, b = (pixels[row * width + column].astype(xp.float32) for column in columns)
        return a + right * (b - a)

    above, below = along(rows[0]), along(rows[1])
    return above + down * (below - above)


def _mirror(xp, index, size):
    index = xp.remainder(index, 2 * size)
    return xp.where(index < size, index, 2 * size - 1 - index)
