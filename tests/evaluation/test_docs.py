from evaluation.made_up import results

from kbvc_jax.evaluation.docs import portable, write_docs


def compared(rates: dict[str, float], target) -> list[tuple[str, str, str]]:
    """Codec, anchor and BD-rate of each line of the first table of BD-rates."""
    write_docs([results(rates)], target)
    table = target.read_text().split("BD-rate by ")[1].split("\n\n")[1]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return [(row[0], row[1], row[-1]) for row in rows]


def test_every_two_codecs_are_compared_once_and_x265_is_everybodys_anchor(tmp_path):
    rates = {"kbvc": 0.9, "kbvc GoP 8": 1.0, "kbvc GoP 1": 2.0, "x265": 1.0, "x264": 1.25}
    found = compared(rates, tmp_path / "results.md")
    assert found == [
        ("kbvc", "x265", "-10.00 %"),
        ("kbvc GoP 8", "x265", "+0.00 %"),
        ("kbvc GoP 1", "x265", "+100.00 %"),
        ("x264", "x265", "+25.00 %"),
        ("kbvc", "x264", "-28.00 %"),
        ("kbvc GoP 8", "x264", "-20.00 %"),
        ("kbvc GoP 1", "x264", "+60.00 %"),
        ("kbvc", "kbvc GoP 1", "-55.00 %"),
        ("kbvc GoP 8", "kbvc GoP 1", "-50.00 %"),
        ("kbvc", "kbvc GoP 8", "-10.00 %"),
    ]


def test_without_anchors_ours_are_compared_with_each_other(tmp_path):
    found = compared({"kbvc": 0.5, "kbvc GoP 8": 1.0}, tmp_path / "results.md")
    assert found == [("kbvc", "kbvc GoP 8", "-50.00 %")]


def test_a_command_keeps_no_folder_of_the_machine():
    command = "python eval.py --config.data=/here/calm --checkpoints a=/x/y/a-1,/x/a-2 shipped"
    kept = "python eval.py --config.data=calm --checkpoints a=a-1,a-2 shipped"
    assert portable(command) == kept
