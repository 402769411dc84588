"""README and docs against the tree: figures, links, files and configs that they name."""

import csv
import json
import re
from pathlib import Path

import pytest

import kbvc_jax

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kbvc_jax"
WITH_TABLES = {"Results", "Reproduce the papers", "Models that ship", "Speed"}  # of the README
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "kbvc_jax/weights/README.md",
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?![\w.]*\w)")
# A path of this repository, from its root or from the package.
PATH = re.compile(
    r"(?<![\w/.=-])((?:[\w.-]+/)+[\w.-]+\.(?:py|md|csv|json|cff|mp4)|(?:train|eval)\.py)\b"
)
MADE = ("results/", "runs/", "weights/", ".peer/")  # by the commands that the pages show


def numbers(text: str) -> set[float]:
    return {float(found.replace(",", "")) for found in NUMBER.findall(text)}


def sections(text: str) -> list[str]:
    return re.split(r"^## ", text, flags=re.MULTILINE)


def linked(section: str) -> list[Path]:
    """The text files of this repository that it links."""
    files = [ROOT / target for target in LINK.findall(section)]
    return [file for file in files if file.suffix in (".md", ".csv", ".py") and file.is_file()]


def rows(section: str) -> list[str]:
    """Of its tables, without their heads, and without code."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    heads = {place + step for place, line in enumerate(lines) for step in (-1, 0) if "|--" in line}
    return [CODE.sub("", line) for place, line in enumerate(lines) if place not in heads]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", CODE.sub(unfenced, page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def unfenced(match: re.Match[str]) -> str:
    return "" if match[0].startswith("```") else match[0].strip("`")


def test_what_compressai_calls_otherwise_is_where_the_table_says():
    pages = sections((ROOT / "docs/design.md").read_text())
    (table,) = [page for page in pages if page.startswith("In CompressAI's words")]
    checked = 0
    for line in table.splitlines():
        names = re.findall(r"`([\w./]+)`", line.split("|")[2]) if line.startswith("| ") else []
        files = [name for name in names if name.endswith(".py")]
        code = "".join((PACKAGE / file).read_text() for file in files if (PACKAGE / file).is_file())
        for name in set(names) - set(files) if code else ():
            assert re.search(rf"(class|def) {name.split('.')[-1]}\b", code), f"{name} in {files}"
            checked += 1
    assert checked > 12


def test_every_figure_of_the_readmes_tables_stands_in_one_line_of_a_file_that_is_linked_there():
    with_tables = [part for part in sections((ROOT / "README.md").read_text()) if rows(part)]
    assert {part.split("\n")[0] for part in with_tables} == WITH_TABLES
    for section in with_tables:
        lines = [numbers(line) for file in linked(section) for line in file.read_text().split("\n")]
        for row in rows(section):
            own = numbers(row)
            assert any(own <= line for line in lines), f"no source has {sorted(own)}: {row}"


def test_a_figure_that_no_source_has_is_found():
    assert numbers("| a | +4.68 % | 60,595 | 13.80 M | 256x256 | 0.15.1 |") == {4.68, 60595, 13.8}
    assert not numbers("+4.69 %") <= numbers("| sample | +4.68 % |")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_and_their_anchors_resolve(page):
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_configs_that_a_page_names_are_there(page):
    for name in PATH.findall(page.read_text()):
        places = (ROOT, ROOT / "kbvc_jax", page.parent)
        found = any((place / name).exists() for place in places)
        assert found or name.startswith(MADE), f"{page.name}: {name}"


def test_docs_performance_has_the_recorded_costs():
    lines = [numbers(line) for line in (ROOT / "docs/performance.md").read_text().split("\n")]
    for codec, costs in json.loads((ROOT / "tests/costs.json").read_text()).items():
        assert any(set(costs.values()) <= line for line in lines), codec


def test_results_summed_up_are_those_of_the_csv_files():
    page = (ROOT / "docs/results.md").read_text()
    folders = [about.parent for about in ROOT.glob("docs/results/*/about.json")]
    assert folders
    for folder in folders:
        about = json.loads((folder / "about.json").read_text())
        assert about["command"] in page
        with (folder / "bd-rates.csv").open(newline="") as file:
            means = [r for r in csv.DictReader(file) if r["clip"] == "mean" and r["per cent"]]
        for rate in means:
            if rate["codec"] in about["codecs"] and rate["against"] in ("x264", "x265"):
                assert f"{rate['per cent']} %" in page


def test_every_public_name_has_its_place_in_the_documentation():
    page = (ROOT / "docs/api.md").read_text()
    for name in set(kbvc_jax.__all__) - {"__version__"}:
        assert f"\n::: kbvc_jax.{name}\n" in page, name


def test_the_readmes_pictures_are_small():
    assert sum(file.stat().st_size for file in (ROOT / "docs/images").iterdir()) < 300_000


def test_runs_have_as_many_fields_as_their_head():
    with (ROOT / "docs/runs.csv").open(newline="") as file:
        head, *runs = csv.reader(file)
    assert head[0] == "date" and runs
    assert {len(run) for run in runs} == {len(head)}
