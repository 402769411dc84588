"""Wheel and sdist: what they hold, and that they run where nothing else is installed."""

import contextlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.build import build_sdist, build_wheel

import kbvc_jax

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
MAX_BYTES = 60_000_000  # of a wheel
NEEDED = (
    "py.typed",
    "assets/bunny.mp4",
    "assets/selftest/clip.kbvc",
    "evaluation/page/report.js",
    "weights/model.json",
    "weights/README.md",
)
SIDES = ("benchmarks", "configs", "docs", "examples", "tests")  # of the package; some may be absent


def files(folder: Path, within: Path) -> set[str]:
    """Compiled bytecode and environments (.venv...) apart."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    names = [path.relative_to(within) for path in found]
    return {n.as_posix() for n in names if not any(part.startswith(".venv") for part in n.parts)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with contextlib.chdir(ROOT):
        return folder / build_wheel(str(folder))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with contextlib.chdir(ROOT):
        name = build_sdist(str(folder))
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder, filter="data")
    return folder / name.removesuffix(".tar.gz")


def kbvc(package: Path, *arguments: str) -> str:
    """By the standard library and the folder alone: -S leaves out all that is installed."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "kbvc_jax.cli.main", *arguments],
        env={**os.environ, "PYTHONPATH": str(package)},
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_holds_the_package_and_nothing_else(wheel, installed):
    assert wheel.stat().st_size < MAX_BYTES
    held = files(installed, installed)
    assert {f"kbvc_jax/{name}" for name in NEEDED} <= held
    assert {n for n in held if ".dist-info/" not in n} == files(ROOT / "kbvc_jax", ROOT)


def test_a_wheel_brings_the_command_and_the_licences(installed):
    (about,) = installed.glob("*.dist-info")
    assert "kbvc = kbvc_jax.cli.main:main" in (about / "entry_points.txt").read_text()
    assert {"LICENSE", "kbvc_jax/assets/ATTRIBUTION.md", "kbvc_jax/weights/README.md"} == files(
        about / "licenses", about / "licenses"
    )


def test_an_sdist_holds_what_the_repository_has_beside_the_package(source):
    held = files(source, source)
    beside = {"train.py", "eval.py", "pyproject.toml", "mkdocs.yml", "README.md", "CHANGELOG.md"}
    assert beside <= held
    for side in SIDES:
        assert files(ROOT / side, ROOT) <= held, side


def test_a_wheel_from_an_sdist_is_that_of_the_repository(wheel, source, tmp_path):
    with contextlib.chdir(source):
        again = tmp_path / build_wheel(str(tmp_path))
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {f.filename: f.CRC for f in one.infolist()} == {
            f.filename: f.CRC for f in other.infolist()
        }


@pytest.mark.parametrize("kind", ["installed", "source"])
def test_it_runs_alone(kind, request):
    package = request.getfixturevalue(kind)
    assert kbvc(package, "--version") == f"kbvc {kbvc_jax.__version__}\n"
    stream = package / "kbvc_jax/assets/selftest/clip.kbvc"
    assert "96x64, 5 frames" in kbvc(package, "info", str(stream))


def test_a_version_has_its_entry_in_the_changelog():
    assert f"\n## {kbvc_jax.__version__} - " in (ROOT / "CHANGELOG.md").read_text()
