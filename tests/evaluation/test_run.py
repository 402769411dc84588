import dataclasses
from itertools import islice

import pytest
from PIL import Image

from kbvc_jax.evaluation import paper
from kbvc_jax.evaluation import run as runs
from kbvc_jax.evaluation.anchors import anchors
from kbvc_jax.evaluation.config import AnchorConfig, EvaluationConfig
from kbvc_jax.evaluation.measure import Fidelity, MismatchError, measure
from kbvc_jax.evaluation.ours import load_ours
from kbvc_jax.evaluation.results import merge, read_results
from kbvc_jax.evaluation.run import Run
from kbvc_jax.models.checkpoint import save_inference
from kbvc_jax.runtime.errors import InputError
from tests.tiny import TINY, tiny_inference


def silent(*_):
    pass


def run(config, folder, shard=None):
    return Run(config, folder, shard).measure_all(silent, silent, "python eval.py")


@pytest.fixture
def counted(monkeypatch):
    """The points that were measured and not taken from the store."""
    calls = []

    def measured(contender, clip, setting, *rest):
        calls.append((contender.name, clip.name, setting))
        return measure(contender, clip, setting, *rest)

    monkeypatch.setattr(runs, "measure", measured)
    return calls


def test_every_codec_is_measured_on_every_sequence_at_every_setting(config, tmp_path):
    results = run(config, tmp_path)
    assert not results.failures
    assert results.sequences == ["one"]
    names = {(p.codec, p.sequence, p.setting) for p in results.points}
    assert len(names) == 4
    assert read_results(tmp_path / "results.json").points == results.points


def test_bits_are_split_by_level_and_into_y_and_z(config, tmp_path):
    results = run(config, tmp_path)
    point = next(p for p in results.points if p.codec == "ours")
    assert point.frames["level"] == [0, 2, 1, 2, 0]
    assert point.frames["kind"] == ["I", "B", "B", "B", "P"]  # the I-frame is near enough
    estimated = sum(point.frames["bits_y"]) + sum(point.frames["bits_z"])
    assert estimated <= 8 * point.bytes < 1.5 * estimated + 8 * 200  # headers


@pytest.fixture
def anchors_alone(config):
    return dataclasses.replace(config, checkpoints=(), sequences=())


def test_an_interrupted_run_continues_with_the_missing_points(anchors_alone, tmp_path, counted):
    config = anchors_alone
    first = run(config, tmp_path)
    done = len(counted)
    lost = sorted((tmp_path / "points").iterdir())[0]
    lost.unlink()
    second = run(config, tmp_path)
    assert len(counted) == done + 1
    assert [p.sha256 for p in second.points] == [p.sha256 for p in first.points]


def test_a_changed_condition_starts_anew(anchors_alone, tmp_path, counted):
    run(anchors_alone, tmp_path)
    counted.clear()
    results = run(dataclasses.replace(anchors_alone, matrix="601"), tmp_path)
    assert len(counted) >= len(results.points) == 4


def test_a_decoder_that_differs_from_its_encoder_fails_the_run(config, tmp_path, monkeypatch):
    from kbvc_jax.evaluation.ours import Ours

    decode = Ours.decode

    def wrong(self, source, clip):
        for index, frame in enumerate(decode(self, source, clip)):
            if index == 2:
                changed = frame.rgb.copy()
                changed[0, 0, 0] ^= 1
                frame = frame._replace(rgb=changed)
            yield frame

    monkeypatch.setattr(Ours, "decode", wrong)
    results = run(config, tmp_path)
    assert {f.codec for f in results.failures} == {"ours"}
    assert "frame 2: the decoder's differs from the encoder's" in results.failures[0].reason
    assert {p.codec for p in results.points} == {"x264"}  # the others went on


def test_frames_that_are_missing_are_a_mismatch(clip, tmp_path, monkeypatch):
    (whole,) = anchors(EvaluationConfig(anchors=AnchorConfig(codecs=("x264",))))
    decode = type(whole).decode
    monkeypatch.setattr(type(whole), "decode", lambda *arguments: islice(decode(*arguments), 1))
    with pytest.raises(MismatchError, match="1 frames decoded, 5 expected"):
        measure(whole, clip, 40.0, tmp_path / "a.h264", [Fidelity(clip)])


def test_shards_merged_are_the_whole_run(anchors_alone, tmp_path):
    parts = [run(anchors_alone, tmp_path, f"{i}/2") for i in (1, 2)]
    assert [part.sequences for part in parts] == [["one"], ["two"]]
    assert (tmp_path / "results-1-of-2.json").is_file()
    whole = merge(parts)
    assert whole.sequences == ["one", "two"]
    assert len(whole.points) == 4


@pytest.mark.heavy
def test_pictures_show_ours_beside_x265_at_matched_rate(config, tmp_path):
    chosen = AnchorConfig(codecs=("x265-medium", "x265"), quantisers=(22.0, 32.0, 42.0))
    config = dataclasses.replace(config, anchors=chosen, sequences=("two",), checkpoints=())
    (picture,) = run(config, tmp_path).pictures
    assert [image["name"] for image in picture["images"]] == ["source", "x265-medium", "x265"]
    _, ours, theirs = picture["images"]
    assert theirs["bits_per_pixel"] == pytest.approx(ours["bits_per_pixel"], rel=0.1)
    assert all((tmp_path / image["file"]).is_file() for image in picture["images"])


def test_other_ways_to_code_are_contenders_of_their_own(config):
    others = dataclasses.replace(config, other_gops=("1", "auto"), other_efforts=(3,))
    others = dataclasses.replace(others, other_b_frames=("kernel",), other_presets=("best",))
    others = dataclasses.replace(others, other_p_frames=("predicted",))
    found = load_ours(others)

    def facts(own):
        asked = own.options
        return own.name, asked.gop, asked.effort, asked.b_frames, asked.p_frames

    assert [facts(own) for own in found] == [
        ("ours", 8, 0, None, None),
        ("ours GoP 1", 1, 0, None, None),
        ("ours GoP auto", "auto", 0, None, None),
        ("ours effort 3", 8, 3, None, None),
        ("ours kernel", 8, 0, "kernel", None),
        ("ours P predicted", 8, 0, None, "predicted"),
        ("ours best", "auto", 16, "predicted", None),
    ]
    assert {o.options.keyint for o in found} == {8}  # as the anchors
    apart = dataclasses.replace(config, gop=8, keyint=24)
    assert [o.options.intra_period for o in load_ours(apart)] == [24] == [apart.intra_period]
    identities = [str(ours.identity) for ours in found]
    assert len(set(identities)) == len(identities)


def test_two_checkpoints_of_one_name_are_refused(config, checkpoint):
    config = dataclasses.replace(config, checkpoints=(str(checkpoint), str(checkpoint)))
    with pytest.raises(InputError, match="two are called tiny; write NAME=FOLDER"):
        load_ours(config)


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """Models of one lambda each, and one of another network."""
    folder = tmp_path_factory.mktemp("family")
    configs = {str(value): dataclasses.replace(TINY, fixed_lambda=value) for value in (0.05, 0.01)}
    configs["other"] = dataclasses.replace(configs["0.01"], kernel_size=5, fixed_lambda=0.03)
    for name, config in configs.items():
        save_inference(folder / name, tiny_inference(1, config))
    return folder


def test_models_of_one_lambda_each_are_one_curve_of_rising_lambdas(config, family):
    chosen = (f"paper={family}/0.05,{family}/0.01",)
    (ours,) = load_ours(dataclasses.replace(config, checkpoints=chosen))
    assert ours.settings == (0.01, 0.05) and ours.identity["setting"] == "lambda"
    assert len(set(ours.identity["fingerprint"].split())) == 2


@pytest.mark.parametrize(
    ("others", "named"),
    [
        (("0.01",), "two are of one lambda"),
        (("other",), "differ in more than lambda"),
        (("every",), "models for one lambda each"),
    ],
)
def test_models_that_make_no_curve_are_refused(config, family, checkpoint, others, named):
    folders = [family / "0.01", *(checkpoint if o == "every" else family / o for o in others)]
    chosen = ("paper=" + ",".join(map(str, folders)),)
    with pytest.raises(InputError, match=named):
        load_ours(dataclasses.replace(config, checkpoints=chosen))


@pytest.mark.parametrize("crop", [("one", 5, 0, 0, 16, 16), ("one", 0, 190, 0, 16, 16)])
def test_a_crop_outside_its_sequence_is_refused_before_anything_runs(config, tmp_path, crop):
    with pytest.raises(InputError, match="not inside one"):
        Run(dataclasses.replace(config, crops=(crop,)), tmp_path)


@pytest.mark.heavy
def test_pictures_are_of_the_chosen_crops(config, tmp_path):
    chosen = AnchorConfig(codecs=("x265",), quantisers=(27.0, 37.0))
    crops = (("one", 3, 8, 16, 32, 24),)
    config = dataclasses.replace(config, anchors=chosen, crops=crops)
    (picture,) = run(config, tmp_path).pictures
    assert [image["name"] for image in picture["images"]] == ["source", "ours", "x265"]
    with Image.open(tmp_path / picture["images"][1]["file"]) as image:
        assert image.size == (32, 24)


@pytest.mark.heavy
def test_table_2_times_encoding_and_decoding(checkpoint):
    text = paper.table_2(str(checkpoint), size=(64, 48), frames=2)
    assert "ours, decode, 64x48" in text and "4.77" in text
