"""Integers to bytes and back. Knows nothing of JAX, models or video.

    symbols, table indexes  --- coder ---  payload  --- container ---  .kbvc file

docs/bitstream.md says what every byte means.
"""
