"""Rate and distortion of real files, beside anchors, with the conditions of every figure."""
