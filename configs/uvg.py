"""UVG, the seven 1080p sequences (Mercat et al. 2020).

    python eval.py --config=configs/uvg.py --config.data=/data/uvg

Expects the 8-bit 4:2:0 files of https://ultravideo.fi/dataset.html, unpacked, under their own names
(as Beauty_1920x1080_120fps_420_8bit_YUV.yuv). Raw files are read as BT.709 full range. The paper
reports a BD-rate of -29.38 % against scale-space flow (Table 1). The anchors take long at this
size: --config.frames=97, fewer of --config.anchors.codecs, or --shard i/n on several machines.
"""

from kbvc_jax.evaluation.config import EvaluationConfig, Sequence, SequenceSet

FRAMES = {
    "Beauty": 600,
    "Bosphorus": 600,
    "HoneyBee": 600,
    "Jockey": 600,
    "ReadySteadyGo": 600,
    "ShakeNDry": 300,
    "YachtRide": 600,
}


def get_config() -> EvaluationConfig:
    sequences = tuple(Sequence(name, 1920, 1080, n, 120) for name, n in FRAMES.items())
    return EvaluationConfig(
        set=SequenceSet("UVG", "https://ultravideo.fi/dataset.html (1080p, 8 bit, YUV)", sequences)
    )
