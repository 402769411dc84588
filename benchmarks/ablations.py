"""What each idea of the second paper brings: its network without one of them, at equal steps.

    python benchmarks/ablations.py runs/ablations --init-from kbvc_jax/weights --root packs

Trains FlowNet once, then motion and frames of each variant, one after the other, by train.py; the
same command continues, and prints what is there. Of a variant's validation: BD-rate of its ladder
(mean bits a pixel and mean RGB PSNR of the clips, whole groups estimated as files have them)
against the network as it is.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from kbvc_jax.evaluation.bd import bd_rate
from kbvc_jax.models.complexity import coding
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.training.history import read_rows
from kbvc_jax.training.recipe import parse_training

ROOT = Path(__file__).parents[1]
AS_IT_IS = "as it is"
VARIANTS = {
    AS_IT_IS: {},
    "no interaction of the branches": {"interaction": False},
    "weights w = 1/2": {"selection": "half"},
    "no alignment": {"alignment": False},
    "no interpolated predictor": {"predictor": False},
    "one segment": {"segments": 1},
    "weights of both sides independent": {"selection": "independent"},
    "contexts joined, no weights": {"selection": "joined"},
}


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="folder of the runs")
    parser.add_argument("--config", default="configs/motion_narrow.py")
    parser.add_argument("--init-from", required=True, help="the interpolator and the I-frame codec")
    parser.add_argument("--root", required=True, help="folder of the packs")
    parser.add_argument("--only", nargs="*", choices=VARIANTS, help="these variants")
    parser.add_argument("--table", action="store_true", help="train nothing")
    arguments = parser.parse_args()

    shared = [f"--config.data.root={arguments.root}", f"--config.init_from={arguments.init_from}"]
    flow, chosen = arguments.runs / "flow", arguments.only or list(VARIANTS)
    if not arguments.table:
        train(arguments.config, flow, ["flow"], shared)
        shared[-1] += f",{flow / 'flow'}"
        for name in chosen:
            stages = ["motion", "joint"]
            train(arguments.config, folder(arguments.runs, name), stages, [*shared, *changes(name)])
    print(table(arguments.config, arguments.runs, chosen))
    return 0


def train(config: str, run: Path, stages: list[str], overrides: list[str]) -> None:
    for stage in stages:
        command = ["train.py", f"--config={config}", f"--run={run}", f"--stage={stage}"]
        subprocess.run([sys.executable, *command, *overrides], cwd=ROOT, check=True)


def changes(name: str) -> list[str]:
    return [f"--config.model.fine.{key}={value}" for key, value in VARIANTS[name].items()]


def folder(runs: Path, name: str) -> Path:
    return runs / "_".join(filter(str.isalnum, name.split()))


def table(config: str, runs: Path, names: list[str]) -> str:
    lines = [f"{'':34}{'decoder kMAC/px':>16}{'loss':>9}{'BD-rate':>10}"]
    anchor = points(folder(runs, AS_IT_IS))
    for name in names:
        model = parse_training(changes(name), ROOT / config).model
        decoder = next(row for row in coding(model) if row.module.startswith("decoder, a B-frame"))
        own = points(folder(runs, name))
        if own:
            loss, ladder = own
            rate = bd_rate(anchor[1], ladder) if anchor else "no anchor"
            found = f"{loss:>9.4f}{rate!s:>10}"
        else:
            found = "  not trained yet"
        lines.append(f"{name:34}{decoder.macs_per_pixel / 1000:>16.1f}{found}")
    return "\n".join(lines)


def points(run: Path) -> tuple[float, list[tuple[float, float]]] | None:
    """The loss of a run's last validation, and its (bits a pixel, PSNR) at each quality."""
    rows = [row for row in read_rows(run / "joint") if row["kind"] == "validation"]
    if not rows:
        return None
    return rows[-1]["loss"], [(step["bpp"], step["psnr"]) for step in rows[-1]["ladder"]]


if __name__ == "__main__":
    sys.exit(exit_status(run))
