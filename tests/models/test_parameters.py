"""The acceptance test of the network: parameter counts, to the last one."""

import dataclasses

import jax
import pytest
from flax import nnx

from configs import ssf
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.kbvc import Kbvc

PAPER = ModelConfig(fixed_lambda=0.01)


def shape_of(config):
    return nnx.eval_shape(lambda: Kbvc(config))


def count(*modules):
    leaves = [leaf for m in modules for leaf in jax.tree.leaves(nnx.state(m, nnx.Param))]
    return sum(leaf.size for leaf in leaves)


def test_every_row_of_the_papers_table():
    model = shape_of(PAPER)
    assert count(model.image) == 5_246_083
    assert count(model.image.encoder) == 775_616
    assert count(model.image.decoder) == 775_491
    assert count(model.image.hyperprior) == count(model.frame.hyperprior) == 3_687_552 + 7_424
    assert count(model.image.hyperprior.bottleneck) == 7_424
    assert count(model.frame.encoder) == 797_216
    assert count(model.frame.trunk) == 768_288
    assert count(model.frame.vertical, model.frame.horizontal) == 491_562
    assert count(model.interpolator) == 2_803_610
    assert round(count(model) / 1e6, 2) == 13.80


def test_the_interpolators_encoder():
    assert count(shape_of(PAPER).interpolator.pyramid) == 151_404


def test_scale_space_flow_has_its_published_size():
    """34.2 M: three auto-encoders with their hyperpriors, each row by hand."""
    model = shape_of(ssf.MODEL)
    n, m, taps = 128, 192, 25
    inner = 2 * (taps * n * n + n)
    encoder = taps * 3 * n + n + inner + taps * n * m + m
    decoder = taps * m * n + n + inner + taps * n * 3 + 3
    hyperprior = 9 * (taps * m * m + m) + 58 * m
    assert count(model.image) == encoder + decoder + hyperprior
    assert count(model.ssf_motion) == encoder + taps * 3 * n + decoder + hyperprior
    assert count(model.ssf) == encoder + decoder + taps * m * n + hyperprior
    assert model.frame is model.interpolator is None
    assert round(count(model) / 1e6, 1) == 34.2


def test_51_taps():
    model = shape_of(dataclasses.replace(PAPER, kernel_size=51))
    assert count(model.frame.vertical, model.frame.horizontal) == 649_482


def test_without_interpolation_three_kernel_pairs_become_two():
    model = shape_of(dataclasses.replace(PAPER, interpolate=False))
    assert model.interpolator is None
    assert count(model.frame.vertical, model.frame.horizontal) == 4 * 81_927
    assert count(model.frame.encoder) == 797_216 - 3 * 25 * 96


def test_gains_add_no_more_than_one_percent():
    fixed, curves = count(shape_of(PAPER)), count(shape_of(ModelConfig()))
    assert 0 < curves - fixed <= 0.01 * fixed


@pytest.mark.parametrize("name", ["image", "frame"])
def test_the_fixed_lambda_model_has_no_gains(name):
    assert getattr(shape_of(PAPER), name).gain is None
