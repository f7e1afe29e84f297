"""Joining a folder with a name from outside."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import Refused
from luthier.store import safe_join

OUTSIDE = ["../x", "a/../../x", "/etc/passwd", "", ".", "..", "a\\..\\x", "c:x", "a\x00b", "a/.."]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused):
        safe_join(tmp_path, name)


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "door").symlink_to(tmp_path)
    with pytest.raises(Refused):
        safe_join(tmp_path / "inside", "door/x")


def test_a_plain_name_is_joined(tmp_path: Path) -> None:
    assert safe_join(tmp_path, "a/b.txt") == tmp_path / "a" / "b.txt"


@given(st.text(alphabet="ab./\\:\x00~ ", max_size=12))
def test_whatever_is_joined_lies_inside(name: str) -> None:
    folder = Path("/nowhere/folder")
    try:
        joined = safe_join(folder, name)
    except Refused:
        return
    assert folder in joined.resolve().parents
