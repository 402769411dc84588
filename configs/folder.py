"""Every clip (y4m, mp4, mkv, mov, webm) of a folder of yours.

    python eval.py --config=configs/folder.py --config.data=FOLDER

The set is called after the folder; --config.set.name=NAME calls it otherwise.
"""

from kbvc_jax.evaluation.config import AnchorConfig, EvaluationConfig


def get_config() -> EvaluationConfig:
    return EvaluationConfig(data="clips", anchors=AnchorConfig(codecs=("x264", "x265", "svt-av1")))
