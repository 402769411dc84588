"""The `kbvc` command, a module a subcommand. Nothing here imports JAX before a command needs it."""
