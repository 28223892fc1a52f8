"""Results as JUnit XML, which CI systems show as tests: completed passes, failed is a failure, crashed an error."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from waypilot.files import write_bytes_atomic
from waypilot.metrics import Metric, ScenarioResult, run_key
from waypilot.report.results import Results

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: Results) -> bytes:
    """Make the document: a suite with a test case per planned run, in their order; runs not driven are skipped.

    A case's time is the simulated one, so that equal results give equal bytes.
    """
    suite_name = _text(f"waypilot.{results.document['suite']}")
    by_key = {result.key: result for result in results.results}
    cases = [
        _case(suite_name, key, by_key.get(key))
        for job in cast(Sequence[Mapping[str, object]], results.document["jobs"])
        for key in (run_key(str(job["scenario"]), cast(int, job["seed"]), cast(int, job.get("repeat", 0))),)
    ]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{sum(float(case.get('time', '0')) for case in cases):.3f}",
    }
    suites = ET.Element("testsuites", {"name": "waypilot", **counts})
    ET.SubElement(suites, "testsuite", {"name": suite_name, **counts}).extend(cases)
    ET.indent(suites)
    return bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def write_junit(results: Results, path: Path) -> None:
    """Write the document to ``path``, atomically."""
    write_bytes_atomic(path, junit_xml(results))


def _case(suite: str, key: str, result: ScenarioResult | None) -> ET.Element:
    duration_s = next((m.value for m in result.metrics if m.name == "duration"), None) if result else None
    case = ET.Element("testcase", {"classname": suite, "name": _text(key), "time": f"{duration_s or 0.0:.3f}"})
    if result is None:
        ET.SubElement(case, "skipped", {"message": "not driven"})
        return case
    if not result.completed:
        kind, _, reason = result.status.partition(": ")
        tag = "error" if result.crashed else "failure"
        ET.SubElement(case, tag, {"message": _text(reason), "type": kind}).text = _text(result.status)
    ET.SubElement(case, "system-out").text = _text("\n".join(map(_line, result.metrics)))
    return case


def _line(metric: Metric) -> str:
    return f"{metric.name}: " + (
        f"invalid, {metric.reason}" if metric.value is None else f"{metric.value} {metric.unit}"
    )


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
