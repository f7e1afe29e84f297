import json

from luthier.evaluate.general.suite import shipped_suite
from models.base.drills import MAKERS
from models.base.suite import PER_MAKER, PHRASES, suite


def test_the_shipped_suite_is_what_the_recipe_writes() -> None:
    written = [json.loads(json.dumps(row)) for row in suite()]
    shipped = shipped_suite()
    assert [row["id"] for row in written] == [row.id for row in shipped]
    assert [row["messages"] for row in written] == [
        [message.model_dump(mode="json") for message in row.messages] for row in shipped
    ]


def test_every_kind_of_drill_is_asked_equally_often() -> None:
    assert len(shipped_suite()) == PER_MAKER * len(MAKERS)
    assert len(set(PHRASES)) == len(PHRASES)
