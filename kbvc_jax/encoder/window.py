"""A span of frames: its groups coded, in one way or another."""

import dataclasses
from collections.abc import Iterable, Iterator

from kbvc_jax.codec.ahead import Kind
from kbvc_jax.codec.batch import Picture
from kbvc_jax.encoder.ahead import EncoderAhead
from kbvc_jax.encoder.gop_choice import Group
from kbvc_jax.encoder.group import (
    CodedDepth,
    Settings,
    code_b_frames,
    code_image,
)
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.span import Span
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.numbers import IMAGE, NAMES


class Window:
    """Codes groups of one span; those that end alike share the frame that closes them."""

    def __init__(
        self,
        network: EncoderNetwork,
        span: Span,
        opening: Picture | None,
        settings: Settings,
    ):
        self.settings = settings
        self._network, self._span, self._sources = network, span, span.sources
        EncoderAhead.compile(network, self._kinds(opening), settings.rounding)
        self.first: CodedDepth | None = None
        if opening is None:
            self.first = code_image(network, self._sources[:1], 0, settings)
            opening = self.first.pictures[0]
        self._opening = opening
        self._closing = dict[tuple[Group | None, int], CodedDepth]()
        self._in_a_row = dict[tuple[int, int, int, Group | None], Group]()

    def code(self, group: Group, before: Group | None) -> Group:
        return self._in_a_row.get(_key(group, before)) or self._code(group, before)

    def _code(self, group: Group, before: Group | None) -> Group:
        opening = before.closing if before else self._opening
        closing, length = self._image(group, before, opening), group.end - group.start
        b_frames = code_b_frames(
            self._network,
            opening,
            closing.pictures[0],
            self._sources[group.start : group.end + 1],
            group.level_offsets,
            self.settings,
        )
        depths = [dataclasses.replace(closing, times=(length,)), *b_frames]
        return dataclasses.replace(group, depths=depths)

    def code_all(self, groups: Iterable[Group]) -> list[Group]:
        """In a row, where they are not yet, and kept: `code` may be asked for them again."""
        coded = list[Group]()
        for group in groups:
            before = coded[-1] if coded else None
            coded.append(group if group.depths else self.code(group, before))
            self._in_a_row[_key(group, before)] = coded[-1]
        return coded

    def depths(self, groups: Iterable[Group]) -> list[CodedDepth]:
        """Of all, with the first frame where it is not another span's last."""
        first = [self.first] if self.first else []
        return [*first, *(depth for group in groups for depth in group.depths)]

    def _kinds(self, opening: Picture | None) -> Iterator[Kind]:
        """Of the frames that there will be."""
        size = Size(*self._span.frames[0].shape[:2])
        if opening is None or self._span.ends_intra:
            yield Kind(NAMES[IMAGE], size, 0)
        if self._span.end and not self._span.ends_intra:
            yield from (Kind(codec, size, 1) for codec in self.settings.p_frames)
        if self._span.end > 1:
            yield from (Kind(codec, size, 2) for codec in self.settings.b_frames)

    def _image(self, group: Group, before: Group | None, opening: Picture) -> CodedDepth:
        """Predicted from the one before it, but where the span ends with an I-frame."""
        time, intra = group.end, self._span.ends_intra and group.end == self._span.end
        key = (None if intra else before, time)
        if key not in self._closing:
            way = self._sources[time if intra else group.start : time + 1][::-1]
            reference = None if intra else opening
            self._closing[key] = code_image(self._network, way, time, self.settings, reference)
        return self._closing[key]


def _key(group: Group, before: Group | None) -> tuple[int, int, int, Group | None]:
    return group.start, group.end, group.fall, before
