"""One file against one model: precedence, places, and every fault at once."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr, field_validator

from luthier.errors import Faults, MissingInput, UnknownName
from luthier.project.environment import Environment
from luthier.project.parse import MAX_BYTES
from luthier.project.reader import Loaded, dumped, read
from luthier.project.settings import settings
from luthier.section import Section


class Adapter(Section):
    """A section two steps down."""

    rank: int = Field(default=16, ge=1, le=256)
    dropout: float = 0.0


class Local(Section):
    """One branch of a union."""

    engine: Literal["local"]
    threads: int = 1


class Remote(Section):
    """The other branch, with a secret."""

    engine: Literal["openai"]
    base_url: str
    api_key: SecretStr | None = None


class Config(Section):
    """Something of every kind that a project file holds."""

    name: str = Field(pattern="^[a-z-]+$")
    method: Literal["sft", "dpo"] = "sft"
    adapter: Adapter = Adapter()
    quiet: bool = False
    since: datetime.date | None = None
    steps: tuple[int, ...] = (1, 2)
    models: Mapping[str, Annotated[Local | Remote, Field(discriminator="engine")]] = {}
    layers: Literal["all"] | tuple[str, ...] = "all"
    color: str = "red"
    api_key: SecretStr | None = None

    @field_validator("color")
    @classmethod
    def _is_registered(cls, color: str) -> str:
        if color == "unregistered":
            raise UnknownName("color", color, ["red"])
        if color == "black":
            raise ValueError("black is no color; try red")
        return color


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, text: str, *sets: str, variables: Mapping[str, str] | None = None) -> Loaded[Config]:
    path = folder / "luthier.yaml"
    path.write_text(text, encoding="utf-8")
    return read(path, Config, assignments=sets, environment=Environment(variables or {}))


def faults_of(folder: Path, text: str, *sets: str, variables: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(Faults) as caught:
        load(folder, text, *sets, variables=variables)
    return list(caught.value.faults)


EVERYTHING_WRONG = """\
name: no
method: stf
adapter:
  rnak: 8
  rank: 0
  dropout: yes
quiet: 1
since: 20260101
steps: [1, two, 3]
models:
  base: {engine: local, threads: 0.5}
  far:
    engine: openai
    bas_url: http://x
  odd: {engine: vllm}
  new: {threads: 2}
color: black
quiet: false
nmae: x
"""


def test_every_fault_is_told_at_once_with_the_line_and_column_where_it_stands(folder: Path) -> None:
    assert faults_of(folder, EVERYTHING_WRONG) == [
        'luthier.yaml:1:7: name: must be text, and without quotes it reads as false; write "no"',
        "luthier.yaml:2:9: method: must be 'sft' or 'dpo', received 'stf'",
        "luthier.yaml:4:3: adapter.rnak: unknown key; did you mean `rank`?",
        "luthier.yaml:5:9: adapter.rank: must be greater than or equal to 1, received 0",
        "luthier.yaml:6:12: adapter.dropout: must be a valid number, received true",
        "luthier.yaml:7:8: quiet: must be a valid boolean, received 1",
        "luthier.yaml:8:8: since: must be a valid date, received 20260101",
        "luthier.yaml:9:12: steps.1: must be a valid integer, unable to parse string as an integer, received 'two'",
        "luthier.yaml:11:34: models.base.threads: must be a valid integer, got a number with a fractional part, "
        "received 0.5",
        "luthier.yaml:12:3: models.far.base_url: is required",
        "luthier.yaml:14:5: models.far.bas_url: unknown key; did you mean `base_url`?",
        "luthier.yaml:15:17: models.odd.engine: must be one of 'local', 'openai', received 'vllm'",
        "luthier.yaml:16:3: models.new.engine: is required",
        "luthier.yaml:17:8: color: black is no color; try red",
        "luthier.yaml:18:1: quiet: written twice; the first is on line 7",
        "luthier.yaml:19:1: nmae: unknown key; did you mean `name`?",
    ]


def test_one_fault_is_not_called_faults(folder: Path) -> None:
    with pytest.raises(Faults, match=r"has 1 fault:\n  luthier.yaml:1:1: name: is required$") as caught:
        load(folder, "quiet: true\n")
    assert caught.value.exit_code == 2


def test_a_key_without_a_near_one_lists_what_may_stand_there(folder: Path) -> None:
    assert faults_of(folder, "name: a\nadapter: {zzz: 1}\n") == [
        "luthier.yaml:2:11: adapter.zzz: unknown key; choose from rank, dropout"
    ]


def test_a_union_of_a_word_and_a_list_tells_both(folder: Path) -> None:
    assert faults_of(folder, "name: a\nlayers: 3\n") == [
        "luthier.yaml:2:9: layers: must be 'all', received 3 or must be a valid tuple, received 3"
    ]


def test_a_fault_inside_a_list_of_a_union_does_not_complain_that_it_is_a_list(folder: Path) -> None:
    assert faults_of(folder, "name: a\nlayers: [x, 3]\n") == ['luthier.yaml:2:13: layers.1: must be text; write "3"']


def test_a_list_is_not_called_too_short_because_its_only_entry_is_wrong(folder: Path) -> None:
    class Sources(Section):
        sources: tuple[Adapter, ...] = Field(min_length=1)

    path = folder / "luthier.yaml"
    path.write_text("sources: [{rank: 0}]\n", encoding="utf-8")
    with pytest.raises(Faults) as caught:
        read(path, Sources)
    assert caught.value.faults == ("luthier.yaml:1:18: sources.0.rank: must be greater than or equal to 1, received 0",)


def test_an_unregistered_name_found_by_a_validator_is_a_fault_and_no_crash(folder: Path) -> None:
    (fault,) = faults_of(folder, "name: a\ncolor: unregistered\n")
    assert "no color is named 'unregistered'" in fault


def test_a_syntax_fault_is_told_alone_without_guessing_what_follows(folder: Path) -> None:
    (fault,) = faults_of(folder, "name: [a\n")
    assert fault.startswith("luthier.yaml:2:1: not YAML")


@pytest.mark.parametrize("text", ["", "- a\n", "word\n", "3\n"])
def test_a_file_that_is_no_mapping_is_refused(folder: Path, text: str) -> None:
    assert faults_of(folder, text)


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(MissingInput, match=r"absent\.yaml"):
        read(folder / "absent.yaml", Config)


def test_a_file_beyond_the_size_limit_is_refused(folder: Path) -> None:
    (fault,) = faults_of(folder, "name: a\n#" + "x" * MAX_BYTES)
    assert "larger than" in fault


def test_bytes_that_are_not_utf_8_have_a_line_and_column(folder: Path) -> None:
    path = folder / "luthier.yaml"
    path.write_bytes(b"name: a\ncolor: \xff\n")
    with pytest.raises(Faults) as caught:
        read(path, Config)
    assert caught.value.faults == ("luthier.yaml:2:8: not UTF-8",)


def test_the_command_line_beats_the_environment_which_beats_the_file(folder: Path) -> None:
    class Store(Section):
        home: str = "default"

    class Kept(Section):
        store: Store = Store()

    path = folder / "luthier.yaml"
    path.write_text("store: {home: file}\n", encoding="utf-8")
    environment = Environment({"LUTHIER_HOME": "variable"})
    by_file = read(path, Kept)
    by_variable = read(path, Kept, environment=environment)
    by_line = read(path, Kept, environment=environment, assignments=["store.home=line"])
    found = [(loaded.config.store.home, loaded.origin(["store", "home"])) for loaded in (by_file, by_variable, by_line)]
    assert found == [
        ("file", "luthier.yaml:1:15"),
        ("variable", "LUTHIER_HOME"),
        ("line", "--set store.home"),
    ]


def test_assignments_reach_lists_new_sections_and_later_ones_win(folder: Path) -> None:
    loaded = load(
        folder, "name: a\nsteps: [1, 2]\n", "steps.1=7", "steps.2=9", "adapter.rank=4", "adapter.rank=8", "color=''"
    )
    assert loaded.config.steps == (1, 7, 9)
    assert loaded.config.adapter.rank == 8
    assert loaded.config.color == ""


@pytest.mark.parametrize(
    ("assignment", "fault"),
    [
        ("adapter.rnak=4", "--set adapter.rnak: adapter.rnak: unknown key; did you mean `rank`?"),
        ("adapter.rank=0", "--set adapter.rank: adapter.rank: must be greater than or equal to 1, received 0"),
        ("steps.5=1", "--set steps.5: steps: is a list of 2, so `5` is no place in it"),
        ("steps.x=1", "--set steps.x: steps: is a list of 2, so `x` is no place in it"),
        ("name.first=x", "--set name.first: name: holds a single value, so nothing in it is called `first`"),
        ("adapter.rank", "--set adapter.rank: must be written NAME=VALUE, as in `--set train.epochs=2`"),
        ("a..b=1", "--set a..b: must be written NAME=VALUE, as in `--set train.epochs=2`"),
    ],
)
def test_an_assignment_that_cannot_be_placed_says_which_and_why(folder: Path, assignment: str, fault: str) -> None:
    assert faults_of(folder, "name: a\nsteps: [1, 2]\n", assignment) == [fault]


def test_an_assignment_that_is_no_yaml_says_so(folder: Path) -> None:
    (fault,) = faults_of(folder, "name: a\n", "color=[x")
    assert fault.startswith("--set color: color: the value is not YAML")


def test_a_secret_may_come_from_a_variable_and_is_never_shown(folder: Path) -> None:
    loaded = load(folder, "name: a\napi_key: ${MY_KEY}\n", variables={"MY_KEY": "hunter2"})
    assert loaded.config.api_key is not None
    assert loaded.config.api_key.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in repr(settings(loaded))
    assert "hunter2" not in dumped(loaded.config)


def test_a_variable_that_is_not_set_is_a_fault_where_it_is_named(folder: Path) -> None:
    assert faults_of(folder, "name: a\napi_key: ${MY_KEY}\n") == [
        "luthier.yaml:2:10: api_key: the environment variable 'MY_KEY' is not set; export MY_KEY=... and try again"
    ]


def test_variables_are_not_read_into_fields_that_are_no_secrets(folder: Path) -> None:
    (fault,) = faults_of(folder, "name: a\ncolor: ${HOME}\n", variables={"HOME": "/root"})
    assert fault == "luthier.yaml:2:8: color: `${NAME}` is read in secrets only; write the value out"


def test_a_secret_value_is_not_repeated_in_a_fault(folder: Path) -> None:
    faults = faults_of(
        folder, "name: a\napi_key: [hunter2]\nadapter: {password: hunter2}\nquiet: sk-abcdefghijklmnop1234\n"
    )
    assert len(faults) == 3
    assert "hunter2" not in "".join(faults)
    assert "abcdefghijklmnop" not in "".join(faults)


def test_settings_tell_each_value_with_its_origin(folder: Path) -> None:
    loaded = load(folder, "name: a\nmodels:\n  base: {engine: local}\n", "adapter.rank=4")
    found = {setting.path: (setting.value, setting.origin) for setting in settings(loaded)}
    assert found["name"] == ("a", "luthier.yaml:1:7")
    assert found["models.base.engine"] == ("local", "luthier.yaml:3:18")
    assert found["models.base.threads"] == (1, "default")
    assert found["adapter.rank"] == (4, "--set adapter.rank")
    assert found["adapter.dropout"] == (0.0, "default")
    assert found["steps"] == ([1, 2], "default")


words = st.text("abcxyz-", min_size=1, max_size=8)
configs = st.builds(
    Config,
    name=words,
    method=st.sampled_from(["sft", "dpo"]),
    adapter=st.builds(Adapter, rank=st.integers(1, 256), dropout=st.floats(0, 1)),
    quiet=st.booleans(),
    since=st.none() | st.dates(),
    steps=st.lists(st.integers(), max_size=4).map(tuple),
    models=st.dictionaries(words, st.builds(Remote, engine=st.just("openai"), base_url=st.text(max_size=9))),
    layers=st.just("all") | st.lists(words, max_size=3).map(tuple),
    color=st.text(max_size=20).filter(lambda color: "${" not in color and color not in ("black", "unregistered")),
)


@given(configs)
def test_a_dumped_config_reads_back_equal_and_dumps_the_same(
    tmp_path_factory: pytest.TempPathFactory, config: Config
) -> None:
    path = tmp_path_factory.mktemp("dump") / "luthier.yaml"
    path.write_text(dumped(config), encoding="utf-8", newline="\n")
    again = read(path, Config).config
    assert again == config
    assert dumped(again) == dumped(config)


SCALARS = {
    "method": st.sampled_from(["sft", "dpo"]),
    "adapter.rank": st.integers(1, 256),
    "adapter.dropout": st.floats(0, 1),
    "quiet": st.booleans(),
    "steps.0": st.integers(-(10**9), 10**9),
    "color": words,
}


@given(config=configs, data=st.data(), path=st.sampled_from(sorted(SCALARS)))
def test_an_assignment_beats_the_file_whatever_the_file_says(
    tmp_path_factory: pytest.TempPathFactory, config: Config, data: st.DataObject, path: str
) -> None:
    value = data.draw(SCALARS[path])
    file = tmp_path_factory.mktemp("set") / "luthier.yaml"
    file.write_text(dumped(config), encoding="utf-8", newline="\n")
    text = f"'{value}'" if isinstance(value, str) else str(value)
    loaded = read(file, Config, assignments=[f"{path}={text}"])
    reached: object = loaded.config
    for name in path.split("."):
        reached = reached[int(name)] if isinstance(reached, tuple) else getattr(reached, name)
    assert reached == value
    assert loaded.origin(path.split(".")) == f"--set {path}"
