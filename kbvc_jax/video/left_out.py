"""What a file has that no VideoFormat tells: whoever compresses it should know that it is lost."""

from fractions import Fraction

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

SQUARE = 0.01  # of its side, what a pixel may be longer than high: nobody sees it
# H.273's numbers of transfer functions.
_HDR = {16: "PQ", 18: "HLG"}


def left_out(container: InputContainer, stream: VideoStream, first: VideoFrame) -> list[str]:
    found = ["sound"] if container.streams.audio else []
    if container.streams.subtitles:
        found.append("subtitles")
    if first.rotation:
        found.append(f"a turn by {-first.rotation % 360} degrees")
    if first.interlaced_frame:
        found.append("fields of interlaced frames")
    shape = stream.sample_aspect_ratio
    if shape and abs(shape.numerator / shape.denominator - 1) > SQUARE:
        found.append(f"pixels of shape {shape.numerator}:{shape.denominator}")
    if name := _HDR.get(int(stream.codec_context.color_trc or 0)):
        found.append(f"brightness as {name} (HDR)")
    return found


class Pace:
    """Frames at an even rate: none more than a frame's time from where it would be."""

    def __init__(self, rate: Fraction):
        self.rate = rate
        self._even, self._first, self._count = True, None, 0

    def see(self, frame: VideoFrame) -> bool:
        """Whether this frame, the next one, is the first that breaks it."""
        number, self._count = self._count, self._count + 1
        if not self._even or frame.pts is None or frame.time_base is None:
            return False
        time = frame.pts * Fraction(frame.time_base.numerator, frame.time_base.denominator)
        self._first = time if self._first is None else self._first
        self._even = abs((time - self._first) * self.rate - number) <= 1
        return not self._even
