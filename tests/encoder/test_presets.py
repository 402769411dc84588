import pytest

from kbvc_jax.encoder.options import EncoderOptions
from kbvc_jax.encoder.presets import BALANCED, PRESETS, with_preset
from kbvc_jax.models.codecs.numbers import between
from kbvc_jax.runtime.errors import InputError


def everything(codec):
    return codec in between()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_set_of_options_that_there_are(name):
    asked = EncoderOptions(**with_preset(name, {}, everything))
    for option, value in PRESETS[name].items():
        assert getattr(asked, option) == value


def test_balanced_is_what_an_encoder_does_unasked():
    assert EncoderOptions(**with_preset(BALANCED, {}, everything)) == EncoderOptions()


def test_single_options_win_over_the_preset_and_none_is_no_option():
    given = {"gop": 4, "effort": 0, "b_frames": None}
    asked = with_preset("best", given, everything)
    assert asked == {"gop": 4, "effort": 0, "b_frames": "compensated,predicted"}


def test_a_preset_takes_of_its_codecs_those_that_the_model_has():
    assert with_preset("best", {}, {"predicted"}.__contains__)["b_frames"] == "predicted"
    assert with_preset("fast", {}, {"predicted"}.__contains__)["b_frames"] is None


def test_a_codec_asked_for_singly_stays_whatever_the_model_has():
    asked = with_preset("fast", {"b_frames": "fine"}, {"predicted"}.__contains__)
    assert asked["b_frames"] == "fine"


def test_an_unknown_preset_is_one_line():
    with pytest.raises(InputError, match="preset slow: must be fast or balanced or best"):
        with_preset("slow", {}, everything)
