import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import SENDING, SSF, TINY, tiny_inference

from kbvc_jax.codec import steps
from kbvc_jax.codec.batch import FrameRates, Picture
from kbvc_jax.codec.network import Network
from kbvc_jax.evaluation.paper import TABLE_3, WIDE_HEADS
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.models.codecs.image import Memory
from kbvc_jax.models.codecs.motion import estimation
from kbvc_jax.models.complexity import HEIGHT, WIDTH, coding, complexity
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.multiply_adds import count
from kbvc_jax.rate import Quality


def by_name(table):
    return {row.module: row for row in table}


@functools.cache
def rows(**changes):
    return by_name(complexity(dataclasses.replace(ModelConfig(), **changes)))


def test_the_modules_have_the_papers_sizes():
    found = rows()
    for module, millions in TABLE_3.items():
        assert found[module].parameters / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize(("size", "millions"), WIDE_HEADS.items())
def test_the_heads_have_the_papers_size_for_both_kernels(size, millions):
    assert rows(kernel_size=size)["kernel heads"].parameters / 1e6 == pytest.approx(millions, 0.02)


def test_the_parts_add_up_to_the_whole():
    *parts, total = complexity(ModelConfig())
    assert sum(row.parameters for row in parts) == total.parameters
    b_frame = [row.macs_per_pixel for row in parts if row.module != "image codec"]
    assert sum(b_frame) == pytest.approx(total.macs_per_pixel)


@pytest.mark.parametrize(
    ("fixed_lambda", "block_transform", "passes"),
    [(0.01, False, 1), (None, False, 2), (None, True, 2)],
)
def test_multiply_adds_of_the_image_codec_by_hand(fixed_lambda, block_transform, passes):
    """Feedback decodes and encodes once more."""
    m, n, z = 128, 96, 128
    taps = 25
    # Each stride-2 layer: taps x inputs x outputs at the lower of its two resolutions.
    encoder = taps * (3 * n / 4 + n * n / 16 + n * n / 64 + n * m / 256)
    decoder = taps * (m * n / 256 + n * n / 64 + n * n / 16 + n * 3 / 4)
    hyper = 3 * taps * (m * m / 1024 + m * m / 4096 + m * z / 16384)
    blocks = 3 * m * (passes + 1) * block_transform  # decoded twice, encoded once
    found = rows(fixed_lambda=fixed_lambda, block_transform=block_transform)
    wanted = passes * (encoder + decoder) + hyper + blocks
    assert found["image codec"].macs_per_pixel == pytest.approx(wanted)


def test_multiply_adds_of_the_fusion_by_hand():
    channels = 20
    inputs, outputs = 4 * (3 + 2 * (3 + 1) + 1), 4 * (2 + 3)  # of a block of 2x2 pixels
    weights = 9 * channels * (inputs + 2 * channels + outputs)
    found = rows(fusion_channels=channels)["fusion"]
    assert found.parameters == weights + 3 * channels + outputs
    assert found.macs_per_pixel == weights / 4
    assert "fusion" not in rows()


def test_without_interpolation_there_is_no_interpolator():
    found = rows(interpolate=False)
    assert "frame interpolator" not in found
    assert found["kernel synthesis"].macs_per_pixel == 2 * 3 * 31 * 32


def test_encoding_by_kernels_is_the_papers_total():
    coded, total = coding(ModelConfig())[-1], complexity(ModelConfig())[-1]
    assert coded.macs_per_pixel == pytest.approx(total.macs_per_pixel)


@pytest.mark.parametrize("b_frames", ["kernel", "predicted"])
def test_the_parts_of_a_decoder_add_up_to_all_of_it(b_frames):
    *parts, decoder, encoder = coding(dataclasses.replace(TINY, b_frames=b_frames))
    assert sum(row.macs_per_pixel for row in parts) == decoder.macs_per_pixel
    assert max(row.parameters for row in parts) < decoder.parameters
    assert decoder.macs_per_pixel < encoder.macs_per_pixel
    assert decoder.parameters < encoder.parameters


class Traced(Network):
    """In one trace: programs with options of their own cannot be nested."""

    def run(self, step, *given):
        return step.__wrapped__(*given)

    def tables(self, batch, latent, symbols):
        parts = self.program(batch), self.weights, latent, symbols, batch.memories, batch.rate
        return self.run(steps.tables, *parts)


@pytest.mark.parametrize("b_frames", ["kernel", "predicted"])
def test_a_decoder_has_what_its_compiled_steps_multiply(b_frames):
    """With integers where the table counts floats."""
    network = Traced(tiny_inference(0), bit_depth=8)
    size, frame = Size(HEIGHT, WIDTH), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    known = {
        latent.name: jnp.zeros((1, *latent.shape), jnp.float32)
        for latent in network.latents("image", size)
    }
    memory = Memory(known["y"], known["z"].astype(jnp.int32))
    sides = [[Picture(jnp.asarray(frame), memory)]] * 2
    batch = network.batch(b_frames, size, FrameRates(Quality(0), (2,), ((1, 1),)), sides)
    latents = network.latents(b_frames, size)
    symbols = {x.name: jnp.zeros((1, *x.shape), jnp.int32) for x in latents}

    def decode(weights, references, symbols):
        network.weights, own = weights, batch._replace(references=references)
        tables = network.tables(own, latents[-1], symbols)
        begun = network.learn(own, symbols, network.context(own))
        return tables, network.reconstruct(own, symbols, begun)

    found = count(decode, network.weights, batch.references, symbols).multiply_adds
    found /= HEIGHT * WIDTH
    table = by_name(coding(dataclasses.replace(TINY, b_frames=b_frames)))
    assert found == pytest.approx(table[f"decoder, a B-frame by {b_frames}"].macs_per_pixel)


def test_a_decoder_by_kernels_is_the_papers_without_its_encoders():
    """Of the modules of Table 3."""
    table, row = rows(), by_name(coding(ModelConfig()))
    found = row["decoder, a B-frame by kernel"].macs_per_pixel
    modules = ("frame interpolator", "kernel heads", "kernel synthesis")
    trunk, hyper = 25 * (128 * 96 / 256 + 96 * 96 * (1 / 64 + 1 / 16)), 2 * 25 * 128 * 128
    hyper *= 1 / 1024 + 1 / 4096 + 1 / 16384
    wanted = sum(table[module].macs_per_pixel for module in modules) + trunk + hyper
    assert found == pytest.approx(wanted)


def test_scale_space_flow_codes_a_p_frame():
    names = by_name(complexity(SSF))
    assert {"motion auto-encoder", "residual hyperprior", "total (a P-frame)"} <= names.keys()
    *parts, decoder, encoder = coding(SSF)
    assert decoder.module == "decoder, a P-frame by ssf"
    assert sum(row.macs_per_pixel for row in parts) == decoder.macs_per_pixel
    assert decoder.macs_per_pixel < encoder.macs_per_pixel


@pytest.mark.heavy
def test_an_encoder_is_counted_without_opencv_too(monkeypatch):
    sending = dataclasses.replace(SENDING, b_frames="motion")
    with_it = coding(sending)
    monkeypatch.setattr(estimation, "_opencv", lambda: None)
    assert coding.__wrapped__(sending) == with_it  # counted anew


def test_matching_and_alignment_count_where_they_run():
    names = by_name(complexity(TINY)).keys()
    assert {"block matching", "alignment"} <= names
    assert not {"block matching", "alignment"} & rows().keys()
