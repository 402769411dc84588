"""Both papers' full models on one GPU, in commands of about ten minutes.

    python benchmarks/one_gpu.py FOOTAGE WORK              # the next step that is not done
    python benchmarks/one_gpu.py FOOTAGE WORK pack         # one step
    python benchmarks/one_gpu.py FOOTAGE WORK --rehearse   # all of it on a processor, far too small

Each call does what its step has left, --minutes of it at most (9), and says what it reached; the
same call continues. Steps stand in the order in which time pays most: what both papers share, then
the first paper's codec and what this project adds to it, then the second paper. FOOTAGE has train/,
validation/ and stills/ (docs/training.md). All that is made lies in WORK: to go on elsewhere, take
it along. Arguments as --config.KEY=VALUE go to every train.py.

The rehearsal leaves what a run leaves: packs, runs, weights/full and weights/motion, results,
speed.json. On a GPU unmeasured.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from running import ROOT, script

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.training.history import read_rows
from kbvc_jax.training.recipe import Recipe, parse_training
from kbvc_jax.training.run_recipe import finished

FULL, MOTION = "configs/full.py", "configs/motion.py"
STAGES = {  # step: recipe, stage
    "interpolator": (FULL, "interpolator"),
    "image": (FULL, "image"),
    "kernel": (FULL, "codec"),
    "hyperprior": (FULL, "hyperprior"),
    "fusion": (FULL, "fusion"),
    "flow": (MOTION, "flow"),
    "motion": (MOTION, "motion"),
    "residual": (MOTION, "residual"),
    "joint": (MOTION, "joint"),
    "groups": (MOTION, "groups"),
}
STEPS = ("pack", *STAGES, "export", "evaluate", "speed")
TINY = [  # of every stage
    *(f"--config.model.{codec}.hidden_channels=8,8,8" for codec in ("image", "frame")),
    *(f"--config.model.{codec}.latent_channels=16" for codec in ("image", "frame")),
    *(f"--config.model.{codec}.hyper_channels=8,8" for codec in ("image", "frame")),
    "--config.model.head_channels=4",
    "--config.model.kernel_size=5",
    "--config.model.interpolator.channels=4,4,6,6",
    "--config.model.interpolator.side_channels=2",
    "--config.data.crop=64,64",
    "--config.data.batch_size=1",
    "--config.validation.clips=1",
    "--config.validation.data.batch_size=1",
    "--config.validation.data.crop=64,64",
    "--config.validation.every=2",
    "--config.steps=2",
]
TINY_FINE = [
    "--config.model.fine.flow_channels=3,4,3,2",
    "--config.model.fine.motion_channels=4",
    "--config.model.fine.context_channels=4,5,6",
    "--config.model.fine.latent_channels=8",
    "--config.groups.data.frames=3",  # nine take a processor minutes to compile
    "--config.groups.remat=false",
    "--config.groups.validation.data.frames=3",
]


class Session(NamedTuple):
    footage: Path
    work: Path
    minutes: float
    overrides: Sequence[str]
    rehearsal: bool

    def done(self, step: str) -> Path:
        return self.work / "done" / step

    def training(self, recipe: str) -> list[str]:
        """Overrides of a recipe's stages."""
        tiny = TINY + TINY_FINE * (recipe == MOTION) if self.rehearsal else []
        return [f"--config.data.root={self.work / 'packs'}", *tiny, *self.overrides]


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("footage", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("step", nargs="?", choices=STEPS)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--rehearse", action="store_true")
    arguments, overrides = parser.parse_known_args()
    if not arguments.footage.is_dir():
        raise InputError(f"{arguments.footage}: must be a folder with train, validation, stills")
    session = Session(
        arguments.footage.resolve(),
        arguments.work.resolve(),
        arguments.minutes,
        overrides,
        arguments.rehearse,
    )
    left = [step for step in STEPS if not session.done(step).exists()]
    chosen = [arguments.step] if arguments.step else left if arguments.rehearse else left[:1]
    for step in chosen:
        print(f"{step}: begins", flush=True)
        done = train(session, *STAGES[step]) if step in STAGES else OTHERS[step](session)
        if done:
            session.done(step).parent.mkdir(exist_ok=True)
            session.done(step).touch()
        more = "done" if done else "has more to do; the same command continues"
        print(f"{step}: {more}", flush=True)
    if not left:
        print(f"all is done: {session.work}")
    return 0


def train(session: Session, recipe: str, stage: str) -> bool:
    """Whether it has had all its steps; says what it reached."""
    folder, overrides = session.work / Path(recipe).stem, session.training(recipe)
    if recipe == MOTION:  # what the second paper has in common with the first
        shared = ",".join(str(session.work / "full" / name) for name in ("interpolator", "image"))
        overrides = [*overrides, f"--config.init_from={shared}"]
    script(
        ["train.py", f"--config={recipe}", f"--run={folder}", f"--stage={stage}"]
        + [f"--minutes={session.minutes}", *overrides]
    )
    rows = [row for row in read_rows(folder / stage) if row["kind"] == "validation"]
    if rows:
        best = min(rows, key=lambda row: row["loss"])
        print(f"{stage}: validation {best['loss']:.4f} at step {best['step']}", flush=True)
    config = parse_training(overrides, ROOT / recipe)
    assert isinstance(config, Recipe)
    return finished(folder / stage, config[stage])


def pack(session: Session) -> bool:
    how = {"train": ["--codec", "copy"], "validation": ["--codec", "copy"]}
    for part, options in (how | {"stills": ["--size", "960x540"]}).items():
        target = session.work / "packs" / part
        if not target.exists():
            source = session.footage / part
            script(["-m", "kbvc_jax.data.pack", source, target, "--container", "zip", *options])
    return True


def export(session: Session) -> bool:
    for name in ("full", "motion"):
        target = session.work / "weights" / name
        script(
            ["-m", "kbvc_jax.cli.main", "export", session.work / name, target]
            + ["--dtype", "float16", "-y"]
        )
    return True


def evaluate(session: Session) -> bool:
    weights = session.work / "weights"
    few = ["--config.frames=3", "--config.qualities=(50.0,)"]
    script(
        ["eval.py", "--config=configs/folder.py", f"--config.data={session.footage}/validation"]
        + ["--config.frames=17", "--config.anchors.codecs=('x264','x265')"]
        + ["--config.pictures=0", f"--out={session.work / 'results'}", "--anchor=x264"]
        + (few if session.rehearsal else [])
        + ["--checkpoints", f"full={weights}/full", f"motion={weights}/motion", "shipped"]
    )
    return True


def speed(session: Session) -> bool:
    toy = ["--sizes", "64x64", "--frames", "3", "--repeats", "1", "--device", "cpu"]
    full = ["--sizes", "640x384", "1920x1080", "--device", "gpu"]
    script(
        ["benchmarks/coding.py", "--json", session.work / "speed.json"]
        + (toy if session.rehearsal else full)
        + ["--configs", "configs/paper.py", FULL, MOTION, "configs/ssf.py"]
    )
    return True


OTHERS: dict[str, Callable[[Session], bool]] = {
    "pack": pack,
    "export": export,
    "evaluate": evaluate,
    "speed": speed,
}


if __name__ == "__main__":
    sys.exit(exit_status(run, "one_gpu.py"))
