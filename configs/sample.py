"""The bundled clip against x264, x265 and SVT-AV1: the default, to see that everything works.

    python eval.py

A few minutes on 2 cores. 33 frames of an animated film say little about a codec: see uvg.py,
hevc_b.py, mcl_jcv.py.
"""

from kbvc_jax.evaluation.config import AnchorConfig, EvaluationConfig, SequenceSet


def get_config() -> EvaluationConfig:
    return EvaluationConfig(
        set=SequenceSet("sample"),
        # The qualities that the shipped weights reach: curves compare where they overlap.
        anchors=AnchorConfig(
            codecs=("x264", "x265", "svt-av1"), quantisers=(27.0, 32.0, 37.0, 42.0, 47.0)
        ),
    )
