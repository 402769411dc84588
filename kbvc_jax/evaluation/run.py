"""A run: every codec on every sequence at every setting, over the local devices."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kbvc_jax.evaluation import clips as clip_finding
from kbvc_jax.evaluation import perceptual
from kbvc_jax.evaluation.anchors import anchors
from kbvc_jax.evaluation.clips import Clip, find_clips, set_name
from kbvc_jax.evaluation.conditions import describe
from kbvc_jax.evaluation.config import EvaluationConfig, check
from kbvc_jax.evaluation.contender import Contender
from kbvc_jax.evaluation.environment import environment, made_by
from kbvc_jax.evaluation.measure import Fidelity, Judge, measure
from kbvc_jax.evaluation.ours import load_ours
from kbvc_jax.evaluation.pictures import check_crops, take_pictures
from kbvc_jax.evaluation.results import Failure, Point, Results, write_results
from kbvc_jax.evaluation.store import Store, point_key
from kbvc_jax.evaluation.workers import spread
from kbvc_jax.runtime.errors import InputError

Progress = Callable[[int, int], None]  # frames measured, frames in all
Say = Callable[[str], None]


class Task(NamedTuple):
    contender: Contender
    clip: Clip
    setting: float


class Run:
    def __init__(self, config: EvaluationConfig, folder: Path, shard: str | None = None):
        check(config)
        perceptual.require(config.vmaf, config.lpips)
        self.config, self.folder = config, folder
        part = f"-{shard.replace('/', '-of-')}" if shard else ""
        self.target = folder / f"results{part}.json"
        clips = find_clips(config)
        self.clips = clip_finding.shard(clips, shard) if shard else clips
        if not self.clips:
            raise InputError(f"--shard {shard}: the set has {len(clips)} sequences")
        check_crops(config, self.clips)
        beside = anchors(config)
        self.contenders: list[Contender] = [*load_ours(config), *beside]
        if not self.contenders:
            raise InputError("nothing to measure: set checkpoints or anchors.codecs")
        self.store = Store(folder)
        self.conditions = describe(config, set_name(config), self.clips)

    def measure_all(self, progress: Progress, say: Say, command: str) -> Results:
        tasks = [
            Task(contender, clip, float(setting))
            for clip in self.clips
            for contender in self.contenders
            for setting in contender.settings
        ]
        points, failures = self._work(tasks, progress, say)
        pictures = take_pictures(self, points, say)
        results = Results(
            set=self.conditions["set"],
            conditions=self.conditions,
            environment=environment(command, self.config),
            codecs=[contender.identity for contender in self.contenders],
            points=points,
            failures=failures,
            pictures=pictures,
        )
        write_results(self.target, results)
        return results

    def point(self, contender: Contender, clip: Clip, setting: float) -> tuple[Point, Path]:
        """From the store, or measured now."""
        key = point_key(contender, clip, setting, self.conditions["metrics"])
        stream = self.store.stream(key, contender)
        point = self.store.find(key, contender)
        if point is None:
            judges = self._judges(clip)
            point = measure(contender, clip, setting, stream, judges, made_by())
            self.store.keep(key, point)
        return point, stream

    def _judges(self, clip: Clip) -> list[Judge]:
        judges: list[Judge] = [Fidelity(clip)]
        judges += [perceptual.Vmaf(clip)] * self.config.vmaf
        judges += [perceptual.Lpips(clip)] * self.config.lpips
        return judges

    def _work(
        self, tasks: list[Task], progress: Progress, say: Say
    ) -> tuple[list[Point], list[Failure]]:
        missing = [task for task in tasks if self._stored(task) is None]
        if len(missing) < len(tasks):
            say(f"{len(tasks) - len(missing)} of {len(tasks)} points are there already")
        done, total = 0, sum(task.clip.frames for task in missing)
        failures = []
        for task, outcome in spread(missing, self._measured):
            if isinstance(outcome, Exception):
                failure = _failure(task, outcome)
                say(f"failed: {failure.codec} on {failure.sequence}: {failure.reason}")
                failures.append(failure)
            done += task.clip.frames
            progress(done, total)
        found = [self._stored(task) for task in tasks]
        return [point for point in found if point is not None], failures

    def _stored(self, task: Task) -> Point | None:
        key = point_key(*task, self.conditions["metrics"])
        return self.store.find(key, task.contender)

    def _measured(self, task: Task) -> Point:
        return self.point(*task)[0]


def _failure(task: Task, error: Exception) -> Failure:
    text = str(error).strip().splitlines()
    kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
    reason = kind + (text[0] if text else "no message")
    return Failure(task.contender.name, task.clip.name, task.setting, reason)
