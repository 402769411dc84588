"""Pure functions of arrays: what the network computes, without its parameters."""
