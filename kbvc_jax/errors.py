"""What a user did wrong, in one line."""


class InputError(Exception):
    """Bad input: says what was wrong, where, and what would be right. Entry points print it and exit 2."""
