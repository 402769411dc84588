"""The map of CONTRIBUTING.md: who may know of whom."""

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import kbvc_jax

PACKAGE = "kbvc_jax"
ROOT = Path(kbvc_jax.__file__).parent


def module_name(path: Path) -> str:
    parts = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in ROOT.rglob("*.py")}


def imports(source: str, files: Iterable[str]) -> set[str]:
    """Of those files, wherever in the source: in functions and for type checkers, too."""
    named = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not followed"
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return named & set(files)


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of more than one node that all lead to each other."""
    reached = {node: reachable(graph, node) for node in graph}
    groups = {
        frozenset(other for other in reached[node] if node in reached[other]) for node in graph
    }
    return [set(group) for group in groups if len(group) > 1]


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found, waiting = set(), [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return {name: imports(path.read_text(), FILES) - {name} for name, path in FILES.items()}


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else name


def test_circles_are_found_wherever_an_import_stands():
    sources = {
        "a": "def late():\n    from b import x",
        "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import c",
        "c": "import a",
        "d": "import a",
    }
    graph = {name: imports(source, sources) for name, source in sources.items()}
    assert circles(graph) == [{"a", "b", "c"}]


def test_no_files_import_each_other_in_a_circle(graph):
    assert circles(graph) == []


def test_no_rooms_import_each_other_in_a_circle(graph):
    rooms = {room(name): set[str]() for name in graph}
    for name, others in graph.items():
        rooms[room(name)] |= {room(other) for other in others} - {room(name)}
    assert circles(rooms) == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("training", "evaluation"),
        ("training", "cli"),
        ("evaluation", "cli"),
        ("evaluation", "training"),
        ("models", "training"),
        ("runtime", "cli"),
        ("coding", "models"),
        ("coding", "ops"),
        ("codec", "encoder"),
    ],
)
def test_a_room_does_not_know_the_ones_above_it(graph, importer, imported):
    wrong = {
        (name, other)
        for name, others in graph.items()
        for other in others
        if (room(name), room(other)) == (importer, imported)
    }
    assert importer in map(room, graph) and imported in map(room, graph)
    assert not wrong


def test_coding_imports_neither_jax_nor_the_models():
    program = (
        "import sys, kbvc_jax.coding.container, kbvc_jax.coding.coder\n"
        "found = {'jax', 'flax', 'kbvc_jax.models', 'kbvc_jax.video'} & set(sys.modules)\n"
        "sys.exit(', '.join(found) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
