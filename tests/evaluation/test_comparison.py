import dataclasses

import pytest
from evaluation.made_up import results

from kbvc_jax.evaluation import commands, paper
from kbvc_jax.evaluation.comparison import compare_all, compare_published, compare_results
from kbvc_jax.evaluation.results import write_results
from kbvc_jax.runtime.errors import InputError


def changed(made, **conditions):
    return dataclasses.replace(made, conditions={**made.conditions, **conditions})


def test_bd_rate_of_each_sequence_their_mean_and_the_average_curve():
    made = results({"ours": 0.8, "x265": 1.0}, ("one", "two"))
    (found,) = compare_all(made, "x265")
    assert [row.percent for row in found.sequences.values()] == pytest.approx([-20, -20], abs=0.1)
    assert found.mean.percent == pytest.approx(-20, abs=0.1)
    assert found.average.percent == pytest.approx(-20, abs=0.1)


def test_a_refused_sequence_leaves_no_mean():
    made = results({"ours": 0.8, "x265": 1.0}, ("one", "two"))
    short = [p for p in made.points if not (p.sequence == "two" and p.setting > 2)]
    (found,) = compare_all(dataclasses.replace(made, points=short), "x265")
    assert found.sequences["one"].percent is not None
    assert found.mean.percent is None
    assert "refused for two" in found.mean.reason


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"gop": 16}, "gop is 8 in one and 16 in the other"),
        ({"set": "another"}, "set is made up in one and another in the other"),
        ({"definitions": {}}, "definitions"),
    ],
)
def test_results_of_unlike_conditions_are_not_compared(conditions, message):
    made = results({"ours": 1.0})
    with pytest.raises(InputError, match=message):
        compare_results(made, changed(made, **conditions), None)


def test_another_colour_conversion_is_an_unlike_condition():
    made = results({"ours": 1.0})
    (sequence,) = made.conditions["sequences"]
    other = changed(made, sequences=[{**sequence, "full_range": True}])
    with pytest.raises(InputError, match="one: full_range is False in one and True in the other"):
        compare_results(made, other, None)


def test_unlike_conditions_are_compared_when_told_to():
    made = results({"ours": 1.0})
    (found,) = compare_results(made, changed(made, gop=16), None, unlike=True)
    assert found.average.percent == pytest.approx(0, abs=1e-6)


def test_stored_results_are_compared_codec_by_codec(tmp_path):
    for name, rate in (("a", 1.0), ("b", 0.9)):
        write_results(tmp_path / f"{name}.json", results({"ours": rate, "x265": 1.0}))
    text = commands.compare([str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    ours, x265 = (line.split() for line in text.splitlines()[2:])
    assert ours[0] == "ours" and ours[2] == "-10.00"
    assert x265[0] == "x265" and abs(float(x265[2])) < 0.005


def test_published_curves_are_named_and_marked_as_published():
    made = results({"ours": 1.0}, set_name="UVG")
    anchors = [c.anchor for c in compare_published(made)]
    assert "ssf2020-from-authors (published)" in anchors
    assert "ssf2020-mse-ans-vimeo (published)" in anchors
    assert compare_published(results({"ours": 1.0})) == []


def test_table_1_prints_the_papers_figure_beside_ours(tmp_path):
    write_results(tmp_path / "uvg.json", results({"ours": 1.0}, set_name="UVG"))
    text = commands.paper("table1", str(tmp_path / "uvg.json"))
    assert "ssf2020-from-authors" in text and "-29.38 %" in text


def test_table_1_is_refused_for_a_set_without_published_curves(tmp_path):
    write_results(tmp_path / "a.json", results({"ours": 1.0}))
    with pytest.raises(InputError, match="no published scale-space flow curve for made up"):
        commands.paper("table1", str(tmp_path / "a.json"))


@pytest.mark.parametrize("name", ["no-interpolation", "kernel51"])
def test_an_ablation_compares_two_files(tmp_path, name):
    for file, rate in (("base", 1.0), ("tested", 0.7)):
        write_results(tmp_path / f"{file}.json", results({file: rate}))
    text = commands.paper(name, str(tmp_path / "base.json"), str(tmp_path / "tested.json"))
    assert "-30.00 %" in text and "paper: " in text


def test_a_table_that_lacks_its_files_says_which():
    with pytest.raises(InputError, match="takes two results.json files, 0 given"):
        commands.paper("kernel51")
    with pytest.raises(InputError, match="there are table1, table2"):
        commands.paper("table9")


def test_table_3_prints_the_papers_figure_beside_ours():
    (line,) = [line for line in paper.table_3().splitlines() if line.startswith("image codec")]
    assert line.split()[2:] == ["5.25", "M", "38.02%", "5.25", "M", "38.04%"]


def test_table_4_names_the_papers_competitors():
    text = paper.table_4()
    assert all(name in text for name in ("B-EPIC", "TLZMC", "0.65 M/px"))
