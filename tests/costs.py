"""What coding costs, in counts: of the weights that ship, by codec of B-frames, or by what they do
unasked; P_FRAMES of groups of one frame. Of several codecs the dearest counts, but of programs all.
Recorded in costs.json by

    python -m tests.costs --record

A commit that changes the record says why. Multiply-adds a pixel as `kbvc complexity` has them;
programs that a first clip compiles (9 frames, a tiny model); what XLA plans for a decoder's largest
program beside its weights (256x256).
"""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import kbvc_jax
from kbvc_jax.api import Codec
from kbvc_jax.codec import steps
from kbvc_jax.codec.batch import FrameRates, Picture
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.numbers import ONE_SIDED
from kbvc_jax.models.complexity import coding
from kbvc_jax.rate import Quality
from tests.tiny import SENDING, tiny_inference

RECORD = Path(__file__).with_suffix(".json")
P_FRAMES = "moved,predicted"
DEFAULTS = "compensated,predicted", P_FRAMES  # of the weights that ship
CODECS = ("kernel", "predicted", "motion", "compensated", *DEFAULTS)
SIDES = "decoder", "encoder"
COMPILED = "/jax/core/compile/backend_compile_duration"
SIDE, MIB = 256, 2**20


def measured(codec: str) -> dict[str, float]:
    return {**multiply_adds(codec), **programs(codec), **planned(codec)}


def multiply_adds(codec: str) -> dict[str, float]:
    names = {"b_frames": None, "p_frames": codec} if codec == P_FRAMES else _b_frames(codec)
    kind = ", a P-frame" if codec == P_FRAMES else ", a "
    config = dataclasses.replace(kbvc_jax.load().inference.model.config, **names)
    return {
        f"{side}, multiply-adds a pixel": round(
            max(row.macs_per_pixel for row in coding(config) if row.module.startswith(side + kind))
        )
        for side in SIDES
    }


def _b_frames(codec: str) -> dict[str, str]:
    return {"b_frames": codec, "p_frames": "predicted"}


def programs(codec: str) -> dict[str, float]:
    """In a process of its own, where nothing is compiled yet."""
    command = [sys.executable, "-m", "tests.costs", codec]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def compiled(codec: str) -> dict[str, float]:
    counts = {"encoder, programs": 0, "decoder, programs": 0}
    side = "encoder, programs"

    def count(event: str, *_, **__) -> None:
        counts[side] += event == COMPILED

    own = Codec(tiny_inference(1, SENDING))
    frames = np.random.default_rng(4).integers(0, 256, (9, 32, 48, 3), np.uint8)
    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(count)
    how = {"gop": 1, "p_frames": codec} if codec == P_FRAMES else {"gop": 8, **_b_frames(codec)}
    data = own.encode(frames, 40, **how)
    jax.clear_caches()
    side = "decoder, programs"
    own.decode(data)
    return counts


def planned(codecs: str) -> dict[str, float]:
    return {"decoder, MiB planned": max(map(largest, codecs.split(",")))}


def largest(codec: str) -> float:
    network, size = kbvc_jax.load()._network(8), Size(SIDE, SIDE)
    z, y = (latent.shape for latent in network.latents("image", size))
    memory = Memory(jnp.zeros((1, *y)), jnp.zeros((1, *z), jnp.int32))
    sides = [[Picture(jnp.zeros((SIDE, SIDE, 3), jnp.uint8), memory)]] * (
        1 if codec in ONE_SIDED else 2
    )
    batch = network.batch(codec, size, FrameRates(Quality(0), (2,), ((1, 1),)), sides)
    symbols = {
        latent.name: jnp.zeros((1, *latent.shape), jnp.int32)
        for latent in network.latents(codec, size)
    }
    parts, rest = (network.program(batch), network.weights), (batch.rate,)
    context = steps.context.jitted.lower(*parts, batch.references, *rest)
    learn = steps.learn.jitted.lower(*parts, symbols, context.out_info, *rest)
    lowered, begun = [context, learn], learn.out_info
    if parts[0].fuses:
        pictures = jnp.zeros((1, SIDE, SIDE, 3))
        lowered += [
            steps.before_fusion.jitted.lower(*parts, symbols, begun, *rest),
            steps.moved_to.jitted.lower(pictures, pictures),
            steps.fuse.jitted.lower(*parts, pictures, (pictures, pictures), batch.rate.quality),
        ]
    else:
        lowered.append(steps.synthesise.jitted.lower(*parts, symbols, begun, *rest))
    sizes = [own.compile().memory_analysis().temp_size_in_bytes for own in lowered]
    return round(max(sizes) / MIB, 1)


def main() -> None:
    asked = sys.argv[1:]
    if asked and asked[0] in CODECS:
        print(json.dumps(compiled(asked[0])))
        return
    found = json.dumps({codec: measured(codec) for codec in CODECS}, indent=2) + "\n"
    print(found, end="")
    if asked == ["--record"]:
        RECORD.write_text(found)


if __name__ == "__main__":
    main()
