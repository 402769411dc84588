"""The second paper at the small size: motion that is sent (arXiv 2506.07709)."""
