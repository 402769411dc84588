"""All codecs that there are; a new one is a file, and a line here or a call of `add`."""

from kbvc_jax.models.codecs.compensated import CompensatedCodec
from kbvc_jax.models.codecs.contract import FrameCodec
from kbvc_jax.models.codecs.image import ImageCodec
from kbvc_jax.models.codecs.kernel import KernelCodec
from kbvc_jax.models.codecs.motion.codec import MotionCodec
from kbvc_jax.models.codecs.motion.fine.codec import FineCodec
from kbvc_jax.models.codecs.moved import MovedCodec
from kbvc_jax.models.codecs.numbers import NAMES
from kbvc_jax.models.codecs.predicted import PredictedCodec
from kbvc_jax.models.codecs.ssf import SsfCodec

CODECS: dict[str, type[FrameCodec]] = {
    "image": ImageCodec,
    "kernel": KernelCodec,
    "predicted": PredictedCodec,
    "motion": MotionCodec,
    "fine": FineCodec,
    "ssf": SsfCodec,
    "moved": MovedCodec,
    "compensated": CompensatedCodec,
}


def add(name: str, codec: type[FrameCodec]) -> None:
    CODECS[name] = codec
    if name not in NAMES:
        NAMES.append(name)
