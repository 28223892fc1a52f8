"""The page in a real Chromium: loads without a complaint, sorts, filters, plays, seeks, and fits a phone."""

from __future__ import annotations

import dataclasses
import math
import shutil

import numpy as np
import pytest

from waypilot.geometry import SE2, Pose
from waypilot.metrics import DriveLog, Termination, evaluate
from waypilot.report.comparison import compare_results
from waypilot.report.comparison_page import write_comparison
from waypilot.report.jobs import Job
from waypilot.report.page import write_report
from waypilot.report.results import CheckpointInfo, ResultsWriter, RunInfo, load_results
from waypilot.report.video import DriveVideo
from waypilot.rig import DEFAULT_RIG
from waypilot.route import Route
from waypilot.scenarios import WEATHER_PRESETS, Scenario
from waypilot.types import ActorKind, CollisionEvent, Control, EgoState, Trajectory

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STEP_NS = 50_000_000
BASE = Scenario("slow", "Tiny", WEATHER_PRESETS["clear"], SE2(0.0, 0.0, 0.0), (80.0, 0.0))
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
]


def drive(job, speed_mps, folder):
    """Drive along the road, touch something after 3 s, and film it."""
    log, route = DriveLog(), Route(np.stack([np.arange(81.0), np.zeros(81)], axis=-1))
    video = DriveVideo(folder, DEFAULT_RIG[0])
    for frame in range(121):
        stamp_ns = frame * STEP_NS
        pose = Pose.from_xyz_rpy(speed_mps * frame * 0.05, math.sin(frame / 20.0), 0.0)
        log.add_ego(EgoState(stamp_ns, pose, (speed_mps, 0.0, 0.0), (0.0, 0.0, 0.0)))
        log.add_control(stamp_ns, Control(throttle=0.3, steer=0.1))
        plan = Trajectory(stamp_ns, 250_000_000, np.stack([np.arange(1.0, 9.0), np.zeros(8)], axis=-1))
        video.add(stamp_ns, np.full((180, 320, 3), 60 + frame, dtype=np.uint8), plan)
    video.close()
    log.add_collision(CollisionEvent(60 * STEP_NS, 5, ActorKind.VEHICLE, (300.0, 400.0, 0.0)))
    result = evaluate(log, route, job.scenario, Termination("failed", "time-out", 120 * STEP_NS), job.seed)
    return dataclasses.replace(result, wall_clock={"per_frame_ms": {"policy": 2.5, "control": 0.2}})


def evaluate_all(folder, faster_mps=0.0):
    """Write results of three filmed drives and a crash."""
    jobs = [Job(dataclasses.replace(BASE, name=name), 0) for name in ("slow", "middle", "fast", "broken")]
    info = RunInfo("tiny", "in_process", "net", {"waypilot": "0.1.0"}, CheckpointInfo("model.pt", "00" * 32))
    writer = ResultsWriter(folder / "results.json", info, jobs)
    for job, speed_mps in zip(jobs, (2.0, 6.0, 10.0), strict=False):
        writer.start(job)
        writer.append(drive(job, speed_mps + faster_mps, writer.picture_dir(job)))
    writer.start(jobs[3])
    writer.crash(jobs[3], "server <died>")
    return writer.path


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    page = folder / "page" / "report.html"
    write_report(evaluate_all(folder), page)
    return page.as_uri()


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    a, b = (load_results(evaluate_all(folder / name, faster)) for name, faster in (("a", 0.0), ("b", 2.0)))
    page = folder / "comparison.html"
    write_comparison(compare_results(a, b), page)
    return page.as_uri()


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, report):
    """Open the page at a size; at the end it must have complained of nothing and asked for nothing."""
    complaints, contexts = [], []

    def open_page(size, anchor="", scheme="light", address=report):
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda r: complaints.append(r.url[:80]) if not r.url.startswith(("file:", "data:", "blob:")) else 0,
        )
        page.goto(address + anchor)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def shown(page):
    return page.eval_on_selector_all(
        "#runs tbody tr", "rows => rows.filter(r => !r.hidden).map(r => r.cells[0].innerText)"
    )


def test_sorts_by_a_column_both_ways_and_keeps_the_crashed_last(open_page):
    page = open_page(DESKTOP)
    speed = page.get_by_role("button", name="speed", exact=True)
    speed.focus()
    page.keyboard.press("Enter")
    assert shown(page) == ["slow", "middle", "fast", "broken"]
    page.keyboard.press("Enter")
    assert shown(page) == ["fast", "middle", "slow", "broken"]
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("speed")


def test_filters_by_words_and_by_status(open_page):
    page = open_page(DESKTOP)
    page.get_by_role("searchbox").fill("died")
    assert shown(page) == ["broken"]
    page.get_by_role("searchbox").fill("")
    page.locator("select[data-status=runs]").select_option("failed")
    assert shown(page) == ["slow", "middle", "fast"]
    assert page.locator("[data-count=runs]").inner_text() == "3 of 4"


def test_video_plays_and_moves_the_cursor(open_page):
    page = open_page(DESKTOP, "#run=middle_seed0")
    page.wait_for_function("document.querySelector('video').readyState >= 2")
    page.evaluate("document.querySelector('video').play()")
    page.wait_for_function("document.querySelector('video').currentTime > 0.5", timeout=60_000)
    page.wait_for_function("Number(document.querySelector('input[type=range]').value) > 0.4", timeout=60_000)
    assert page.evaluate("document.querySelector('video').videoWidth") == 400


def test_infraction_seeks_video_curves_and_map(open_page):
    page = open_page(DESKTOP, "#run=middle_seed0")
    page.wait_for_function("document.querySelector('video').readyState >= 1")
    page.locator(".infractions li", has_text="collision: vehicle").get_by_role("button").click()
    page.wait_for_function("Math.abs(document.querySelector('video').currentTime - 3) < 0.01")
    assert "t = 3.00 s" in page.locator(".readout").inner_text()
    # 3 of 6 seconds: the cursor stands in the middle of the curves' area from 46 to 450
    assert float(page.locator(".chart .cursor").first.get_attribute("x1")) == pytest.approx(248.0, abs=0.6)
    # 6 m/s for 3 s: the vehicle's mark lies where the path passes 18 of the 80 m between start and goal
    start, goal = (float(page.locator(f".map .{name}").get_attribute("cx")) for name in ("start", "goal"))
    moved = page.locator(".map .vehicle").get_attribute("transform")
    assert float(moved.split("(")[1].split()[0]) == pytest.approx(start + (goal - start) * 18.0 / 80.0, abs=0.6)


def test_pointing_at_a_curve_reads_its_values(open_page):
    page = open_page(DESKTOP, "#run=fast_seed0")
    box = page.locator(".chart").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 248.0 / 460.0, box["y"] + 40)
    text = page.locator(".readout").inner_text()
    assert text.startswith("t = 3.0")
    assert "speed 10.00 m/s" in text


def test_next_run_by_keyboard_and_what_a_crashed_run_shows(open_page):
    page = open_page(DESKTOP, "#run=fast_seed0")
    page.get_by_role("button", name="next").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#run=broken_seed0'")
    assert "crashed: server <died>" in page.locator("#run").inner_text()
    assert "No frame was recorded." in page.locator("#run").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_is_wider_than_the_screen(open_page, size, scheme):
    page = open_page(size, "#run=middle_seed0", scheme)
    page.wait_for_selector("#run svg.map")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide = "e => !e.closest('pre') && e.getBoundingClientRect().right > innerWidth + 0.5"
    assert (
        page.evaluate(f"[...document.querySelectorAll('body *')].filter({wide}).map(e => e.outerHTML.slice(0, 90))")
        == []
    )
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


def test_light_and_dark_can_be_chosen(open_page):
    page = open_page(DESKTOP)
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="switch between light and dark").click()
    assert page.evaluate(colour) != light


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_comparison_shows_both_drives_of_a_pair(open_page, comparison, size):
    page = open_page(size, "#run=middle_seed0&t=3", address=comparison)
    page.wait_for_function(
        "[...document.querySelectorAll('video')].filter(v => Math.abs(v.currentTime - 3) < 0.01).length == 2"
    )
    assert page.locator(".map .vehicle").count() == 2
    assert page.locator(".chart").first.locator("path.line").count() == 2
    readout = page.locator(".readout").inner_text()
    assert "A: speed 6.00 m/s" in readout
    assert "B: speed 8.00 m/s" in readout
    assert shown(page) == [f"{name}, seed 0" for name in ("slow", "middle", "fast", "broken")]
    overview = page.locator(".cards").inner_text()
    assert overview.count("1 crashed: broken_seed0") == 2
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
