"""Writes kbvc_jax/weights/zoo.json: what each model that ships reaches, from measured files.

    python eval.py --config=configs/folder.py --config.data=CLIPS --config.frames=9 \\
        --config.set.name='Calm-5 360p' --config.pictures=0 --anchor x264 --out=results/zoo \\
        --config.other_b_frames="('compensated','predicted','motion','kernel')" \\
        --config.anchors.codecs="('x264','x265')"
    python benchmarks/coding.py --sizes 256x256 --repeats 3 --checkpoint kbvc_jax/weights \\
        --b-frames compensated,predicted compensated predicted motion kernel --json speed.json
    python benchmarks/zoo.py results/zoo/results.json speed.json
"""

import argparse
import dataclasses
import json
from pathlib import Path

from kbvc_jax.evaluation.comparison import compare_all
from kbvc_jax.evaluation.docs import portable
from kbvc_jax.evaluation.results import Results, read_results
from kbvc_jax.models.checkpoint import load_inference
from kbvc_jax.models.complexity import coding
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.zoo import FILE, WEIGHTS, ShippedModel, Speed, Zoo

ANCHORS = ("x264", "x265")
MOTION_FREE = "Motion Free B-frame Coding for Neural Video Compression"
FINE_GRAINED = (
    "Fine-grained motion compression and selective temporal fusion for neural B-frame coding"
)
MODELS = {  # name: codecs of B-frames, about, paper; the first is the default
    "mixed": ("compensated,predicted", "each depth by what suits it, of the next two", None),
    "compensated": ("compensated", "motion of blocks, a residual, fusion", None),
    "predicted": ("predicted", "latents predicted in time, moved references fused in", None),
    "motion": ("motion", "sent motion", FINE_GRAINED),
    "kernel": ("kernel", "kernels for each pixel", MOTION_FREE),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="results.json of eval.py")
    parser.add_argument("speed", type=Path, help="JSON of benchmarks/coding.py")
    arguments = parser.parse_args()
    results, speeds = read_results(arguments.results), json.loads(arguments.speed.read_text())
    inference = load_inference(WEIGHTS)
    zoo = Zoo(
        results.environment["version"],
        inference.card["licence"],
        (portable(results.environment["command"]), coding_command(speeds)),
        tuple(model(name, inference.model.config, results, speeds) for name in MODELS),
    )
    FILE.write_text(json.dumps(dataclasses.asdict(zoo), indent=2) + "\n")


def model(name: str, config: ModelConfig, results: Results, speeds: dict) -> ShippedModel:
    b_frames, about, paper = MODELS[name]
    costs = [
        next(row for row in coding(own) if row.module.startswith("decoder, a B-frame"))
        for own in (dataclasses.replace(config, b_frames=codec) for codec in b_frames.split(","))
    ]
    contender = "kbvc" if b_frames == config.b_frames else f"kbvc {b_frames}"
    rates = {}
    for anchor in ANCHORS:
        found = next(c for c in compare_all(results, anchor) if c.codec == contender)
        if found.mean.percent is not None:
            rates[anchor] = round(found.mean.percent, 1)
    (size,) = {row.split(", ")[-1] for row in speeds}
    fps = speeds[f"kbvc {b_frames}, cpu, {size}"]
    return ShippedModel(
        name,
        b_frames,
        about,
        paper,
        max(row.parameters for row in costs),
        round(max(row.macs_per_pixel for row in costs)),
        results.set,
        rates,
        Speed(size, fps["encode"], fps["decode"]),
    )


def coding_command(speeds: dict) -> str:
    (size,) = {row.split(", ")[-1] for row in speeds}
    codecs = " ".join(b_frames for b_frames, _, _ in MODELS.values())
    return (
        f"python benchmarks/coding.py --sizes {size} --repeats 3 --checkpoint kbvc_jax/weights "
        f"--b-frames {codecs} --json speed.json"
    )


if __name__ == "__main__":
    main()
