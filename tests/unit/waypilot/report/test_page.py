"""The page shows every run, whatever became of it, and loads nothing from elsewhere."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from waypilot.metrics.result import SERIES_COLUMNS, Series
from waypilot.report import page as page_module
from waypilot.report.__main__ import main
from waypilot.report.jobs import Job
from waypilot.report.page import render, write_report
from waypilot.report.results import ResultsWriter
from waypilot.report.run_data import series_data
from waypilot.report.video import VIDEO_NAME

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Outline(HTMLParser):
    """Collects tags with attributes and text, and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.runs: list[str] = []
        self.feed(page)
        self.data = [json.loads(text) for text in self.runs]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script" and "data-run" in dict(attrs):
            self.runs.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["script"]:
            self.words += data if data.strip() else " "
        elif len(self.runs) == sum("data-run" in attributes for _, attributes in self.tags) and data.startswith("{"):
            self.runs[-1] += data


@pytest.fixture
def page(tmp_path, run_all):
    return render(run_all(tmp_path))


def test_page_is_well_formed_and_self_contained(page):
    outline = Outline(page)
    assert outline.open == []
    assert not {"iframe", "object", "embed"} & {tag for tag, _ in outline.tags}
    for _, attributes in outline.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)


def test_every_status_is_shown_with_its_reason(page):
    outline = Outline(page)
    assert [run["status"] for run in outline.data] == [
        "completed",
        "failed: time-out: too <b>slow</b> & late",
        "crashed: <script>alert(1)</script> vanished",
    ]
    assert "1 / 3" in outline.words
    assert re.search(r"1 failed, 1 crashed", outline.words)


def test_text_from_outside_is_escaped(page):
    assert "<script>alert" not in page
    assert "<b>slow" not in page
    assert r"\u003cscript\u003ealert(1)" in page


def test_invalid_metrics_say_why(page):
    shown = [metric for run in Outline(page).data for _, metrics in run["themes"] for metric in metrics]
    reasons = {remark for _, value, remark, valid in shown if not valid and value == "n/a"}
    assert {"no plan was recorded", "the run crashed"} <= reasons


def test_infractions_tell_moment_and_place(page):
    collision = next(item for item in Outline(page).data[1]["infractions"] if item["style"] == "collision")
    assert collision["text"].startswith("collision: pedestrian, actor 1, 500 N s, at 0.50 s, 4.0 m along the route")
    assert (collision["time_s"], collision["x_m"], collision["y_m"]) == pytest.approx((0.5, 4.0, 0.1))


def test_the_spread_of_a_scenarios_runs_is_shown(tmp_path, info, jobs, judge):
    planned = [Job(jobs[0].scenario, 0, repeat) for repeat in range(2)]
    writer = ResultsWriter(tmp_path / "results.json", info, planned)
    for job, end_m in zip(planned, (20.0, 40.0), strict=True):
        writer.append(dataclasses.replace(judge(job, end_m=end_m), repeat=job.repeat))
    words = Outline(render(writer.path)).words
    assert "75.0 % ± 35.4 50.0 to 100.0" in words
    assert re.search(r"first\s+2\s*1\s*1\s*0\s", words)


def test_long_series_are_thinned_and_keep_their_ends():
    values = tuple(0.05 * frame for frame in range(5001))
    data = series_data(Series(dict.fromkeys(SERIES_COLUMNS, values), ((0.0, 0.0), (1.0, 0.0))))
    assert len(data["time_s"]) <= 1202
    assert (data["time_s"][0], data["time_s"][-1]) == (0.0, 250.0)


def add_media(folder):
    folder.mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (32, 18), (10, 20, 30)).save(buffer, "JPEG")
    for frame in range(15):
        (folder / f"frame_{frame:03d}.jpg").write_bytes(buffer.getvalue())
    (folder / "notes.txt").write_text("no picture")
    (folder / VIDEO_NAME).write_bytes(b"a video" * 1000)


def test_pictures_are_embedded_evenly_and_the_video_is_inside(tmp_path, run_all):
    path = run_all(tmp_path)
    add_media(tmp_path / "scenarios" / "first_seed0")
    run = Outline(render(path)).data[0]
    assert [name for name, _ in run["pictures"]] == [f"frame_{frame:03d}" for frame in range(0, 15, 2)]
    assert all(url.startswith("data:image/jpeg;base64,") for _, url in run["pictures"])
    assert run["video"].startswith("data:video/webm;base64,")


def test_media_beyond_the_budget_are_linked_from_where_the_page_lies(tmp_path, run_all, monkeypatch):
    path = run_all(tmp_path / "run #2, 100 %")
    add_media(path.parent / "scenarios" / "first_seed0")
    monkeypatch.setattr(page_module, "MEDIA_BUDGET_BYTES", 6000)
    outline = Outline(render(path, tmp_path / "pages"))
    assert outline.data[0]["video"] == "../run%20%232%2C%20100%20%25/scenarios/first_seed0/drive.webm"
    assert outline.data[0]["pictures"][0][1].startswith("data:image/jpeg")
    assert "1 videos and pictures beyond" in " ".join(outline.words.split())


def test_page_of_an_evaluation_that_just_began(tmp_path, info, jobs):
    words = Outline(render(ResultsWriter(tmp_path / "results.json", info, jobs).path)).words
    assert "0 / 3" in words
    assert "3 not run" in words
    assert "no run was judged" in words


def test_equal_results_give_equal_pages(tmp_path, run_all):
    assert render(run_all(tmp_path / "a")) == render(run_all(tmp_path / "b"))


def test_command_writes_beside_the_results_or_where_told(tmp_path, run_all, capsys):
    path = run_all(tmp_path)
    assert main([str(path)]) == 0
    assert main([str(path), "-o", str(tmp_path / "sub" / "page.html")]) == 0
    assert (tmp_path / "report.html").read_text() == (tmp_path / "sub" / "page.html").read_text()
    assert "wrote" in capsys.readouterr().out


def test_command_says_what_is_wrong(tmp_path, capsys):
    assert main([str(tmp_path / "none.json")]) == 2
    assert "none.json: cannot be read" in capsys.readouterr().err


def test_summary_fits_a_terminal_and_tells_all(tmp_path, run_all, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([str(run_all(tmp_path)), "--summary"]) == 0
    output = capsys.readouterr().out
    assert max(len(line) for line in output.splitlines()) <= 80
    row = next(line for line in output.splitlines() if line.startswith("second"))
    assert row.split() == ["second", "0", "failed", "50.0", "25.0", "25.0", "1", "0", "0.10", "0.10", "2.5"]
    assert "third, seed 0: crashed: <script>alert(1)</script> vanished" in output
    assert "1 completed, 1 failed, 1 crashed (not judged)" in output
    assert "success rate 50.0 % of 2 judged; 95 % interval: 0.0 to 100.0" in output


def test_page_replaces_an_old_one(tmp_path, run_all):
    path = run_all(tmp_path)
    target = tmp_path / "report.html"
    target.write_text("old")
    write_report(path, target)
    assert target.read_text() == render(path)
