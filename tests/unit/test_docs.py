"""What the pages name is there: commands, targets, settings, files, links."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.cli.program import parser
from recsys.drops.zone import SUCCESS
from recsys.ingest import SOURCES
from recsys.models import MODELS, model_class
from recsys.promotion.gates import EXAM_GATES, REFIT_GATES
from recsys.settings import Settings
from stack import reference
from stack.markdown import paragraphs
from stack.recipes_page import about, cost
from tests.pages import GENERATED, ROOT, blocks, command_lines, pages, written

pytestmark = pytest.mark.slow

RECSYS = ".venv/bin/python -m recsys "
#: Variables that are read elsewhere than in Settings.
OTHER_VARIABLES = {"RECSYS_HOME", "RECSYS_LOG_LEVEL"}
#: Rows of a reference page with a cell that says nothing.
EMPTY_CELL = re.compile(r"(?m)^\|.*\|  \|.*$")


def options_of(line: str) -> object:
    """Parse a command line as the program would; what the shell would fill in is a date."""
    words = shlex.split(line.removeprefix(RECSYS).replace("$(date -u +%F)", "2018-09-24"))
    return parser().parse_args(words)


@pytest.mark.parametrize(("page", "line"), command_lines(RECSYS))
def test_a_command_of_a_page_is_one(page: str, line: str) -> None:
    assert options_of(line), page


def test_a_command_that_is_none_is_seen() -> None:
    with pytest.raises(SystemExit):
        options_of(f"{RECSYS}exam 2018-09-24")


def test_every_command_is_named_in_a_page_that_people_write() -> None:
    commands = [each.prog for each in reference.commands_of(parser())]
    text = "\n".join(written().values())
    missing = [name for name in commands if name not in text]
    assert not missing, "say in a page of docs/how-to what it is for"


def test_a_page_names_no_other_command() -> None:
    names = {each.prog.split()[3] for each in reference.commands_of(parser())}
    for page, text in pages().items():
        named = set(re.findall(r"python -m recsys ([a-z]+)", text))
        assert named <= names, f"{page}: no such command"


def test_every_target_of_make_that_a_page_names_is_one() -> None:
    targets = {name for name, _ in reference.target_rows()}
    for page, text in pages().items():
        code = "\n".join([*blocks(text), *re.findall(r"`([^`]+)`", text)])
        named = set(re.findall(r"(?m)(?:^|^ +)(make [a-z-]+)", code))
        assert {f"`{name}`" for name in named} <= targets, f"{page}: no such target"


def test_every_setting_that_a_page_names_is_one() -> None:
    names = {f"RECSYS_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    for page, text in pages().items():
        assert set(re.findall(r"\bRECSYS_[A-Z_]+", text)) <= names, f"{page}: no such setting"


def test_every_setting_and_every_recipe_is_in_its_table() -> None:
    settings = pages()["docs/reference/settings.md"]
    names = [name for name in Settings.model_fields if name != "statement_timeout"]
    assert all(f"| `RECSYS_{name.upper()}` |" in settings for name in names)
    recipes = pages()["docs/reference/recipes.md"]
    assert all(f"| [`{name}`](#{name}) |" in recipes for name in MODELS)


def test_what_the_table_of_recipes_says_of_each_is_of_it_alone() -> None:
    texts = [about(model_class(name)) for name in MODELS]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", MODELS)
def test_a_recipes_docstring_names_its_source_and_its_cost(name: str) -> None:
    kind = model_class(name)
    assert cost(kind), 'begin a paragraph with "Cost": time and memory of a fit'
    assert re.search(r"\b(19|20)\d\d\b", "\n".join(paragraphs(kind))), "name authors and year"


def test_every_source_is_in_the_table_of_sources() -> None:
    page = pages()["docs/how-to/data-engineer.md"]
    assert all(f"\n| {name} |" in page for name in SOURCES), "add what it reads"


def test_every_gate_is_in_the_table_of_gates() -> None:
    (rows,) = re.findall(r"(?m)((?:^\|.*\n)+)", pages()["docs/explanation/gates.md"])
    missing = [gate for gate in (*EXAM_GATES, *REFIT_GATES) if gate not in rows]
    assert not missing, "add it to the table of docs/explanation/gates.md"


def test_every_file_that_a_page_names_is_there() -> None:
    folders = "recsys|plugins|dags|sql|stack|bench|tests|docs"
    path = re.compile(rf"(?<![\w./-])(?:{folders})/[\w./-]*\w(?![\w*…<-])")
    for page, text in pages().items():
        missing = [name for name in path.findall(text) if not (ROOT / name).exists()]
        assert not missing, page


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_of_a_page_outside_docs_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)#\s]+)(?:#([\w-]+))?\)", text)
    for target, anchor in links:
        if target.startswith("https://"):
            continue
        assert (ROOT / target).exists(), target
        if anchor:
            titles = re.findall(r"(?m)^#+ (.*)$", (ROOT / target).read_text())
            assert anchor in [slug(title) for title in titles], f"{target}#{anchor}"


def test_readme_is_read_in_five_minutes() -> None:
    assert len(pages()["README.md"].split()) <= 1_000, "say it in a page of docs/"


def slug(title: str) -> str:
    """The anchor of a title, as GitHub and MkDocs make it."""
    return re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize(
    "make",
    [
        reference.settings_page,
        reference.commands_page,
        reference.metrics_page,
        reference.recipes_page,
    ],
)
def test_a_reference_page_says_what_the_code_says(make) -> None:
    name = make.__name__.replace("_page", ".md")
    assert (GENERATED / name).read_text() == make(), "run: make reference"
    assert not EMPTY_CELL.findall(make()), "give it a help text, or a docstring"


def test_the_page_of_tables_says_what_the_schema_says() -> None:
    page = reference.tables_page()
    assert (GENERATED / "tables.md").read_text() == page, "run: make reference"
    assert not EMPTY_CELL.findall(page), "put a comment above the table, or a line in _MEANINGS"


def test_the_tutorials_bad_drop_is_one_that_a_check_looks_at() -> None:
    (block,) = [text for text in blocks(pages()["docs/tutorial.md"]) if "printf" in text]
    assert f"touch .recsys/drops/movielens/2018-10-08/{SUCCESS}" in block


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages of a folder with mkdocs.yml, strictly."""
    program = Path(sys.executable).parent / "mkdocs"
    return subprocess.run(
        [program, "build", "--strict", "--site-dir", site],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_pages_build_strictly_and_fetch_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        html = page.read_text()
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="?(?:https?:)?//', html), page
        assert not re.findall(r'<link[^>]+stylesheet[^>]+href="?(?:https?:)?//', html), page


def test_links_that_lead_nowhere_fail_the_build(tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    page = tmp_path / "docs" / "glossary.md"
    page.write_text(f"{page.read_text()}\n[a](nowhere.md) [b](tutorial.md#part) ![c](no.png)\n")
    (page.parent / "alone.md").write_text("# In no menu\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert all(name in done.stderr for name in ("nowhere.md", "#part", "no.png", "alone.md"))
