"""MCL-JCV, thirty 1080p sequences of five seconds (Wang et al. 2016).

    python eval.py --config=configs/mcl_jcv.py --config.data=/data/mcl_jcv

Expects videoSRC01 to videoSRC30, as videoSRC01_1920x1080_30.yuv. Raw files are read as BT.709 full
range. The paper reports a BD-rate of -32.75 % against scale-space flow (Table 1).
"""

from kbvc_jax.evaluation.config import EvaluationConfig, Sequence, SequenceSet

SECONDS = 5
SLOWER = {25: (5, 6, 7, 8, 9, 18, 20), 24: (17, 21, 22, 23, 24, 25, 29)}  # the others: 30 fps


def get_config() -> EvaluationConfig:
    rates = {number: rate for rate, numbers in SLOWER.items() for number in numbers}
    sequences = tuple(
        Sequence(f"videoSRC{number:02d}", 1920, 1080, SECONDS * rate, rate)
        for number in range(1, 31)
        for rate in (rates.get(number, 30),)
    )
    return EvaluationConfig(
        set=SequenceSet("MCL-JCV", "http://mcl.usc.edu/mcl-jcv-dataset/", sequences)
    )
