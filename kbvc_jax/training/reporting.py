"""What one sees of a run: a line, a log, TensorBoard, curve and sample of the latest validation."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from etils import epath
from PIL import Image

from kbvc_jax.inspection.sheet import draw_sheet
from kbvc_jax.models.codecs.contract import Size
from kbvc_jax.training.history import LOG, drop_after
from kbvc_jax.training.loss import LEVEL_NAMES
from kbvc_jax.training.validation import Validation


class Reporter:
    """Writes on the first host alone; on the others it keeps silent."""

    def __init__(self, folder: epath.Path, steps: int, start: int, frames_a_step: int):
        self._speaks = jax.process_index() == 0
        self._folder, self._steps, self._frames = folder, steps, frames_a_step
        self._step, self._time = start, time.monotonic()
        self._log = folder / LOG
        self._board = None
        if self._speaks:
            drop_after(folder, start)
            self._board = self._open_board(start)

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._board:
            self._board.close()

    def say(self, text: str) -> None:
        if self._speaks:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        if self._speaks:
            print(f"warning: {text}", file=sys.stderr, flush=True)

    def compiling(self) -> None:
        cache = jax.config.values["jax_compilation_cache_dir"]
        kept = f"kept in {cache} for the next start" if cache else "anew at every start"
        self.say(f"compiling the training step, {kept}; large models take minutes")
        self.restart_clock()

    def compiled(self, step: int) -> None:
        """After the first step, whose time says nothing about the others'."""
        self.say(f"compiled and took the first step in {time.monotonic() - self._time:.1f} s")
        self._step = step
        self.restart_clock()

    def restart_clock(self) -> None:
        """After work that is not training."""
        self._time = time.monotonic()

    def training(self, step: int, metrics: Mapping[str, float]) -> None:
        speeds, parts = self._speeds(step), [f"step {step}/{self._steps}"]
        if speeds:
            parts.append(f"{speeds['steps_per_second']:.3g} steps/s")
            parts.append(f"{speeds['frames_per_second']:.3g} frames/s")
        parts.append(f"loss {metrics['loss']:.4f}")
        if "bpp" in metrics:
            parts.append(f"{metrics['bpp']:.4f} bpp")
        if "psnr" in metrics:
            levels = [
                f"{level} {metrics[f'psnr/{level}']:.2f}"
                for level in LEVEL_NAMES
                if f"psnr/{level}" in metrics
            ]
            parts.append(f"PSNR {' '.join(levels) or format(metrics['psnr'], '.2f')} dB")
        if metrics["skipped"]:
            parts.append(f"skipped {metrics['skipped']:.0f}")
        if speeds:
            left = (self._steps - step) / speeds["steps_per_second"]
            parts.append(f"{_duration(left)} left")
        self.say("  ".join(parts))
        self._write("train", step, {**metrics, **speeds})

    def _speeds(self, step: int) -> dict[str, float]:
        """Since the last report; none of the first step alone."""
        steps, seconds = step - self._step, max(time.monotonic() - self._time, 1e-9)
        self._step, self._time = step, time.monotonic()
        if not steps:
            return {}
        speed = steps / seconds
        return {"steps_per_second": speed, "frames_per_second": speed * self._frames}

    def validation(self, step: int, result: Validation, best: bool) -> None:
        rungs = ", ".join(_means(rung, " at ") for rung in result.ladder)
        note = " (best)" if best else ""
        self.say(f"validation {step}: loss {result.loss:.4f}{note}  {rungs}")
        self._write("validation", step, result.summary, ladder=result.ladder)
        if not self._speaks:
            return
        if self._board:
            source = result.source.astype(np.float32) / 255
            shown = [found.frames for found in result.found]
            rows = [np.concatenate(list(source), 1)] if len(source) == len(shown[0]) else []
            rows += [np.concatenate(list(frames), 1) for frames in shown]
            self._board.add_image("validation", np.concatenate(rows), step, dataformats="HWC")
        self._draw(step, result)
        if {"bpp", "psnr"} <= result.ladder[0].keys() and len(result.ladder) > 1:
            self._plot(step, result)

    def _write(self, kind: str, step: int, values: Mapping[str, float], **more: Any) -> None:
        if not self._speaks:
            return
        row = {"kind": kind, "step": step, "time": round(time.time(), 1), **values, **more}
        with self._log.open("a") as file:
            file.write(json.dumps(row) + "\n")
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def _open_board(self, start: int) -> Any:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            self.warn("tensorboardX is not installed: no TensorBoard, metrics.jsonl has it all")
            return None
        return SummaryWriter(str(self._folder), purge_step=start + 1)

    def _draw(self, step: int, result: Validation) -> None:
        """The middle of the ladder."""
        number = len(result.ladder) // 2
        rung, found = result.ladder[number], result.found[number]
        title = [
            f"validation, step {step}: the middle frame of the first clip",
            f"quality {rung['quality']:g}; {_means(rung, ', ')} of all clips",
        ]
        sheet = draw_sheet(title, [found.compared, found.pictures], Size(*result.source.shape[1:3]))
        with (self._folder / "sample.png").open("wb") as file:
            Image.fromarray(sheet).save(file, "png")
        if self._board:
            self._board.add_image("sample", sheet, step, dataformats="HWC")

    def _plot(self, step: int, result: Validation) -> None:
        try:
            from matplotlib.figure import Figure
        except ImportError:
            return
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        ladder = sorted(result.ladder, key=lambda rung: rung["bpp"])
        axes.plot([r["bpp"] for r in ladder], [r["psnr"] for r in ladder], "o-")
        axes.set(xlabel="bits a pixel", ylabel="RGB PSNR (dB)", title=f"validation, step {step}")
        axes.grid(alpha=0.3)
        with (self._folder / "curve.png").open("wb") as file:
            figure.savefig(file, dpi=120)


def _means(rung: Mapping[str, float], between: str) -> str:
    """What a stage measures: PSNR, bits a pixel or both."""
    units = {"psnr": "{:.2f} dB", "bpp": "{:.4f} bpp"}
    return between.join(unit.format(rung[name]) for name, unit in units.items() if name in rung)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
