"""What `--gop auto` makes of a scene: with its codec replaced by prices, and by the real one."""

import dataclasses
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
from kbvc_jax.encoder.scene import CLOSE, I_FRAMES, Scene, mean_decibels
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
        self.coded = []  # (quality, effort, length, offsets) of each group
        self.sizes = []  # of frames that open or close a group

    def image(self, network, way, time, settings, opening=None):
        self.sizes.append(way[0].frame.shape[:2])
        return self._depth(settings, 1, 0.0)

    def b_frames(self, network, opening, closing, sources, offsets, settings):
        length = len(sources) - 1
        self.coded.append((settings.quality, settings.effort, length, offsets))
        lost = abs(offsets[-1] + self.best_fall) / 20 if length > 7 else 1.0
        return [self._depth(settings, length - 1, lost)]

    def _depth(self, settings, count, lost):
        refined = self.refined if settings.effort else 0.0
        above = number_of(settings.quality) - number_of(ASKED)
        steepness = self.slope * (self.bend if above < 0 else 1)
        decibels = steepness * above + refined - lost
        errors = (1e6 * 10 ** (-decibels / 10),) * count
        bits = 100.0 * count * 2 ** (number_of(settings.quality) / 20)
        times = tuple(range(1, count + 1))
        return CodedDepth("image", times, (0,), [], [KNOWN], [Known(bits, errors)])


@pytest.fixture(scope="module")
def network():
    return EncoderNetwork(tiny_inference(0), 8)


@pytest.fixture
def code(network, monkeypatch):
    def run(priced, asked=ASKED, many=True, spans=1, effort=16, frames=FRAMES):
        monkeypatch.setattr(window, "code_image", priced.image)
        monkeypatch.setattr(window, "code_b_frames", priced.b_frames)
        monkeypatch.setattr(window.EncoderAhead, "compile", lambda *_: None)  # nothing is run
        settings = Settings(asked, ("predicted",), ("predicted",), "rate", effort)
        scene = Scene(network, settings, many)
        span = Span(0, frames, ends_intra=False, ends_scene=False)
        return [scene.code(span, None) for _ in range(spans)]

    return run


def decibels_of(groups):
    """Of all but the I-frame that opens the scene."""
    depths = (depth for group in groups for depth in group.depths)
    return mean_decibels([error for depth in depths for error in depth.errors])


@pytest.mark.parametrize("effort", [0, 16])
@pytest.mark.parametrize("refined", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("slope", [0.05, 0.2])
@pytest.mark.parametrize("best_fall", [FALL, FALLS[2]])
def test_pictures_are_as_good_as_in_groups_of_8(code, slope, refined, best_fall, effort):
    ((_, groups),) = code(Priced(slope, refined, best_fall), effort=effort)
    assert [(group.start, group.end, group.fall) for group in groups] == [(0, 8, best_fall)]
    lost = abs(FALL - best_fall) / 20  # by seven of eight frames
    assert decibels_of(groups) == pytest.approx(-60 - 7 / 8 * lost + I_FRAMES, abs=CLOSE)


@pytest.mark.parametrize("bend", [0.7, 2.5])
def test_quality_that_is_steeper_below_is_followed(code, bend):
    ((_, groups),) = code(Priced(refined=1.5, bend=bend))
    assert decibels_of(groups) == pytest.approx(-60 + I_FRAMES, abs=CLOSE)


def test_all_that_a_window_tries(code):
    priced = Priced()
    ((coded, _),) = code(priced, effort=0)
    assert not any(effort for _, effort, *_ in priced.coded)
    plain = [row for row in priced.coded if row[0] == ASKED and row[2] == 8]
    assert len(plain) == len(set(plain)) == 3  # as usual, and falling more and less steeply
    # The usual group at another quality, too; two halves; and then the whole picture.
    assert len(priced.coded) == 3 + 1 + 2 + 1
    assert priced.coded[-1][0] == coded.settings.quality


def test_trials_see_the_middle_of_the_picture(code):
    priced = Priced()
    frames = [np.zeros((600, 300, 3), np.uint8)] * 9
    code(priced, frames=frames, effort=0)
    assert set(priced.sizes[:-2]) == {(304, 256)} and set(priced.sizes[-2:]) == {(600, 300)}


def test_a_window_that_comes_out_as_expected_is_refined_once_before(code):
    priced = Priced(refined=0.3)
    code(priced)
    assert sum(effort > 0 for _, effort, *_ in priced.coded) == 2  # the middle, and the whole


def test_a_scene_keeps_its_quality(code):
    first, second = code(Priced(refined=1.5), spans=2)
    assert first[0].settings == second[0].settings
    assert first[0].settings.quality < ASKED


def test_the_best_quality_is_no_obstacle(code):
    ((coded, _),) = code(Priced(refined=1.5), BEST)
    assert coded.settings.quality < BEST
    ((coded, _),) = code(Priced(), BEST)
    assert coded.settings.quality <= BEST


class Saturated(Priced):
    """Beyond quality 95 nothing is better."""

    def _depth(self, settings, count, lost):
        quality = min(settings.quality, quality_of(95))
        return super()._depth(dataclasses.replace(settings, quality=quality), count, lost)


def test_near_the_best_quality_pictures_are_as_good_as_in_groups_of_8(code):
    ((_, groups),) = code(Saturated(best_fall=FALLS[2]), quality_of(95), effort=0)
    usual = (95 - 60) / 10 - 60 - 7 / 8 * abs(FALL - FALLS[2]) / 20
    assert decibels_of(groups) == pytest.approx(usual + I_FRAMES, abs=CLOSE)


@pytest.mark.parametrize("many", [False, True])
def test_an_i_frame_alone_has_the_quality_asked_for(code, many):
    ((coded, groups),) = code(Priced(), many=many, frames=FRAMES[:1])
    assert groups == [] and coded.settings.quality == ASKED and coded.first is not None


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
