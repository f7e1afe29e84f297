"""The guide's own metric, installed as the guide says."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
ASKS = """
from luthier.domain.examples import Example, Message
from luthier.evaluate.metrics import Attempt, metrics
metric = metrics.get("names_a_price")
def row(answer, ideal):
    messages = (Message(role="user", content="q"), Message(role="assistant", content=ideal))
    return Attempt(answer=answer, example=Example(id="1", messages=messages))
print(metric.score(row("EUR 9", "EUR 8")), metric.score(row(None, "EUR 8")), metric.score(row("EUR 9", "free")))
print(metric.recipe.says)
"""


def test_a_metric_of_the_users_own_is_found_by_its_entry_point(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    code, toml = (re.search(f"```{kind}\n(.*?)```", guide, re.DOTALL) for kind in ("python", "toml"))
    assert code is not None
    assert toml is not None
    (tmp_path / "my_metrics.py").write_text(code[1], encoding="utf-8")
    info = tmp_path / "my_metrics-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-metrics\nVersion: 1\n", encoding="utf-8")
    group = re.search(r'entry-points\."([\w.]+)"', toml[1])
    assert group is not None
    entry = toml[1].splitlines()[1].replace('"', "")
    (info / "entry_points.txt").write_text(f"[{group[1]}]\n{entry}\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", ASKS],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.stdout.splitlines() == [
        "True False None", "Whether the answer names a price, on rows whose ideal does.",
    ], done.stderr  # fmt: skip
