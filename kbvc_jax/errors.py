"""What a user did wrong, in one line."""


class InputError(Exception):
    """Bad input: what was wrong, where, and what would be right. Entry points exit 2 on it."""
