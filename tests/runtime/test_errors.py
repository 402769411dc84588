"""Errors name the file that they are about, once."""

import pytest

from kbvc_jax.runtime.errors import InputError, about


def test_an_error_names_its_file_once():
    for text in ("truncated", "a.y4m: truncated"):
        with pytest.raises(InputError) as caught, about("a.y4m"):
            raise InputError(text)
        assert str(caught.value) == "a.y4m: truncated"
