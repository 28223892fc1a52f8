"""JUnit XML says for every planned run what became of it, and what the schema in the docs says is true."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from waypilot.report.__main__ import main
from waypilot.report.junit import junit_xml
from waypilot.report.results import ResultsWriter, load_results

SCHEMA = json.loads((Path(__file__).parents[4] / "docs" / "results.schema.json").read_text())


def test_status_becomes_pass_failure_and_error(tmp_path, run_all):
    target = tmp_path / "out" / "junit.xml"
    assert main([str(run_all(tmp_path)), "--junit", str(target)]) == 0
    root = ET.parse(target).getroot()
    suite = root.find("testsuite")
    for element in (root, suite):
        counts = [element.get(name) for name in ("tests", "failures", "errors", "skipped")]
        assert counts == ["3", "1", "1", "0"]
    first, second, third = suite.findall("testcase")
    assert [case.get("name") for case in (first, second, third)] == ["first_seed0", "second_seed0", "third_seed0"]
    assert {case.get("classname") for case in suite} == {"waypilot.tiny"}
    assert [child.tag for child in first] == ["system-out"]
    assert first.get("time") == "5.000"
    assert second.find("failure").get("message") == "time-out: too <b>slow</b> & late"
    assert third.find("error").get("message") == "<script>alert(1)</script> vanished"
    assert "route_completion: 100.0 %" in first.find("system-out").text


def test_runs_that_were_not_driven_are_skipped(tmp_path, info, jobs):
    root = ET.fromstring(junit_xml(load_results(ResultsWriter(tmp_path / "results.json", info, jobs).path)))
    assert (root.get("tests"), root.get("skipped")) == ("3", "3")
    assert root.find("testsuite/testcase/skipped").get("message") == "not driven"


def test_text_that_xml_cannot_hold_is_replaced(tmp_path, info, jobs):
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    writer.start(jobs[0])
    writer.crash(jobs[0], "killed\x00 by \x1b[31msignal")
    root = ET.fromstring(junit_xml(load_results(writer.path)))
    assert root.find(".//error").get("message") == "killed\ufffd by \ufffd[31msignal"


def test_equal_results_give_equal_bytes(tmp_path, run_all):
    one, two = (
        junit_xml(load_results(run_all(tmp_path / name, seconds))) for name, seconds in (("a", 1.0), ("b", 2.0))
    )
    assert one == two


def test_schema_of_the_docs_is_that_of_the_files(tmp_path, run_all, info, jobs):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for path in (run_all(tmp_path / "a"), ResultsWriter(tmp_path / "b" / "results.json", info, jobs).path):
        jsonschema.validate(json.loads(path.read_text()), SCHEMA, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("break_it", "where"),
    [
        (lambda d: d["scenarios"][0].update(status="done"), "status"),
        (lambda d: d["scenarios"][0]["metrics"]["duration"].update(value=None), "value"),
        (lambda d: d["scenarios"][2]["metrics"]["duration"].update(value=3.0), "value"),
        (lambda d: d.update(schema="waypilot.results/9"), "schema"),
        (lambda d: d["scenarios"][1].pop("series"), "'series' is a required property"),
    ],
)
def test_schema_refuses_what_no_file_may_say(tmp_path, run_all, break_it, where):
    document = json.loads(run_all(tmp_path).read_text())
    break_it(document)
    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
    assert where in (*caught.value.absolute_path, caught.value.message)
