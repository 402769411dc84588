"""Pictures and video files to RGB arrays. PyAV is used where it is installed, OpenCV elsewhere."""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from etils import epath
from jaxtyping import UInt8
from PIL import Image

Frames = UInt8[np.ndarray, "T H W 3"]


class BrokenError(Exception):
    """One clip that cannot be read: its name and why."""


def read_picture(path: str) -> UInt8[np.ndarray, "H W 3"]:
    try:
        return decode_picture(epath.Path(path).read_bytes())
    except Exception as error:  # Pillow raises SyntaxError, struct.error and more
        raise BrokenError(f"{path}: {error}") from error


def decode_picture(data: bytes) -> UInt8[np.ndarray, "H W 3"]:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def video_length(path: str) -> tuple[int, float]:
    """Frames, as far as the container tells without decoding, and frames a second."""
    import av

    try:
        with epath.Path(path).open("rb") as file, av.open(file, "r") as container:
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 25)
            if stream.frames:
                return stream.frames, rate
            if stream.duration and stream.time_base:
                return int(stream.duration * stream.time_base * rate), rate
            return int((container.duration or 0) / av.time_base * rate), rate
    except (OSError, ValueError, IndexError) as error:  # PyAV's errors are both of these
        raise BrokenError(f"{path}: {error}") from error


def read_video(path: str, times: Sequence[int], rate: float) -> Frames:
    """The frames at these numbers, in this order; seeks to the key frame before the first."""
    import av

    wanted, found = set(times), {}
    try:
        with epath.Path(path).open("rb") as file, av.open(file, "r") as container:
            stream = container.streams.video[0]
            start, base = stream.start_time or 0, stream.time_base
            assert base is not None
            container.seek(start + int(min(wanted) / rate / base), stream=stream)
            for frame in container.decode(stream):
                number = round(float(((frame.pts or 0) - start) * base) * rate)
                if number in wanted:
                    found[number] = frame.to_ndarray(format="rgb24")
                if number >= max(wanted):
                    break
        return np.stack([found[time] for time in times])
    except (OSError, ValueError, IndexError) as error:
        raise BrokenError(f"{path}: {error}") from error
    except KeyError as error:
        raise BrokenError(f"{path}: has no frame {error}") from error


def decode_video(data: bytes, times: Sequence[int]) -> Frames:
    """The same, of a short video in memory, decoded from its beginning."""
    wanted, found = set(times), {}
    for number, frame in enumerate(_decode(data, max(wanted))):
        if number in wanted:
            found[number] = frame()
    return np.stack([found[time] for time in times])


def _decode(data: bytes, last: int):
    """Frames 0 to `last`, each as a function that converts it to RGB."""
    try:
        import av
    except ImportError:
        yield from _decode_with_opencv(data, last)
        return
    with av.open(io.BytesIO(data), "r") as container:
        for number, frame in enumerate(container.decode(video=0)):
            yield lambda frame=frame: frame.to_ndarray(format="rgb24")
            if number == last:
                return


def _decode_with_opencv(data: bytes, last: int):
    import cv2  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder) / "clip").write_bytes(data)  # OpenCV reads nothing but files
        capture = cv2.VideoCapture(str(path))
        for _ in range(last + 1):
            if not capture.grab():
                return
            yield lambda: capture.retrieve()[1][..., ::-1]
