"""What each idea of the second paper brings: the network without one of them, at equal steps.

    python benchmarks/ablations.py runs/ablations --stages motion \\
        --config.init_from=runs/small/interpolator --config.data.root=packs \\
        --config.steps=1000 --config.optimiser.decay_steps=900 \\
        '--config.validation.qualities=(0.0,30.0,60.0,100.0)'
    python benchmarks/ablations.py runs/full --config configs/motion.py \\
        --shared interpolator image flow --stages motion residual joint     # on a GPU

Trains the shared stages once and the others for each variant, one after the other, by train.py; the
same command continues. Of the last stage's last validation: its loss, and the BD-rate of its ladder
(mean bits a pixel, mean RGB PSNR) against the network as it is.
"""

import argparse
import sys
from pathlib import Path

from running import ROOT, script

from kbvc_jax.evaluation.bd import bd_rate
from kbvc_jax.models.complexity import coding
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.training.history import read_rows
from kbvc_jax.training.recipe import parse_training

AS_IT_IS = "as it is"
BOTH = {
    AS_IT_IS: {},
    "no interaction of the branches": {"interaction": False},
    "one segment": {"segments": 1},
}
SMALL = BOTH | {"weights w = 1/2": {"weighted": False}}
FULL = BOTH | {
    "weights w = 1/2": {"selection": "half"},
    "weights of both sides independent": {"selection": "independent"},
    "contexts joined, no weights": {"selection": "joined"},
    "no alignment": {"alignment": False},
    "no interpolated predictor": {"predictor": False},
}


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="folder of the runs")
    parser.add_argument("--config", default="configs/motion_small.py")
    parser.add_argument("--shared", nargs="*", default=[], help="stages that all begin from")
    parser.add_argument("--stages", nargs="+", required=True, help="of each variant")
    parser.add_argument("--only", nargs="*", help="these variants")
    parser.add_argument("--table", action="store_true", help="train nothing")
    arguments, overrides = parser.parse_known_args()

    model = parse_training(overrides, ROOT / arguments.config).model
    section, variants = ("fine", FULL) if model.fine else ("motion", SMALL)
    if unknown := set(arguments.only or ()) - set(variants):
        raise InputError(f"--only {unknown.pop()!r}: must be of {', '.join(variants)}")
    changes = {
        name: [f"--config.model.{section}.{key}={value}" for key, value in changed.items()]
        for name, changed in variants.items()
        if name in (arguments.only or variants)
    }
    runs, starts = arguments.runs, [o for o in overrides if o.startswith("--config.init_from=")]
    if not arguments.table:
        train(arguments.config, runs / "shared", arguments.shared, overrides)
        before = [runs / "shared" / stage for stage in arguments.shared]
        sources = [*(start.partition("=")[2] for start in starts), *map(str, before)]
        rest = [o for o in overrides if o not in starts]
        for name, changed in changes.items():
            own = [*rest, f"--config.init_from={','.join(sources)}", *changed]
            train(arguments.config, folder(runs, name), arguments.stages, own)

    print(f"{'':34}{'decoder kMAC/px':>16}{'loss':>9}{'BD-rate':>10}")
    anchor = points(folder(runs, AS_IT_IS) / arguments.stages[-1])
    for name, changed in changes.items():
        model = parse_training([*overrides, *changed], ROOT / arguments.config).model
        reached = against(points(folder(runs, name) / arguments.stages[-1]), anchor)
        print(f"{name:34}{decoder(model) / 1000:>16.1f}{reached}")
    return 0


Points = tuple[float, list[tuple[float, float]]] | None  # loss, (bits a pixel, PSNR) by quality


def against(own: Points, anchor: Points) -> str:
    if own is None:
        return "  not trained yet"
    rate = bd_rate(anchor[1], own[1]) if anchor else "no anchor"
    return f"{own[0]:>9.4f}{rate!s:>10}"


def train(config: str, run: Path, stages: list[str], overrides: list[str]) -> None:
    for stage in stages:
        command = ["train.py", f"--config={config}", f"--run={run}", f"--stage={stage}"]
        script([*command, *overrides])


def folder(runs: Path, name: str) -> Path:
    return runs / "_".join(filter(str.isalnum, name.split()))


def decoder(model: ModelConfig) -> float:
    rows = coding(model)
    return next(r.macs_per_pixel for r in rows if r.module.startswith("decoder, a B-frame"))


def points(run: Path) -> Points:
    rows = [row for row in read_rows(run) if row["kind"] == "validation"]
    if not rows:
        return None
    return rows[-1]["loss"], [(step["bpp"], step["psnr"]) for step in rows[-1]["ladder"]]


if __name__ == "__main__":
    sys.exit(exit_status(run))
