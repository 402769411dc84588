"""What `--gop auto` makes of a scene: with its codec replaced by prices, and by the real one."""

import io
from fractions import Fraction
from importlib import resources
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import tiny_inference

import kbvc_jax
from kbvc_jax.api import WEIGHTS
from kbvc_jax.codec.batch import Picture
from kbvc_jax.encoder import window
from kbvc_jax.encoder.cost import Cost
from kbvc_jax.encoder.gop_choice import FALL, FALLS
from kbvc_jax.encoder.group import CodedDepth, Settings
from kbvc_jax.encoder.network import EncoderNetwork
from kbvc_jax.encoder.scene import CLOSE, I_FRAMES, Scene, outcome_of
from kbvc_jax.encoder.span import Span
from kbvc_jax.evaluation.metrics import psnr
from kbvc_jax.rate import BEST, number_of, quality_of
from kbvc_jax.video.format import VideoFormat

CLIP = Path(str(resources.files("kbvc_jax") / "assets" / "bunny.mp4"))
FRAMES = [np.zeros((2, 2, 3), np.uint8)] * 9
KNOWN = Picture(jnp.asarray(FRAMES[0]), None)
ASKED = quality_of(60)
pytestmark = pytest.mark.usefixtures("optimised")


class Known(Cost):
    """Without frames."""

    def __init__(self, bits, errors):
        self.bits, self.errors = {"y": np.array([bits])}, np.array(errors)


class Priced:
    """A codec of which quality and steps of refinement say all; B-frames are good and cheap, or
    not, by how far quality falls."""

    def __init__(self, slope=0.1, refined=0.0, best_fall=FALL, bend=1.0):
        self.slope, self.refined, self.best_fall = slope, refined, best_fall
        self.bend = bend  # times as steep below what is asked for
        self.coded = []  # (quality, effort, length) of each group

    def image(self, network, frame, time, settings, opening=None, distance=0):
        return self._depth(settings, 1, 0.0)

    def b_frames(self, network, opening, closing, frames, offsets, settings):
        self.coded.append((settings.quality, settings.effort, len(frames) + 1, offsets))
        lost = abs(offsets[-1] + self.best_fall) / 20 if len(frames) > 6 else 1.0
        return [self._depth(settings, len(frames), lost)]

    def _depth(self, settings, count, lost):
        refined = self.refined if settings.effort else 0.0
        above = number_of(settings.quality) - number_of(ASKED)
        steepness = self.slope * (self.bend if above < 0 else 1)
        decibels = steepness * above + refined - lost
        errors = (1e6 * 10 ** (-decibels / 10),) * count
        bits = 100.0 * count * 2 ** (number_of(settings.quality) / 20)
        return CodedDepth("image", (0,), (0,), [], [KNOWN], [Known(bits, errors)])


@pytest.fixture(scope="module")
def network():
    return EncoderNetwork(tiny_inference(0), 8)


@pytest.fixture
def code(network, monkeypatch):
    def run(priced, asked=ASKED, many=True, spans=1, effort=16):
        monkeypatch.setattr(window, "code_image", priced.image)
        monkeypatch.setattr(window, "code_b_frames", priced.b_frames)
        settings = Settings(asked, ("predicted",), "predicted", "rate", effort)
        scene = Scene(network, settings, many)
        span = Span(0, FRAMES, ends_intra=False, ends_scene=False)
        return [scene.code(span, None) for _ in range(spans)]

    return run


@pytest.mark.parametrize("refined", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("slope", [0.05, 0.2])
@pytest.mark.parametrize("best_fall", [FALL, FALLS[2]])
def test_pictures_are_as_good_as_in_groups_of_8(code, slope, refined, best_fall):
    priced = Priced(slope, refined, best_fall)
    ((coded, groups),) = code(priced)
    assert [(group.start, group.end, group.fall) for group in groups] == [(0, 8, best_fall)]
    lost = abs(FALL - best_fall) / 20  # by the seven B-frames of nine frames
    wanted = -60 - 7 / 9 * lost + I_FRAMES
    assert outcome_of(coded.depths(groups)).decibels == pytest.approx(wanted, abs=CLOSE)


@pytest.mark.parametrize("slope", [0.05, 0.2])
@pytest.mark.parametrize("best_fall", [FALL, FALLS[2]])
def test_and_so_without_refinement(code, slope, best_fall):
    priced = Priced(slope, 0.3, best_fall)
    ((coded, groups),) = code(priced, effort=0)
    lost = abs(FALL - best_fall) / 20
    wanted = -60 - 7 / 9 * lost + I_FRAMES
    assert outcome_of(coded.depths(groups)).decibels == pytest.approx(wanted, abs=CLOSE)
    assert not any(effort for _, effort, *_ in priced.coded)
    # The usual group at both qualities, two other falls, two halves; then once more if need be.
    assert len(priced.coded) == 6 + (coded.settings.quality != ASKED)


@pytest.mark.parametrize("bend", [0.7, 2.5])
def test_quality_that_is_steeper_below_is_followed(code, bend):
    ((coded, groups),) = code(Priced(refined=1.5, bend=bend))
    wanted = -60 + I_FRAMES
    assert outcome_of(coded.depths(groups)).decibels == pytest.approx(wanted, abs=CLOSE)


def test_groups_coded_to_learn_what_quality_costs_are_not_coded_again(code):
    priced = Priced(refined=0.3)
    code(priced)
    plain = [row for row in priced.coded if row[:3] == (ASKED, 0, 8)]
    assert len(plain) == len(set(plain)) == 3  # as usual, and falling more and less steeply


def test_a_window_that_comes_out_as_expected_is_refined_once(code):
    priced = Priced(refined=0.3)
    code(priced)
    assert sum(effort > 0 for _, effort, *_ in priced.coded) == 1


def test_a_scene_keeps_its_quality(code):
    first, second = code(Priced(refined=1.5), spans=2)
    assert first[0].settings == second[0].settings
    assert first[0].settings.quality < ASKED


def test_the_best_quality_is_no_obstacle(code):
    ((coded, _),) = code(Priced(refined=1.5), BEST)
    assert coded.settings.quality < BEST
    ((coded, _),) = code(Priced(), BEST)
    assert coded.settings.quality <= BEST


def test_a_model_of_one_lambda_keeps_its_one_quality(code):
    priced = Priced(refined=1.5)
    ((coded, groups),) = code(priced, many=False)
    assert coded.settings.quality == ASKED and {group.fall for group in groups} == {0}
    assert {quality for quality, *_ in priced.coded} == {ASKED}


@pytest.mark.slow
@pytest.mark.skipif(not (WEIGHTS / "model.json").exists(), reason="no weights")
def test_a_quality_means_the_same_pictures_in_every_mode():
    codec = kbvc_jax.load()
    with kbvc_jax.open_video(CLIP, frames=5) as video:
        frames = [frame[60:124, 100:196] for frame in video]

    def decibels_of(quality, gop):
        decibels, file = [], io.BytesIO()

        def compare(index, decoded):
            decibels.append(psnr(frames[index], decoded, 255))

        form = VideoFormat(96, 64, Fraction(30), "709", False, 8, "420")
        codec.encode_stream(frames, form, file, quality, gop=gop, on_frame=compare)
        return np.mean(decibels)

    for quality in (15, 50):
        assert decibels_of(quality, "auto") == pytest.approx(decibels_of(quality, 8), abs=0.5)
