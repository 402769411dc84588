"""What an encoder compiles ahead: see codec/ahead.py."""

import jax.numpy as jnp
from jax import Array

from kbvc_jax.codec.ahead import Ahead
from kbvc_jax.codec.network import Batch
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.refinement import code_frames
from kbvc_jax.models.codecs.motion.estimation import Ways
from kbvc_jax.models.config import Rounding


class EncoderAhead(Ahead, EncoderNetwork):
    def walk(self, batch: Batch, rounding: Rounding) -> None:
        sources = jnp.zeros((1, *batch.size, 3), self.sample)
        code_frames(self, batch, sources, 0, rounding)

    def observe(self, batch: Batch, ways: Ways) -> Array | None:
        found = self.inference.model.codec(batch.codec, batch.size).observed
        return None if found is None else jnp.zeros((1, *found))
