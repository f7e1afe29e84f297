"""Names in one section that must exist in another."""

from pathlib import Path

from luthier.project.parse import parse
from luthier.project.references import reference_faults

TEXT = """\
tools: tools.json
models:
  base: {}
retrieval:
  kb: {documents: kb/}
variants:
  good: {model: base, prompt: prompt.md, retrieval: kb}
  bad:
    model: bas
    retrieval: library
    prompt: absent.md
evaluation:
  production_release: {approvers: [a], compare_with: [good, better]}
"""


def faults(text: str, folder: Path) -> list[str]:
    (folder / "prompt.md").write_text("Be brief.", encoding="utf-8")
    return [str(fault) for fault in reference_faults(parse(text, "f")[0], folder)]


def test_every_unknown_name_and_missing_file_is_told_with_its_place(tmp_path: Path) -> None:
    assert faults(TEXT, tmp_path) == [
        "f:9:12: variants.bad.model: `models` holds no 'bas'; did you mean `base`?",
        "f:10:16: variants.bad.retrieval: `retrieval` holds no 'library'; choose from kb",
        "f:11:13: variants.bad.prompt: there is no file 'absent.md' in the project's folder",
        "f:1:8: tools: there is no file 'tools.json' in the project's folder",
        "f:13:61: evaluation.production_release.compare_with.1: `variants` holds no 'better'; choose from good, bad",
    ]


def test_a_section_that_is_absent_has_nothing_to_choose_from(tmp_path: Path) -> None:
    text = "variants:\n  a: {model: base, prompt: prompt.md, retrieval: kb}\nmodels: {base: {}}\n"
    assert faults(text, tmp_path) == ["f:2:50: variants.a.retrieval: `retrieval` holds no 'kb'; it has none"]


def test_values_of_the_wrong_shape_are_left_to_the_model_to_refuse(tmp_path: Path) -> None:
    assert faults("variants: [1, {model: 3}]\nevaluation: 5\ntools: [x]\nmodels: y\n", tmp_path) == []


def test_the_default_model_needs_no_section(tmp_path: Path) -> None:
    assert faults("variants:\n  a: {model: base, prompt: prompt.md}\n", tmp_path) == []
