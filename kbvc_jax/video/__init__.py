"""Frames in and out: RGB arrays on this side, video files on the other.

y4m, .yuv, PNG folder, container  --- planes --- colour ---  RGB frames, and the way back
"""
