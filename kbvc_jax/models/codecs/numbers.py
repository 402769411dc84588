"""The codecs of a stream by number, as records have them. Without JAX, for whoever only lists."""

NAMES = ["image", "kernel", "predicted", "motion", "fine", "ssf"]  # a new one goes to the end
IMAGE = NAMES.index("image")
ONE_SIDED = ("ssf",)  # of P-frames alone: the frame before is the one reference


def between() -> list[str]:
    """Those that B-frames may have."""
    return [name for name in NAMES if name not in (NAMES[IMAGE], *ONE_SIDED)]


def name_of(number: int) -> str:
    return NAMES[number] if number < len(NAMES) else f"number {number}"
