"""Pages of the documentation that lie elsewhere in the repository; mkdocs.yml calls this."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGES = {"model-card.md": "kbvc_jax/weights/README.md", "changelog.md": "CHANGELOG.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for page, file in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=file))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    for page, file in PAGES.items():
        markdown = markdown.replace(f"](../{file})", f"]({page})")
    return markdown
