"""The first paper's claims at the small size: each model at an equal budget, through real files.

    python benchmarks/claims.py table1 runs/claims --clips CLIPS --config.data.root=packs
    python benchmarks/claims.py interpolation runs/claims --clips CLIPS --config.data.root=packs
    python benchmarks/claims.py taps runs/claims --clips CLIPS --config.data.root=packs

`table1` is the kernel codec against scale-space flow, `interpolation` against itself without the
interpolated frame, `taps` kernels of 31 against kernels of 15. A model is a curve of four lambdas:
1,200 steps at 0.01, 600 from there at 0.005 and 0.03, 600 from 0.03 at 0.05, of the same clips in
the same order. So that curves share half of their qualities, the kernel codec has 0.1 besides, 600
steps from 0.05. All that is done stays in the folder, and the same command continues; --seed N
draws another start and other clips. CLIPS is a folder of test clips; eval.py's report, with crops
of both models at about equal rate, is in the folder, too.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from running import script

from kbvc_jax.evaluation.comparison import compare_all
from kbvc_jax.evaluation.paper import NO_INTERPOLATION, TABLE_1
from kbvc_jax.evaluation.results import read_results
from kbvc_jax.evaluation.tables import comparison_rows, refusals, text_table
from kbvc_jax.runtime.exit import exit_status

# Of each lambda where its training begins; the first from nothing, or from the interpolator.
STARTS = {0.01: None, 0.005: 0.01, 0.03: 0.01, 0.05: 0.03}
FIRST = ["--config.steps=1200", "--config.optimiser.decay_steps=700"]
NEXT = ["--config.steps=600", "--config.optimiser.decay_steps=550", "--config.loss.ramp_start=1"]
KERNEL = "configs/paper_small.py"


class Model(NamedTuple):
    config: str
    changes: Sequence[str] = ()
    interpolated: bool = False
    more: Mapping[float, float] = {}  # lambdas, and where each starts


class Claim(NamedTuple):
    title: str
    tested: str
    anchor: str
    paper: str


MODELS = {
    "kernel": Model(KERNEL, interpolated=True, more={0.1: 0.05}),
    "kernel31": Model(KERNEL, ["--config.model.kernel_size=31"], interpolated=True),
    "no_interpolation": Model("configs/no_interpolation_small.py"),
    "ssf": Model("configs/ssf_small.py"),
}
CLAIMS = {
    "table1": Claim(
        "kernels against scale-space flow",
        "kernel",
        "ssf",
        ", ".join(f"{s} {r} %" for s, r in TABLE_1.items()),
    ),
    "interpolation": Claim(
        "with and without interpolation", "kernel", "no_interpolation", f"{NO_INTERPOLATION} %"
    ),
    "taps": Claim(
        "kernels of 31 and 15 taps",
        "kernel31",
        "kernel",
        "51 taps against 31: the curves hardly change",
    ),
}


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("claim", choices=CLAIMS)
    parser.add_argument("runs", type=Path, help="folder of the runs")
    parser.add_argument("--clips", type=Path, required=True, help="folder of test clips")
    parser.add_argument("--frames", type=int, default=9, help="of each clip (default: 9)")
    parser.add_argument("--seed", type=int, default=0)
    arguments, overrides = parser.parse_known_args()
    claim, runs = CLAIMS[arguments.claim], arguments.runs / f"seed{arguments.seed}"
    seeds = [f"--config.seed={arguments.seed}", f"--config.data.seed={arguments.seed}"]
    curves = [
        f"{name}={','.join(map(str, trained(runs, name, [*overrides, *seeds])))}"
        for name in (claim.tested, claim.anchor)
    ]
    out = runs / f"{arguments.claim}-{arguments.clips.name}"
    script(
        ["eval.py", "--config=configs/folder.py", f"--config.data={arguments.clips}"]
        + [f"--config.set.name={arguments.clips.name}, {claim.title}"]
        + [f"--config.frames={arguments.frames}", "--config.anchors.codecs=()"]
        + [f"--config.beside={claim.anchor}", f"--out={out}", f"--anchor={claim.anchor}"]
        + ["--checkpoints", *curves]
    )
    found = compare_all(read_results(out / "results.json"), claim.anchor)
    ours = [c for c in found if c.codec == claim.tested]
    print("\n".join([text_table(*comparison_rows(ours)), *refusals(ours)]))
    print(f"paper: {claim.paper}")
    return 0


def trained(runs: Path, name: str, overrides: Sequence[str]) -> list[Path]:
    """The model's checkpoints, one of each lambda."""
    model, out = MODELS[name], []
    for weight, start in {**STARTS, **model.more}.items():
        own = runs / f"{name}-{weight}"
        out.append(runs / "weights" / own.name)
        if out[-1].exists():
            continue
        sources = [runs / f"{name}-{start}"] if start else []
        if model.interpolated and not start:
            sources = [runs / "interpolator"]
            train(KERNEL, sources[0], "interpolator", overrides)
        init = [f"--config.init_from={','.join(map(str, sources))}"] if sources else []
        steps = NEXT if start else FIRST
        changes = [*model.changes, f"--config.model.fixed_lambda={weight}", *steps, *init]
        stage = "codec" if model.config == KERNEL else None
        train(model.config, own, stage, [*overrides, *changes])
        script(["-m", "kbvc_jax.cli.main", "export", own, out[-1]])
    return out


def train(config: str, run: Path, stage: str | None, overrides: Sequence[str]) -> None:
    asked = [f"--stage={stage}"] if stage else []
    script(["train.py", f"--config={config}", f"--run={run}", *asked, *overrides])


if __name__ == "__main__":
    sys.exit(exit_status(run))
