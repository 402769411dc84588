import dataclasses
import json

import numpy as np
import pytest
from evaluation.made_up import point, results

from kbvc_jax.evaluation.results import (
    average_curve,
    curve,
    merge,
    read_results,
    write_results,
)
from kbvc_jax.runtime.errors import InputError


def test_results_survive_their_file(tmp_path):
    made = results({"ours": 0.8, "x265": 1.0})
    write_results(tmp_path / "results.json", made)
    assert read_results(tmp_path / "results.json") == made


def test_results_of_when_runs_had_notes_are_read(tmp_path):
    made, path = results({"ours": 0.8}), tmp_path / "results.json"
    write_results(path, made)
    path.write_text(json.dumps({**json.loads(path.read_text()), "notes": ["no weights"]}))
    assert read_results(path) == made


def test_rate_is_the_files_bits_over_all_pixels():
    assert point("ours", "one", 0, 1000, 30.0).bits_per_pixel == 8000 / (5 * 416 * 240)


def test_yuv_psnr_is_weighted_both_ways():
    made = point("ours", "one", 0, 1000, 30.0)
    assert made.mean("psnr_yuv_611") == pytest.approx((6 * 31 + 32 + 33) / 8)
    assert made.mean("psnr_yuv_411") == pytest.approx((4 * 31 + 32 + 33) / 6)


def test_a_metric_that_was_not_taken_has_no_mean():
    assert point("ours", "one", 0, 1000, 30.0).mean("vmaf") is None


def test_the_average_curve_leaves_out_settings_that_lack_a_sequence():
    made = results({"ours": 1.0}, ("one", "two"))
    lost = dataclasses.replace(made, points=made.points[1:])
    assert len(average_curve(made, "ours")) == 5
    assert average_curve(lost, "ours") == average_curve(made, "ours")[1:]


def test_the_average_curve_is_the_mean_of_the_sequences():
    made = results({"ours": 1.0}, ("one", "two"))
    np.testing.assert_allclose(average_curve(made, "ours"), curve(made.of("ours", "one")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "not JSON"),
        ("[]", "results format None"),
        (json.dumps({"format": 99}), "this version reads 1"),
        (json.dumps({"format": 1, "points": [{}], "failures": []}), "damaged results"),
        (json.dumps({"format": 1, "points": [], "failures": []}), "damaged results"),
    ],
)
def test_what_is_not_results_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_results(path)


def test_shards_merge_into_the_whole_run():
    first, second = (results({"ours": 1.0}, (name,)) for name in ("one", "two"))
    merged = merge([first, second])
    assert merged.sequences == ["one", "two"]
    assert len(merged.points) == 10
    np.testing.assert_allclose(average_curve(merged, "ours"), average_curve(first, "ours"))


def test_shards_of_other_conditions_do_not_merge():
    first, second = (results({"ours": 1.0}, (name,)) for name in ("one", "two"))
    second = dataclasses.replace(second, conditions={**second.conditions, "gop": 16})
    with pytest.raises(InputError, match="gop is 8 in one and 16 in the other"):
        merge([first, second])


def test_a_sequence_in_two_shards_is_refused():
    made = results({"ours": 1.0})
    with pytest.raises(InputError, match="occurs in two shards"):
        merge([made, made])
