"""The second paper's network at a twelfth of its multiply-adds: for its ablations, on CPUs.

    python benchmarks/ablations.py runs/ablations --init-from kbvc_jax/weights --root packs

Packs as in small.py; the I-frame codec and the interpolator are those that ship. Three stages:
FlowNet without labels, the motion, then motion and frames together, all on triplets.
"""

import dataclasses

from configs import small
from kbvc_jax.models.config import FineConfig
from kbvc_jax.training.config import CheckpointConfig, LossConfig, OptimiserConfig
from kbvc_jax.training.recipe import Recipe, StageConfig

MODEL = dataclasses.replace(
    small.MODEL,
    fusion_channels=0,
    b_frames="fine",
    p_frames="fine",
    fine=FineConfig(
        flow_channels=(12, 16, 12, 8),
        motion_channels=16,
        context_channels=(12, 16, 24),
        latent_channels=48,
    ),
)
TRIPLETS = dataclasses.replace(small.DATA, frames=3, stride=(1, 6), crop=(192, 192), batch_size=2)
FLOW = dataclasses.replace(
    small.CODEC,
    stage="flow",
    model=MODEL,
    b_frames="fine",
    data=TRIPLETS,
    loss=LossConfig(ramp_start=0.5, ramp_steps=500),
    optimiser=OptimiserConfig(learning_rate=1e-3, warmup_steps=50, decay_steps=1400),
    validation=dataclasses.replace(
        small.validation(500, frames=3, stride=(2, 2), crop=(256, 384)),
        qualities=(20.0, 45.0, 70.0, 95.0),
    ),
    checkpoint=CheckpointConfig(every=250),
    steps=1500,
)
MOTION = dataclasses.replace(
    FLOW,
    stage="motion",
    loss=LossConfig(ramp_start=0.3, ramp_steps=100),
    optimiser=OptimiserConfig(learning_rate=1e-3, warmup_steps=50, decay_steps=200),
    steps=250,
)
JOINT = dataclasses.replace(
    MOTION,
    stage="joint",
    loss=LossConfig(fall=(6.0, 60.0), ramp_start=0.3, ramp_steps=100),
    optimiser=OptimiserConfig(learning_rate=5e-4, warmup_steps=50, decay_steps=250),
    steps=300,
)


def get_config() -> Recipe:
    return Recipe(
        stages=(
            StageConfig("flow", FLOW),
            StageConfig("motion", MOTION),
            StageConfig("joint", JOINT),
        )
    )
