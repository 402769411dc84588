"""report.html: one page that needs nothing else, for a browser without a network."""

import base64
import html
import json
from importlib import resources
from pathlib import Path
from typing import Any

from kbvc_jax.evaluation.comparison import compare_all, compare_published
from kbvc_jax.evaluation.published import published_curves
from kbvc_jax.evaluation.results import METRICS, Results, average_curve, curve
from kbvc_jax.evaluation.tables import comparison_rows, refusals

AVERAGE = "average of the set"


def write_report(results: Results, folder: Path) -> Path:
    """`folder` holds the pictures that the results name."""
    files = resources.files(__name__)
    page = (files / "report.html").read_text()
    parts = {
        "TITLE": html.escape(f"{results.set}: rate and distortion"),
        "STYLE": (files / "report.css").read_text(),
        "SCRIPT": "\n".join((files / name).read_text() for name in ("plot.js", "report.js")),
        # Inside a script element, "</" would end it.
        "DATA": json.dumps(_data(results, folder), separators=(",", ":")).replace("</", "<\\/"),
    }
    for name, text in parts.items():
        page = page.replace(f"{{{{{name}}}}}", text)
    target = folder / "report.html"
    target.write_text(page)
    return target


def _data(results: Results, folder: Path) -> dict[str, Any]:
    metrics = [m for m in METRICS if any(p.mean(m) is not None for p in results.points)]
    several = len(results.sequences) > 1
    scopes = [AVERAGE] * several + results.sequences
    return {
        "set": results.set,
        "metrics": {metric: METRICS[metric][0] for metric in metrics},
        "scopes": scopes,
        "codecs": results.codec_names,
        "curves": {
            metric: {scope: _curves(results, scope, metric) for scope in scopes}
            for metric in metrics
        },
        "bd": {metric: _bd(results, metric) for metric in metrics},
        "frames": _frames(results),
        "pictures": [_picture(picture, folder) for picture in results.pictures],
        "conditions": _conditions(results),
        "failures": [
            f"failed: {f.codec} on {f.sequence} at {f.setting:g}: {f.reason}"
            for f in results.failures
        ],
    }


def _curves(results: Results, scope: str, metric: str) -> dict[str, Any]:
    """{codec: points}, published ones marked."""
    out = {}
    for codec in results.codec_names:
        if scope == AVERAGE:
            points = average_curve(results, codec, metric)
        else:
            points = curve(results.of(codec, scope), metric)
        if points:
            out[codec] = {"points": points, "published": False}
    if scope == AVERAGE:
        for name, points in published_curves(results.set, metric).items():
            out[f"{name} (published)"] = {"points": points, "published": True}
    return out


def _bd(results: Results, metric: str) -> dict[str, Any]:
    """{anchor: table}."""
    out = {}
    for anchor in results.codec_names:
        comparisons = compare_all(results, anchor, metric)
        header, rows = comparison_rows(comparisons)
        out[anchor] = {"header": header, "rows": rows, "refused": refusals(comparisons)}
    if published := compare_published(results, metric):
        header, rows = comparison_rows(published)
        out["published curves"] = {"header": header, "rows": rows, "refused": []}
    return out


def _frames(results: Results) -> dict[str, Any]:
    """{sequence: {codec, setting: what each frame cost and how close it came}}."""
    units = {codec["name"]: codec["setting"] for codec in results.codecs}
    out: dict[str, Any] = {name: {} for name in results.sequences}
    for point in results.points:
        columns = {"psnr": [round(value, 3) for value in point.frames["psnr"]]}
        if "bits" in point.frames:
            columns["kilobits"] = [round(bits / 1000, 3) for bits in point.frames["bits"]]
        label = f"{point.codec}, {units[point.codec]} {point.setting:g}"
        out[point.sequence][label] = columns
    return out


def _picture(picture: dict[str, Any], folder: Path) -> dict[str, Any]:
    images = []
    for image in picture["images"]:
        encoded = base64.b64encode((folder / image["file"]).read_bytes()).decode()
        label = image["name"]
        if "psnr" in image:
            label += (
                f", {image['bits_per_pixel']:.4f} bits/pixel, this frame {image['psnr']:.2f} dB"
            )
        images.append(
            {"name": image["name"], "label": label, "data": f"data:image/png;base64,{encoded}"}
        )
    title = f"{picture['sequence']}, frame {picture['frame']}"
    return {
        "title": title,
        "width": picture["width"],
        "height": picture["height"],
        "images": images,
    }


def _conditions(results: Results) -> list[tuple[str, str]]:
    conditions, environment = results.conditions, results.environment
    rows = [
        ("command", environment["command"]),
        ("group of pictures", f"{conditions['gop']}; intra period {conditions['intra_period']}"),
    ]
    rows += [(name, text) for name, text in conditions["definitions"].items()]
    for s in conditions["sequences"]:
        colour = f"BT.{s['matrix']} {'full' if s['full_range'] else 'limited'} range"
        size = f"{s['width']}x{s['height']}, {s['frames']} frames, {s['rate']} fps"
        rows.append((s["name"], f"{size}, {colour}, {s['bit_depth']} bits, chroma {s['chroma']}"))
    for codec in results.codecs:
        rest = {k: v for k, v in codec.items() if k not in ("name", "kind", "setting")}
        rows.append((codec["name"], json.dumps(rest)))
    libraries = ", ".join(f"{name} {v}" for name, v in environment["libraries"].items())
    rows += [
        ("code", f"version {environment['version']}, commit {environment['commit']}"),
        ("libraries", f"Python {environment['python']}, {libraries}"),
        ("machine", f"{environment['machine']}; {', '.join(environment['devices'])}"),
    ]
    return rows
