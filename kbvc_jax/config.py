"""Experiments as files: configs/x.py returns a frozen dataclass, the command line overrides fields.

    --config=configs/x.py --config.model.kernel_size=51 --config.crop=128,128

ml_collections finds the overrides; the dataclass that the package declares says what each may be.
"""

import ast
import dataclasses
import importlib.util
import re
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kbvc_jax.runtime.errors import InputError

Config = TypeVar("Config")


def parse_config(
    argv: Sequence[str], expected: type[Config], default: str | Path | None = None
) -> Config:
    """Reads the file that --config (else `default`) names and applies the overrides in `argv`.

    Every argument must belong to the config: entry points take out their own flags first.
    """
    path, overrides = split_path(argv, default)
    return parse_overrides(load_config(path, expected), overrides, str(path))


def load_config(path: str | Path, *expected: type[Config]) -> Config:
    """What get_config() of a file returns, one of the types expected; it may import its neighbours,
    as configs.other."""
    path = Path(path)
    spec = importlib.util.spec_from_file_location(f"kbvc_config_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InputError(f"{path}: no such config file; see the folder configs/")
    module = importlib.util.module_from_spec(spec)
    root = str(path.resolve().parent.parent)
    new = root not in sys.path
    if new:
        sys.path.append(root)
    try:
        spec.loader.exec_module(module)
        config = module.get_config()
    except InputError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: get_config() failed ({reason})") from error
    finally:
        if new:
            sys.path.remove(root)
    if not isinstance(config, expected):
        found, wanted = type(config).__name__, " or ".join(kind.__name__ for kind in expected)
        raise InputError(f"{path}: returns {found}; wanted here: {wanted}")
    return config


def parse_overrides(config: Config, argv: Sequence[str], where: str) -> Config:
    """A copy with the overrides of a command line, which holds nothing else."""
    return override(config, _override_texts(config, argv, where), where)


def override(config: Config, texts: Mapping[str, str], where: str = "config") -> Config:
    """A copy in which the fields at dotted keys are read from text."""
    fields = _leaves(config)
    for key, text in texts.items():
        _check_key(key, fields, where)
        try:
            value = _read(text, fields[key])
        except ValueError:
            raise InputError(f"{where}: {key}={text}: must be {_name(fields[key])}") from None
        try:
            config = _replace(config, key.split("."), value)
        except ValueError as error:  # the dataclass checks its own ranges
            raise InputError(f"{where}: {key}={text}: {error}") from None
    return config


def from_json(kind: type[Config], value: Any) -> Config:
    """A dataclass from what JSON kept of it; TypeError or ValueError where it is another."""
    return _from_json(kind, value)


def split_path(argv: Sequence[str], default: str | Path | None) -> tuple[str | Path, list[str]]:
    """The file that --config names, else the default, and the other arguments."""
    path, rest, arguments = default, [], iter(argv)
    for argument in arguments:
        if argument in ("--config", "-config"):
            path = next(arguments, None)
        elif match := re.fullmatch(r"--?config=(.*)", argument):
            path = match[1]
        else:
            rest.append(argument)
    if not path:
        raise InputError("--config is missing; for example --config=configs/smoke.py")
    return path, rest


def _override_texts(config: Any, argv: Sequence[str], where: str) -> dict[str, str]:
    """{dotted key: text}, as ml_collections reads a command line."""
    from absl import flags  # slow to import, and only training and evaluation come here
    from ml_collections import config_flags

    for argument in argv:
        if match := re.match(r"--?config\.([^=]+)", argument):
            _check_key(match[1], _leaves(config), where)
    values = flags.FlagValues()
    try:
        config_flags.DEFINE_config_dict(
            "config", _template(config), flag_values=values, sys_argv=list(argv)
        )
        unused = values(["", *argv])[1:]
    except flags.Error as error:
        raise InputError(f"{where}: {error}; overrides are --config.KEY=VALUE") from None
    if unused:
        raise InputError(f"{unused[0]!r} is no override; write --config.KEY=VALUE")
    return config_flags.get_override_values(values["config"])


def _template(config: Any):
    """The config's keys, open to any text."""
    from ml_collections import config_dict

    return config_dict.ConfigDict(
        {
            field.name: _template(value)
            if dataclasses.is_dataclass(value := getattr(config, field.name))
            else config_dict.placeholder(str)
            for field in dataclasses.fields(config)
        }
    )


def _leaves(config: Any, prefix: str = "") -> dict[str, Any]:
    """{dotted key: declared type} of every field that is not itself a group of fields."""
    hints, out = typing.get_type_hints(type(config)), {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            out |= _leaves(value, f"{prefix}{field.name}.")
        else:
            out[prefix + field.name] = hints[field.name]
    return out


def _replace(config: Any, path: Sequence[str], value: Any) -> Any:
    name, *rest = path
    if rest:
        value = _replace(getattr(config, name), rest, value)
    return dataclasses.replace(config, **{name: value})


def _check_key(key: str, leaves: Mapping[str, Any], where: str) -> None:
    if key in leaves:
        return
    if inside := [k for k in leaves if k.startswith(f"{key}.")]:
        raise InputError(f"{where}: {key} is a group; set one of {', '.join(inside)}")
    group = key.rpartition(".")[0]
    valid = [k for k in leaves if k.startswith(f"{group}.")] if group else []
    listed = ", ".join(f"{k} ({_name(leaves[k])})" for k in valid or leaves)
    raise InputError(f"{where}: no key {key!r}; valid: {listed}")


def _read(text: str, kind: Any) -> Any:
    """The value of declared type `kind` that a text stands for; ValueError where there is none."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        # A string accepts every text, so it is asked last.
        for member in sorted(arguments, key=lambda member: member is str):
            try:
                return _read(text, member)
            except ValueError:
                continue
        raise ValueError(text)
    if origin is typing.Literal:
        return {str(choice): choice for choice in arguments}[_one_of(text, arguments)]
    if origin is tuple:
        return _read_tuple(text, arguments)
    if kind is types.NoneType:
        return {"None": None, "none": None}[_one_of(text, ("None", "none"))]
    if kind is bool:
        return _one_of(text.lower(), ("true", "false")) == "true"
    if kind in (int, float, str, Path):
        return kind(text)
    if (origin or kind) is dict:
        value = _literal(text)
        if isinstance(value, dict):
            return value
    raise ValueError(text)


def _read_tuple(text: str, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    """From (1, 2), [1, 2], 1,2 or a,b; nested ones need their brackets."""
    try:
        items = _literal(text)
    except ValueError:
        items = [part.strip() for part in text.strip("()[]").split(",") if part.strip()]
    if not isinstance(items, tuple | list):
        items = [items]
    if kinds[-1:] == (...,):
        kinds = (kinds[0],) * len(items)
    return tuple(_read(str(item), kind) for item, kind in zip(items, kinds, strict=True))


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, TypeError, ValueError):
        raise ValueError(text) from None


def _one_of(text: str, choices: Sequence[Any]) -> str:
    if text not in [str(choice) for choice in choices]:
        raise ValueError(text)
    return text


def _name(kind: Any) -> str:
    """A declared type in words."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_name(member) for member in arguments)
    if origin is typing.Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin is tuple:
        kinds = ", ".join("..." if member is ... else _name(member) for member in arguments)
        return f"({kinds})"
    return "None" if kind is types.NoneType else getattr(kind, "__name__", str(kind))


def _from_json(kind: Any, value: Any) -> Any:
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        if value is None:
            return None
        members = [member for member in arguments if member is not types.NoneType]
        return _from_json(next((m for m in members if _fits(m, value)), members[0]), value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _from_json(hints[name], item) for name, item in value.items()})
    if typing.get_origin(kind) is tuple:
        if arguments[-1:] == (...,):
            arguments = arguments[:1] * len(value)
        return tuple(_from_json(*pair) for pair in zip(arguments, value, strict=True))
    return kind(value) if kind in (float, Path) else value


def _fits(kind: Any, value: Any) -> bool:
    if dataclasses.is_dataclass(kind):
        names = {field.name for field in dataclasses.fields(kind)}
        return isinstance(value, dict) and names == value.keys()
    if typing.get_origin(kind) is tuple:
        return isinstance(value, list)
    return isinstance(kind, type) and isinstance(value, kind)
