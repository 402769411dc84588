"""What training further on one's own videos brings: configs/videos.py on a film, its end left out.

    python benchmarks/own_videos.py FILM FOLDER

FILM is cut, without loss, into FOLDER/train (the first three quarters, in pieces of 32 frames),
FOLDER/validation (the next tenth) and FOLDER/test (what is left, in clips of 33 frames); the
weights that ship go on from there, and eval.py sets them before and after beside x264 and x265, by
real files of the test clips. The same command continues. Further options are those of train.py.
"""

import argparse
import sys
from pathlib import Path

from running import script

from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.video.reader import open_video
from kbvc_jax.video.writer import create_video

PIECE, CLIP = 32, 33  # frames


def run() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("film", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=9, help="of each test clip (default: 9)")
    arguments, options = parser.parse_known_args()
    film, folder = arguments.film, arguments.folder.resolve()
    cut(film, folder)
    runs, weights = folder / "run", folder / "weights"
    videos = ["--config=configs/videos.py", f"--config.data.root={folder}"]
    script(["train.py", *videos, f"--run={runs}", *options])
    script(["-m", "kbvc_jax.cli.main", "export", runs, weights, "-y"])
    script(
        ["eval.py", "--config=configs/folder.py", f"--config.data={folder / 'test'}"]
        + [f"--config.set.name={film.stem}", f"--config.frames={arguments.frames}"]
        + ["--config.keyint=32", "--config.anchors.codecs=('x264','x265')"]
        + ["--config.anchors.quantisers=(27.0,32.0,37.0,42.0,47.0)"]
        + [f"--out={folder / 'results'}", "--anchor=kbvc", "--checkpoints", "shipped"]
        + [f"own={weights}"]
    )
    return 0


def cut(film: Path, folder: Path) -> None:
    """What is there already stays; a rest too short for a piece is left out."""
    with open_video(film) as source:
        count = sum(1 for _ in source)
    train, held_out = count * 3 // 4, count * 17 // 20
    pieces = [("train", start, PIECE) for start in range(0, train - PIECE + 1, PIECE)]
    pieces += [("validation", train, held_out - train)]
    pieces += [("test", start, CLIP) for start in range(held_out, count - CLIP + 1, CLIP)]
    with open_video(film) as source:
        frames = enumerate(source)
        for part, start, length in pieces:
            path = folder / part / f"{start:06d}.mp4"
            if path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with create_video(path, source.format) as piece:
                for number, frame in frames:
                    if number >= start:
                        piece.write(frame)
                    if number == start + length - 1:
                        break


if __name__ == "__main__":
    sys.exit(exit_status(run))
