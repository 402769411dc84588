"""Training: from clips and a config to a checkpoint."""
