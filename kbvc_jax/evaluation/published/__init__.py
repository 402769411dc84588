"""Curves that others published, under conditions of their own."""

import csv
from importlib import resources

# Set as it is called in configs/: file.
FILES = {"UVG": "uvg-1080p.csv"}
METRICS = {"psnr": "psnr_rgb_db", "ms_ssim": "ms_ssim_rgb"}


def published_curves(set_name: str, metric: str = "psnr") -> dict[str, list[tuple[float, float]]]:
    """{name: [(bits a pixel, quality)]}; empty for sets and metrics without any."""
    if set_name not in FILES or metric not in METRICS:
        return {}
    file = resources.files(__name__) / FILES[set_name]
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in csv.DictReader(file.read_text().splitlines()):
        if value := row[METRICS[metric]]:
            curves.setdefault(row["codec"], []).append((float(row["bits_per_pixel"]), float(value)))
    return curves
