"""The demo: one clip, this codec beside x264 and x265, every point a real file."""
