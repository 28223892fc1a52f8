"""The page shows every run, whatever became of it, and loads nothing from elsewhere."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from waypilot.report.__main__ import main
from waypilot.report.page import render, write_report
from waypilot.report.results import ResultsWriter

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Outline(HTMLParser):
    """Collects tags with attributes and text, and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data if data.strip() else " "


@pytest.fixture
def page(tmp_path, run_all):
    return render(run_all(tmp_path))


def test_page_is_well_formed_and_self_contained(page):
    outline = Outline(page)
    assert outline.open == []
    assert not {"script", "link", "iframe"} & {tag for tag, _ in outline.tags}
    for _, attributes in outline.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert not re.search(r"url\(|@import|https?://", page)


def test_every_status_is_shown_with_its_reason(page):
    words = Outline(page).words
    assert "failed: time-out: too <b>slow</b> & late" in words
    assert "crashed: <script>alert(1)</script> vanished" in words
    assert "1 / 3" in words
    assert re.search(r"1 failed, 1 crashed", words)


def test_text_from_outside_is_escaped(page):
    assert "<script>" not in page
    assert "<b>slow" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_invalid_metrics_say_why(page):
    words = " ".join(Outline(page).words.split())
    assert "no plan was recorded" in words
    assert "the run crashed" in words
    assert words.count("n/a") >= 9


def test_infractions_stand_in_list_map_and_charts(page):
    assert "collision: pedestrian, actor 5, 500 N s, at 0.50 s, 4.0 m along the route" in page
    assert page.count('<path class="mark collision"') == 1
    assert page.count('<line class="mark collision"') == 4


def test_map_shows_the_driven_path_left_of_the_route(tmp_path, jobs, info, judge):
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    writer.append(judge(jobs[0], y_m=2.0))
    page = render(writer.path)
    ys = {
        style: float(re.search(rf'class="{style}"[^>]* points="[\d.]+,([\d.]+)', page).group(1))
        for style in ("route", "driven")
    }
    # 64 m of width fill 960 pixels; north is up, so 2 m to the left are 30 pixels less
    assert ys["route"] - ys["driven"] == pytest.approx(30.0, abs=0.11)


def test_pictures_are_embedded_evenly(tmp_path, run_all):
    path = run_all(tmp_path)
    folder = tmp_path / "scenarios" / "first_seed0"
    folder.mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (32, 18), (10, 20, 30)).save(buffer, "JPEG")
    for frame in range(15):
        (folder / f"frame_{frame:03d}.jpg").write_bytes(buffer.getvalue())
    (folder / "notes.txt").write_text("no picture")
    images = [attributes for tag, attributes in Outline(render(path)).tags if tag == "img"]
    names = [image["alt"] for image in images]
    assert names == [f"camera image frame_{frame:03d}" for frame in range(0, 15, 2)]
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in images)


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
