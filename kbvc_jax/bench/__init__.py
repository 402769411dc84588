"""How fast this machine codes a clip, stage by stage: `kbvc bench`."""
