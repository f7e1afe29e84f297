"""A comparison as JUnit XML, which every CI reads."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from luthier.domain.verdicts import Verdict
from luthier.lifecycle.contest import Contest


def junit(found: Sequence[Contest]) -> str:
    """One suite per benchmark; a line that is not shown to be kept fails, and a difference that is open is skipped."""
    root = ET.Element("testsuites", name="luthier evaluate compare")
    for each in found:
        lines = [(f"{each.one.variant} keeps {name}", verdict) for name, verdict in each.one.verdicts.items()]
        pairs = [
            (f"{pair.variant} is not worse than {pair.other} on {pair.metric}", verdict)
            for pair, verdict in zip(each.differences, each.verdicts, strict=True)
        ]
        suite = ET.SubElement(root, "testsuite", name=each.benchmark)
        failed = sum(_add_case(suite, each.benchmark, *line, holds_fail=True) for line in lines)
        failed += sum(_add_case(suite, each.benchmark, *pair, holds_fail=False) for pair in pairs)
        suite.set("tests", str(len(lines) + len(pairs)))
        suite.set("failures", str(failed))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ET.Element, benchmark: str, name: str, verdict: Verdict, *, holds_fail: bool) -> bool:
    case = ET.SubElement(suite, "testcase", classname=benchmark, name=name)
    said = "; ".join(verdict.reasons)
    if verdict.outcome == "fail" or (verdict.outcome == "not_enough_evidence" and holds_fail):
        ET.SubElement(case, "failure", type=verdict.outcome, message=said)
        return True
    if verdict.outcome == "not_enough_evidence":
        ET.SubElement(case, "skipped", message=said)
    return False
