"""Decodes a folder of clips or pictures once into a pack: a few files that any host reads by range.

    python -m kbvc_jax.data.pack SRC OUT --codec h264

OUT holds part-00000.array_record (or .zip), ... and pack.json, which is written last; a local one
appears when it is whole.
"""

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import NamedTuple

from etils import epath

from kbvc_jax.data import sources
from kbvc_jax.data.decode import BrokenError, read_picture, video_length
from kbvc_jax.data.encode import Fit, encode, picture_frame, video_frames
from kbvc_jax.data.parts import Container, PartWriter
from kbvc_jax.data.records import SUFFIX
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import exit_status
from kbvc_jax.runtime.output import whole_folder

# What a clip's frames are coded as, unless said: CRF of x264 and x265, quality of JPEG.
QUALITY = {"h264": 16, "hevc": 18, "jpeg": 95}


class Record(NamedTuple):
    name: str
    first: int
    frames: int
    height: int
    width: int
    data: bytes


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return exit_status(lambda: _pack(options), "pack")


def _pack(options: argparse.Namespace) -> None:
    index = pack(**vars(options))
    frames = sum(record[2] for record in index["records"])
    print(f"{len(index['records'])} records, {frames} frames, {len(index['parts'])} parts")


def pack(
    source: str,
    out: str,
    *,
    kind: str | None = None,
    listed: str = "",
    codec: str | None = None,
    quality: int | None = None,
    size: tuple[int, int] | None = None,
    segment: int = 32,
    container: Container = "arrayrecord",
    part_size: int = 60_000_000,
    threads: int | None = None,
) -> dict:
    """Writes the pack and returns what pack.json says."""
    if not epath.Path(source).exists():
        raise InputError(f"{source}: no such folder")
    kind = kind or _guess_kind(source)
    codec = codec or ("jpeg" if kind == "stills" else "h264")
    if kind == "stills" and codec not in ("jpeg", "raw"):
        raise InputError(f"--codec {codec} is for videos; pictures are packed as jpeg or raw")
    if codec == "copy" and (kind != "videos" or size):
        raise InputError("--codec copy takes whole video files as they are, at their own size")
    if (target := epath.Path(out)).exists() and any(target.iterdir()):
        raise InputError(f"{out}: holds files already; name an empty or a new folder")
    names, read = _clips(source, kind, listed)
    fit = Fit(size, even=codec not in ("jpeg", "raw"))
    work = partial(_records, source, read, fit, codec, quality or QUALITY.get(codec, 0), segment)

    tolerance = sources.Tolerance(source, len(names))
    with _new_folder(out) as folder, ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        writer = PartWriter(folder, container, part_size)
        parts = writer.parts
        index = {"version": sources.PACK_VERSION, "codec": codec, "parts": parts, "records": []}
        try:
            for name, (records, error) in zip(names, pool.map(work, names), strict=True):
                if error:
                    tolerance.record(name, error)
                for record in records:
                    file = f"{record.name}/{record.first:06d}.{SUFFIX[codec]}"
                    writer.write(file, record.data)
                    index["records"].append(record[:5])
        finally:
            pool.shutdown(cancel_futures=True)
            writer.close()
        (folder / "pack.json").write_text(json.dumps(index))
    return index


@contextlib.contextmanager
def _new_folder(out: str) -> Iterator[epath.Path]:
    """Whole or not there; in a bucket, which renames no folder, not whole without pack.json."""
    if "://" in out:
        yield epath.Path(out)
        return
    with whole_folder(out, True, ()) as folder:
        yield epath.Path(folder)


def _clips(source: str, kind: str, listed: str) -> tuple[Sequence[str], Callable]:
    """Names of the clips, and what gives the length and the frames of one."""
    if kind == "vimeo":
        septuplets = sources.VimeoSource(source, listed)

        def read(name: str):
            folder = f"{source}/sequences/{name}"
            return 7, (picture_frame(read_picture(f"{folder}/im{k}.png")) for k in range(1, 8))

        return septuplets.names, read
    suffixes = sources.VIDEOS if kind == "videos" else sources.PICTURES
    if not (names := sources.find(source, listed, suffixes)):
        raise InputError(f"{source}: holds no {kind}")
    if kind == "videos":
        return names, lambda name: (
            video_length(f"{source}/{name}")[0],
            video_frames(f"{source}/{name}"),
        )
    return names, lambda name: (1, iter([picture_frame(read_picture(f"{source}/{name}"))]))


def _records(
    source: str, read: Callable, fit: Fit, codec: str, quality: int, segment: int, name: str
) -> tuple[list[Record], BrokenError | None]:
    """A clip cut into nearly equal records of at most `segment` frames; none if it is broken."""
    try:
        length, frames = read(name)
        if codec == "copy":
            frame, data = next(frames), epath.Path(f"{source}/{name}").read_bytes()
            return [Record(name, 0, length, frame.height, frame.width, data)], None
        records = []
        for first, count in sources.stretches(length, segment):
            if part := [fit(frame) for frame in islice(frames, count)]:
                data = encode(part, codec, quality)
                records.append(Record(name, first, len(part), part[0].height, part[0].width, data))
        return records, None
    except BrokenError as error:
        return [], error


def _guess_kind(source: str) -> str:
    if (epath.Path(source) / "sequences").exists():
        return "vimeo"
    videos, stills = (sources.find(source, "", s) for s in (sources.VIDEOS, sources.PICTURES))
    if bool(videos) == bool(stills):
        held = "both videos and pictures" if videos else "neither videos nor pictures"
        raise InputError(f"{source}: holds {held}; say which with --kind")
    return "videos" if videos else "stills"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kbvc_jax.data.pack", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("source", metavar="SRC", help="folder; local or gs://")
    add("out", metavar="OUT", help="new or empty folder")
    add("--kind", choices=["vimeo", "videos", "stills"], help="what SRC holds (default: look)")
    add("--list", dest="listed", default="", help="file in SRC: what to take of it, one a line")
    add(
        "--codec",
        choices=list(SUFFIX),
        help="h264 (default for clips), hevc: small. copy: whole "
        "video files as they are. jpeg (default for stills): any frame at once. raw: no decoding",
    )
    add("--quality", type=int, help=f"CRF, or quality of JPEG (default {QUALITY})")
    add(
        "--size",
        type=_size,
        help="WxH: scale to cover this and crop the rest (resident data has one size)",
    )
    add("--segment", type=int, default=32, help="frames a record at most (default %(default)s)")
    add(
        "--container",
        choices=["arrayrecord", "zip"],
        default="arrayrecord",
        help="zip needs no library to be read (default %(default)s)",
    )
    add("--part-size", type=_bytes, default="60MB", help="of a file at most (default %(default)s)")
    add("--threads", type=int, help="default: one a core")
    return parser


def _size(text: str) -> tuple[int, int]:
    if not (match := re.fullmatch(r"(\d+)x(\d+)", text)):
        raise argparse.ArgumentTypeError(f"{text!r}; write WxH, for example 640x360")
    return int(match[1]), int(match[2])


def _bytes(text: str) -> int:
    if not (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMG]?)B?", text)):
        raise argparse.ArgumentTypeError(f"{text!r}; write for example 60MB")
    return int(float(match[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[match[2]])


if __name__ == "__main__":
    sys.exit(main())
