"""The paper's tables, each figure beside ours. Commands of eval.py --paper."""

import dataclasses
import itertools
import statistics
import time
from collections.abc import Sequence

import numpy as np

from kbvc_jax.evaluation.comparison import compare_published, compare_results
from kbvc_jax.evaluation.results import Results, read_results
from kbvc_jax.evaluation.tables import comparison_rows, refusals, text_table
from kbvc_jax.models.complexity import complexity
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.runtime.errors import InputError

TABLE_1 = {"UVG": -29.38, "MCL-JCV": -32.75}  # BD-rate against scale-space flow, per cent
TABLE_2 = {"HEVC class B": 4.88, "UVG": 4.93, "MCL-JCV": 4.5}  # fps at 1080p on an A100
TABLE_2_AVERAGE = 4.77
TABLE_3 = {  # million parameters
    "image codec": 5.25,
    "frame interpolator": 2.8,
    "kernel heads": 0.49,
    "frame auto-encoder": 1.57,
    "frame hyperprior": 3.69,
    "total (a B-frame)": 13.8,
}
TABLE_4 = {"B-EPIC": (54.0, None), "TLZMC": (39.9, 1.50), "paper": (13.8, 0.65)}
NO_INTERPOLATION = -36.5  # of the whole model against the one without interpolated frames
WIDE_HEADS = {31: 0.49, 51: 0.65}  # million parameters of the heads by kernel size

COMMANDS = ("table1", "table2", "table3", "table4", "no-interpolation", "kernel51")


def paper(name: str, files: Sequence[str], checkpoint: str | None = None) -> str:
    wanted = {"table1": 1, "no-interpolation": 2, "kernel51": 2}.get(name, 0)
    if len(files) != wanted:
        what = {0: "no files", 1: "one results.json", 2: "two results.json files"}[wanted]
        raise InputError(f"--paper {name}: takes {what}, {len(files)} given")
    results = [read_results(file) for file in files]
    if name == "table1":
        return table_1(results[0])
    if name == "no-interpolation":
        return ablation(results, f"paper: {NO_INTERPOLATION} % for the model with interpolation")
    if name == "kernel51":
        heads = ", ".join(f"{size}: {_heads(size):.2f} M" for size in WIDE_HEADS)
        paper_heads = ", ".join(f"{size}: {count} M" for size, count in WIDE_HEADS.items())
        said = "paper: curves 'do not change much'"
        return ablation(results, f"{said}\nparameters of the heads: {heads} (paper: {paper_heads})")
    return {"table2": lambda: table_2(checkpoint), "table3": table_3, "table4": table_4}[name]()


def table_1(results: Results) -> str:
    comparisons = [c for c in compare_published(results) if c.anchor.startswith("ssf")]
    said = TABLE_1.get(results.set)
    if not comparisons or said is None:
        raise InputError(
            f"--paper table1: no published scale-space flow curve for {results.set}; UVG has two"
        )
    lines = [text_table(*comparison_rows(comparisons)), *refusals(comparisons)]
    lines += [
        f"paper: {said} % for its model, against one of these curves (it does not say which)",
        "the published curves were measured under conditions of their own",
    ]
    return "\n".join(lines)


def table_2(checkpoint: str | None, size: tuple[int, int] = (1920, 1080), frames: int = 9) -> str:
    """Frames a second of encoding and decoding by the paper's codec, I-frames and B-frames by
    kernels, medians; noise-free footage of our own making."""
    import jax

    import kbvc_jax

    codec = kbvc_jax.load(checkpoint)
    clip = drifting_gradient(*size, frames)

    def encode() -> bytes:
        return codec.encode(clip, b_frames="kernel", rounding="nearest")

    data = encode()  # compiles
    codec.decode(data)
    seconds = {"encode": [], "decode": []}
    for _, (name, call) in itertools.product(
        range(3), (("encode", encode), ("decode", lambda: codec.decode(data)))
    ):
        began = time.perf_counter()
        call()
        seconds[name].append(time.perf_counter() - began)
    device = jax.devices()[0].device_kind
    rows = [
        [f"ours, {name}, {size[0]}x{size[1]}", f"{frames / statistics.median(s):.2f}", device]
        for name, s in seconds.items()
    ]
    rows += [[f"paper, {name}, 1920x1080", f"{fps:.2f}", "A100"] for name, fps in TABLE_2.items()]
    rows.append(["paper, average", f"{TABLE_2_AVERAGE:.2f}", "A100"])
    return text_table(["", "fps", "device"], rows)


def drifting_gradient(width: int, height: int, frames: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [
        np.stack([127 + 100 * np.sin((x + 3 * t) / s + y / 31) for s in (17, 29, 41)], -1)
        for t in range(frames)
    ]
    return np.stack(waves).astype(np.uint8)


def table_3() -> str:
    rows = [row for row in complexity(ModelConfig()) if row.module in TABLE_3]
    total = rows[-1].parameters
    table = [
        [
            row.module,
            f"{row.parameters / 1e6:.2f} M",
            f"{row.parameters / total:.2%}",
            f"{TABLE_3[row.module]} M",
            f"{TABLE_3[row.module] / TABLE_3['total (a B-frame)']:.2%}",
        ]
        for row in rows
    ]
    return text_table(["module", "ours", "", "paper", ""], table)


def table_4() -> str:
    total = complexity(ModelConfig())[-1]
    rows = [["ours", f"{total.parameters / 1e6:.1f} M", f"{total.macs_per_pixel / 1e6:.2f} M/px"]]
    for name, (size, macs) in TABLE_4.items():
        rows.append([name, f"{size} M", f"{macs:.2f} M/px" if macs else "-"])
    note = "ours: encoding one B-frame, a multiply-add counted once; 0.65 is about twice that"
    return text_table(["model", "size", "multiply-adds"], rows) + f"\n{note}"


def ablation(results: Sequence[Results], said: str) -> str:
    """Of the second file's model against the first's; each is the first codec of its file."""
    base, tested = results
    comparisons = compare_results(base, tested, base.codec_names[0])[:1]
    return "\n".join([text_table(*comparison_rows(comparisons)), *refusals(comparisons), said])


def _heads(kernel_size: int) -> float:
    rows = complexity(dataclasses.replace(ModelConfig(), kernel_size=kernel_size))
    return next(row.parameters for row in rows if row.module == "kernel heads") / 1e6
