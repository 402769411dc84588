import csv
import json

from evaluation.made_up import results

from kbvc_jax.evaluation.docs import portable, write_docs

OURS = "against x264, RGB PSNR"


def compared(rates: dict[str, float], target) -> list[tuple[str, str, str]]:
    """Codec, anchor and BD-rate by PSNR of the averaged curve."""
    write_docs([results(rates)], target)
    with (target.with_suffix("") / "made-up" / "bd-rates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (row["codec"], row["against"], row["per cent"])
        for row in rows
        if (row["metric"], row["clip"]) == ("RGB PSNR", "average curve")
    ]


def test_every_two_codecs_are_compared_once_and_x265_is_everybodys_anchor(tmp_path):
    rates = {"kbvc": 0.9, "kbvc GoP 8": 1.0, "kbvc GoP 1": 2.0, "x265": 1.0, "x264": 1.25}
    found = compared(rates, tmp_path / "results.md")
    assert found == [
        ("kbvc", "x265", "-10.00"),
        ("kbvc GoP 8", "x265", "+0.00"),
        ("kbvc GoP 1", "x265", "+100.00"),
        ("x264", "x265", "+25.00"),
        ("kbvc", "x264", "-28.00"),
        ("kbvc GoP 8", "x264", "-20.00"),
        ("kbvc GoP 1", "x264", "+60.00"),
        ("kbvc", "kbvc GoP 1", "-55.00"),
        ("kbvc GoP 8", "kbvc GoP 1", "-50.00"),
        ("kbvc", "kbvc GoP 8", "-10.00"),
    ]


def test_without_anchors_ours_are_compared_with_each_other(tmp_path):
    found = compared({"kbvc": 0.5, "kbvc GoP 8": 1.0}, tmp_path / "results.md")
    assert found == [("kbvc", "kbvc GoP 8", "-50.00")]


def test_without_anchors_a_part_shows_each_clip_against_one_of_ours(tmp_path):
    target = tmp_path / "results.md"
    write_docs([results({"kbvc": 0.5, "ssf": 1.0}, ("one", "two"), "flow")], target)
    text = target.read_text()
    assert "| against ssf, RGB PSNR | mean | average curve | one | two |" in text
    assert (
        "| kbvc | -50.00 % | -50.00 % | -50.00 % | -50.00 % |" in text and "\n| ssf | " not in text
    )


def test_the_page_opens_with_one_row_a_codec_of_ours_and_has_a_part_a_set(tmp_path):
    target = tmp_path / "results.md"
    rates = {"kbvc": 0.9, "x265": 1.0, "x264": 1.25}
    write_docs([results(rates, ("one", "two"), "first set")], target)
    text = target.read_text()
    (row,) = [line for line in text.splitlines() if line.startswith("| first set | kbvc |")]
    assert "| -28.00 % | -10.00 % |" in row and "| 1.00 | 2.00 |" not in row
    assert "| 5.00 | 10.00 | 0 |" in row  # frames a second, version
    assert text.index("| first set |") < text.index("## first set") < text.index(f"| {OURS} |")
    assert "[points.csv](results/first-set/points.csv)" in text


def test_a_set_measured_anew_replaces_its_own_part_keeps_its_remark_and_the_others(tmp_path):
    target = tmp_path / "results.md"
    write_docs([results({"kbvc": 0.5, "x264": 1.0}, set_name="one")], target)
    about = tmp_path / "results" / "one" / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "remark": "By hand."}))
    write_docs([results({"kbvc": 0.8, "x264": 1.0}, set_name="two")], target)
    assert "| -50.00 % |" in target.read_text() and "| -20.00 % |" in target.read_text()
    write_docs([results({"kbvc": 0.6, "x264": 1.0}, set_name="one")], target)
    text = target.read_text()
    assert "| -50.00 % |" not in text and "| -40.00 % |" in text and "| -20.00 % |" in text
    assert "By hand." in text


def test_a_command_keeps_no_folder_of_the_machine():
    command = "python eval.py --config.data=/here/calm --checkpoints a=/x/y/a-1,/x/a-2 shipped"
    kept = "python eval.py --config.data=calm --checkpoints a=a-1,a-2 shipped"
    assert portable(command) == kept
