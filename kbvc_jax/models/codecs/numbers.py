"""The codecs of a stream by number, as records have them. Without JAX, for whoever only lists."""

# A new one goes to the end.
NAMES = ["image", "kernel", "predicted", "motion", "fine", "ssf", "moved", "compensated"]
IMAGE = NAMES.index("image")
ONE_SIDED = ("ssf", "moved")  # of P-frames alone: the frame before is the one reference
TWO_SIDED = ("compensated",)  # of B-frames alone


def between() -> list[str]:
    """Those that B-frames may have."""
    return [name for name in NAMES[IMAGE + 1 :] if name not in ONE_SIDED]


def inter() -> list[str]:
    """Those that P-frames may have."""
    return [name for name in NAMES if name != NAMES[IMAGE] and name not in TWO_SIDED]


def name_of(number: int) -> str:
    return NAMES[number] if number < len(NAMES) else f"number {number}"
