"""The codecs that ours is measured beside: random access, same frames, same intra period."""

from kbvc_jax.evaluation.anchors import ffmpeg, libraries, reference
from kbvc_jax.evaluation.config import EvaluationConfig
from kbvc_jax.evaluation.contender import Contender
from kbvc_jax.runtime.errors import InputError

NAMES = (*libraries.NAMES, *ffmpeg.NAMES, *reference.NAMES)


def anchors(config: EvaluationConfig) -> list[Contender]:
    """In the order of the config; what is not installed is refused before anything runs."""
    out: list[Contender] = []
    for name in config.anchors.codecs:
        for room in (libraries, ffmpeg, reference):
            if name in room.NAMES:
                out.append(room.anchor(name, config))
                break
        else:
            raise InputError(f"anchors.codecs={name}: unknown; there are {', '.join(NAMES)}")
    return out
