"""What selects a rate: quality, and a frame's level in the hierarchy. Numbers alone, no model."""

MAX_QUALITY = 100
QUALITY_STEPS = 256  # quality is a fixed-point number: 1/256ths
# Section 3.3: lambda of the I-frame, of inner B-frames, of the leaves of the hierarchy.
LEVEL_LAMBDAS = (1.0, 0.85, 0.7)
