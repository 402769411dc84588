"""The second paper's own network (arXiv 2506.07709), where a GPU trains and runs it."""
