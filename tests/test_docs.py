"""Do the documents say what the program does? (Nothing is run here; test_readme.py runs the tour.)"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from documents import DOCUMENTS, ROOT, blocks, code, command_table, commands, help_texts, links, spoken_options
from pydantic import BaseModel

from search.experiment import parse_experiment
from search.reference import experiment_reference, meanings
from search.spaces_page import spaces_page
from search.study.strategy_config import PRUNER_SETTINGS, SAMPLER_SETTINGS
from search.yaml_file import read_yaml
from spaces import parse_space
from spaces.catalog import (
    ACTIVATIONS,
    DEFAULT_SPACE,
    DEFAULT_SPACES,
    FAMILIES,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    QUANTITIES,
    SCHEDULES,
)
from spaces.metrics import known_metrics

README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = command_table()
documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def problem(words: list[str]) -> str | None:
    """What is wrong with a documented command."""
    name = words[0] if not words[0].startswith("-") else ""
    if name not in TABLE:
        return f"there is no command {name}"
    options = [word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][\w=.-]*", word)]
    unknown = [option for option in options if option not in TABLE[name] | {"--help", "-h"}]
    return f"{name} has no {', '.join(unknown)}" if unknown else None


def test_the_reference_is_the_one_that_the_code_gives() -> None:
    written = (ROOT / "docs" / "experiment-file.md").read_text(encoding="utf-8")
    assert written == experiment_reference(), "python -m search.reference > docs/experiment-file.md"


def test_the_page_of_spaces_is_the_one_that_the_code_gives() -> None:
    written = (ROOT / "docs" / "spaces.md").read_text(encoding="utf-8")
    assert written == spaces_page(), "python -m search.spaces_page > docs/spaces.md"


def test_the_page_of_spaces_names_all_there_is() -> None:
    named = set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", spaces_page(), flags=re.DOTALL)))
    for names in (FAMILIES, QUANTITIES, OPTIMIZERS, SCHEDULES, LOSSES, known_metrics(), ACTIVATIONS, INITIALIZERS):
        assert set(names) <= named


def test_a_key_without_a_meaning_is_noticed() -> None:
    class Section(BaseModel):
        """A section.

        Attributes:
            told: what it is;
                at length, with ``code`` and None.
        """

        told: int = 0
        untold: int = 0

    with pytest.raises(LookupError, match=r"Section: .* untold"):
        meanings(Section)
    del Section.model_fields["untold"]
    assert meanings(Section) == {"told": "what it is; at length, with `code` and null"}


@documents
def test_every_documented_command_and_option_exists(path: Path) -> None:
    assert [problem(words) for words in commands(code(path)) if problem(words)] == []
    known = set().union(*TABLE.values())
    assert [option for option in spoken_options(path.read_text(encoding="utf-8")) if option not in known] == []


def test_commands_are_found_in_the_documents() -> None:
    found = [words[0] for words in commands(code(ROOT / "README.md"))]
    assert len(found) > 15
    assert problem(["run", "a.yaml", "--nonsense", "-q"]) == "run has no --nonsense"
    assert problem(["runs"]) == "there is no command runs"


@pytest.mark.parametrize("name", sorted(set(TABLE) - {""}))
def test_every_command_has_help_that_ends_with_a_real_example(name: str) -> None:
    text = help_texts()[name]
    assert "Example" in text
    shown = list(commands(text.partition("Example")[2]))
    assert shown
    assert all(words[0] == name and problem(words) is None for words in shown)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {""}))
def test_the_readme_shows_every_command(name: str) -> None:
    assert any(words[0] == name for words in commands(code(ROOT / "README.md"))) or f"make {name}" in README


@documents
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    missing = [link for link in links(path.read_text(encoding="utf-8")) if not (path.parent / link).exists()]
    assert missing == []


def test_the_readme_names_only_targets_that_make_has() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_the_readme_s_experiment_is_valid() -> None:
    shown = [block for block in blocks(README, "yaml") if block.startswith("study:")]
    assert len(shown) == 1
    experiment = parse_experiment(yaml_of(shown[0]), "README.md")
    assert experiment.training.batch_size == 10


def test_the_readme_s_table_has_the_default_space_of_an_mlp() -> None:
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in README.splitlines() if line.startswith("| `")]
    rows = {name: row[-1] for row in cells if len(row) == 3 for name in re.findall(r"`(\w+)`", row[0])}
    assert set(DEFAULT_SPACE) <= set(rows)
    for name in DEFAULT_SPACE:
        told = yaml.safe_load(rows[name].strip("`").replace("e-", ".0e-"))
        assert parse_space({**DEFAULT_SPACE, name: told}).fingerprint == parse_space(DEFAULT_SPACE).fingerprint, name
    settings = {key for own in OPTIMIZERS.values() for key in own}
    for name in set(rows) & set(QUANTITIES) - set(DEFAULT_SPACE) - settings:
        neutral = QUANTITIES[name].neutral
        assert rows[name].strip("`") == (f"{neutral:g}" if isinstance(neutral, int | float) else neutral)


def test_the_spaces_that_the_page_of_spaces_shows_are_valid() -> None:
    shown, *defaults = blocks(spaces_page(), "yaml")
    assert parse_space(yaml_of(shown)["space"])["units"].per_layer is False
    families = [family for family, space in DEFAULT_SPACES.items() if space]
    for family, block in zip(families, defaults, strict=True):
        assert parse_space(yaml_of(block)["space"], family=family) == parse_space({}, family=family)


@pytest.mark.parametrize("settings", [SAMPLER_SETTINGS, PRUNER_SETTINGS], ids=["samplers", "pruners"])
def test_the_strategies_page_has_every_name_and_setting(settings: dict[str, dict[str, object]]) -> None:
    page = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip().strip("`"): line for line in page.splitlines() if line.startswith("| `")}
    for name, own in settings.items():
        assert name == "auto" or all(f"`{key}`" in rows[name] for key in own), name


def yaml_of(text: str) -> dict[str, object]:
    """A block as the program would read it."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block.yaml"
        path.write_text(text, encoding="utf-8")
        return dict(read_yaml(path))
