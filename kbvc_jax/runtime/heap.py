"""What a process does with memory that it frees."""

import ctypes
import sys

# glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> None:
    """For programs that live in JAX on a processor; to be called before anything else.

    XLA takes and frees its temporaries at every call. glibc would give large ones back to the
    system, which clears every page of them for the next call: a good part of decoding's time.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)  # never
    mallopt(_ARENA_MAX, 1)  # an arena of a thread's own holds nothing large
