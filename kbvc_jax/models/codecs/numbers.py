"""The codecs of a stream by number, as records have them. Without JAX, for whoever only lists."""

NAMES = ["image", "kernel", "predicted", "motion"]  # a new one goes to the end
IMAGE = NAMES.index("image")


def name_of(number: int) -> str:
    return NAMES[number] if number < len(NAMES) else f"number {number}"
