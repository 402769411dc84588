"""HEVC class B, the five 1080p sequences of the common test conditions (JCTVC-L1100).

    python eval.py --config=configs/hevc_b.py --config.data=/data/hevc_b

The sequences are given out by the JCT-VC to its members. Raw files are read as BT.709 full range.
The paper shows curves alone for this set (Figure 5).
"""

from kbvc_jax.evaluation.config import EvaluationConfig, Sequence, SequenceSet

# Name: frames, frames a second.
SEQUENCES = {
    "BasketballDrive": (500, 50),
    "BQTerrace": (600, 60),
    "Cactus": (500, 50),
    "Kimono1": (240, 24),
    "ParkScene": (240, 24),
}


def get_config() -> EvaluationConfig:
    sequences = tuple(Sequence(name, 1920, 1080, *row) for name, row in SEQUENCES.items())
    origin = "the JCT-VC's common test conditions (JCTVC-L1100), class B"
    return EvaluationConfig(set=SequenceSet("HEVC class B", origin, sequences))
