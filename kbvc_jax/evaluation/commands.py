"""What eval.py does, a function a command. Each returns what it says."""

import dataclasses
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from kbvc_jax.evaluation import paper as papers
from kbvc_jax.evaluation.comparison import (
    ANCHOR,
    check_metric,
    compare_all,
    compare_published,
    compare_results,
)
from kbvc_jax.evaluation.results import METRICS, Results, merge, read_results, write_results
from kbvc_jax.evaluation.tables import comparison_rows, refusals, summary, text_table
from kbvc_jax.runtime.errors import InputError


def measure(
    arguments: Sequence[str],
    folder: Path,
    shard: str | None,
    quiet: bool,
    checkpoints: Sequence[str] | None = None,
    models: str | None = None,
) -> Results:
    from kbvc_jax.config import parse_config
    from kbvc_jax.evaluation.config import EvaluationConfig
    from kbvc_jax.evaluation.run import Run
    from kbvc_jax.runtime.backend import start_backend
    from kbvc_jax.runtime.progress import Progress

    config = parse_config(arguments, EvaluationConfig)
    if checkpoints:
        config = dataclasses.replace(config, checkpoints=tuple(checkpoints))
        arguments = [*arguments, "--checkpoints", *checkpoints]
    if models:
        config = dataclasses.replace(config, models=tuple(models.split(",")))
        arguments = [*arguments, "--models", models]
    progress = Progress(quiet)
    progress.say(f"running on {start_backend()}")
    run = Run(config, folder, shard)
    progress.start()
    return run.measure_all(progress.step, progress.say, command(arguments))


def conclude(results: Results, folder: Path, anchor: str | None, metric: str) -> str:
    """Draws the curves, writes the page, and gives the tables."""
    from kbvc_jax.evaluation.page import write_report
    from kbvc_jax.evaluation.plot import plot

    check_metric(metric)
    if not results.points:
        first = results.failures[0]
        return f"nothing was measured; {first.codec} on {first.sequence}: {first.reason}"
    plot(results, folder / "rd.png")
    page = write_report(results, folder)
    names = results.codec_names
    chosen = anchor or (ANCHOR if ANCHOR in names else names[-1])
    comparisons = compare_all(results, chosen, metric) + compare_published(results, metric)
    failed = [f"failed: {f.codec} on {f.sequence}: {f.reason}" for f in results.failures]
    parts = [summary(results, comparisons), "\n".join(failed), f"{page}"]
    return "\n\n".join(part for part in parts if part)


def merge_shards(files: Sequence[str], folder: Path) -> Results:
    merged = merge([read_results(file) for file in files])
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for file in files:
        for picture in (Path(file).parent / "pictures").glob("*.png"):
            if picture.parent.resolve() != (folder / "pictures").resolve():
                shutil.copy(picture, folder / "pictures")
    write_results(folder / "results.json", merged)
    return merged


def compare(
    files: Sequence[str], anchor: str | None = None, metric: str = "psnr", unlike: bool = False
) -> str:
    a, b = files
    comparisons = compare_results(read_results(a), read_results(b), anchor, metric, unlike)
    lines = [f"BD-rate by {METRICS[metric][0]} of {b} against {a}:"]
    lines += [text_table(*comparison_rows(comparisons)), *refusals(comparisons)]
    return "\n".join(lines)


def paper(name: str, *files: str, checkpoint: str | None = None) -> str:
    if name not in papers.COMMANDS:
        raise InputError(f"--paper {name}: there are {', '.join(papers.COMMANDS)}")
    return papers.paper(name, files, checkpoint)


def docs(files: Sequence[str]) -> str:
    from kbvc_jax.evaluation.docs import TARGET, write_docs

    write_docs([read_results(file) for file in files])
    return str(TARGET)


def command(arguments: Sequence[str]) -> str:
    """As a user types it."""
    return shlex.join(["python", "eval.py", *arguments])
