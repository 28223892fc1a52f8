import json
import os
import tracemalloc

import numpy as np
import pytest

from training.data.import_waymo import main
from training.data.waymo.cameras import CameraOptions
from training.data.waymo.importer import ImportConfig, ImportFailedError, find_records
from waypilot.episodes import EpisodeWriter, find_episodes, load_episode


def segments(kit, count, frames=4, **values):
    return [
        kit.E2ERecord(f"seg-{s}", number, cameras=(1, 2), calibrations=(1, 2), **values).payload()
        for s in range(count)
        for number in range(frames)
    ]


def content(folder):
    """Every file below a folder that is not the importer's own state."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".import" not in path.parts
    }


def test_an_interrupted_import_is_resumed_to_the_same_bytes(kit, shards, tmp_path, monkeypatch, capsys):
    pattern = shards(segments(kit, 4))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main(["--records", pattern, "--out", str(whole)]) == 0

    genuine, frames = EpisodeWriter.add_frame, []

    def interrupted(writer, frame, images):
        frames.append(frame)
        if len(frames) == 7:
            raise KeyboardInterrupt
        genuine(writer, frame, images)

    monkeypatch.setattr(EpisodeWriter, "add_frame", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(["--records", pattern, "--out", str(parts)])
    monkeypatch.setattr(EpisodeWriter, "add_frame", genuine)
    assert [path.name for path in parts.iterdir() if path.name != ".import"] == ["seg-0"]
    capsys.readouterr()
    assert main(["--records", pattern, "--out", str(parts), "--resume", "--jobs", "3"]) == 0
    assert "3 episodes written, 1 were there already" in capsys.readouterr().out
    assert content(parts) == content(whole)
    assert main(["--records", pattern, "--out", str(parts), "--resume"]) == 0
    assert "0 episodes written, 4 were there already" in capsys.readouterr().out


def test_the_order_of_records_in_the_shards_does_not_matter(kit, shards, tmp_path):
    payloads = segments(kit, 2)
    for seed in (1, 2):
        assert main(["--records", shards(payloads, seed=seed), "--out", str(tmp_path / f"out{seed}")]) == 0
    assert content(tmp_path / "out1") == content(tmp_path / "out2")


def test_a_removed_episode_is_imported_again(kit, shards, tmp_path):
    out = tmp_path / "out"
    command = ["--records", shards(segments(kit, 2)), "--out", str(out)]
    assert main(command) == 0
    (out / "seg-1").rename(tmp_path / "elsewhere")
    assert main([*command, "--resume"]) == 0
    assert content(out / "seg-1") == content(tmp_path / "elsewhere")


def test_an_episode_folder_is_never_overwritten_nor_mixed(kit, shards, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["--records", shards(segments(kit, 1)), "--out", str(out)]
    assert main(command) == 0
    before = content(out)
    assert main(command) == 1
    assert "go on with --resume or choose another --out" in capsys.readouterr().err
    assert main([*command, "--resume", "--image-width", "24"]) == 1
    assert "choose another --out" in capsys.readouterr().err
    assert content(out) == before


def test_damaged_files_fail_the_run_but_all_that_is_whole_is_kept(kit, shards, tmp_path, capsys):
    pattern = shards(segments(kit, 3, frames=6))
    damaged = sorted((tmp_path / "records").iterdir())[1]
    damaged.write_bytes(damaged.read_bytes()[:-5])
    assert main(["--records", pattern, "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "3 episodes written" in printed
    assert "17 frames" in printed
    assert f"damaged: {damaged}: record at byte" in printed
    summary = json.loads((tmp_path / "out" / ".import" / "summary.json").read_text())
    assert (summary["frames"], len(summary["damage"])) == (17, 1)


def test_limit_takes_the_first_segments(kit, shards, tmp_path):
    out = tmp_path / "out"
    assert main(["--records", shards(segments(kit, 3)), "--out", str(out), "--limit", "2"]) == 0
    paths = find_episodes(str(out / "**" / "*.json"))
    assert [path.parent.name for path in paths] == ["seg-0", "seg-1"]


def test_a_file_that_changed_under_the_index_is_noticed(kit, tmp_path, capsys, monkeypatch):
    path = kit.write_records(tmp_path / "a.tfrecord", segments(kit, 1, frames=3))
    stat = path.stat()
    assert main(["--records", str(path), "--out", str(tmp_path / "out"), "--limit", "1"]) == 0
    data = bytearray(path.read_bytes())
    data[-20] ^= 0xFF
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (tmp_path / "out" / "seg-0").rename(tmp_path / "gone")
    capsys.readouterr()
    assert main(["--records", str(path), "--out", str(tmp_path / "out"), "--resume"]) == 0
    assert "record: changed since it was indexed; run again" in capsys.readouterr().out
    (episode,) = find_episodes(str(tmp_path / "out" / "*" / "episode.json"))
    assert len(load_episode(episode).frames) == 2


def test_nothing_to_import_is_a_clear_error(kit, tmp_path, capsys):
    with pytest.raises(ImportFailedError, match="no file matches"):
        find_records([str(tmp_path / "*.tfrecord")])
    path = kit.write_records(tmp_path / "a.tfrecord", segments(kit, 1))
    assert main(["--records", str(path), "--out", str(tmp_path / "out"), "--camera", "rear"]) == 1
    captured = capsys.readouterr()
    assert "segment: camera rear is not calibrated" in captured.out
    assert "there are front, front_left" in captured.out
    assert "no episode could be imported" in captured.err


@pytest.mark.parametrize(
    ("build", "values", "message"),
    [
        (ImportConfig, {"format": "motion"}, "expected auto, e2e or perception"),
        (ImportConfig, {"limit": -1}, "limit is -1, expected 1 or more"),
        (ImportConfig, {"jobs": 0}, "jobs is 0, expected 1 or more"),
        (CameraOptions, {"cameras": ("frontal",)}, "camera 'frontal' is unknown, expected one of front, front_left"),
        (CameraOptions, {"cameras": ("front", "front")}, "name one twice"),
        (CameraOptions, {"image_width_px": 0}, "image_width_px is 0, expected 1 or more"),
        (CameraOptions, {"image_height_px": 9}, "image_height_px needs image_width_px"),
    ],
)
def test_wrong_settings_are_refused_in_words(tmp_path, build, values, message):
    required = {"records": ("x",), "out": tmp_path} if build is ImportConfig else {}
    with pytest.raises(ValueError, match=message):
        build(**required, **values)


def test_memory_does_not_grow_with_the_length_of_a_segment(kit, shards, tmp_path, monkeypatch):
    """Records carry 200 kB of ballast each; 40 of them must not be held at once."""
    ballast = np.random.default_rng(0).bytes(200_000)
    payloads = []
    for number in range(40):
        message = kit.E2ERecord("seg", number, cameras=(1,), calibrations=(1,)).message()
        message.frame.images[0].image = message.frame.images[0].image[:-2] + ballast + b"\xff\xd9"
        payloads.append(message.SerializeToString())
    pattern = shards(payloads)
    tracemalloc.start()
    assert main(["--records", pattern, "--out", str(tmp_path / "out")]) == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(ballast)


def test_an_error_in_one_of_several_jobs_ends_the_import(kit, shards, tmp_path, monkeypatch, capsys):
    pattern = shards(segments(kit, 6))

    def full(writer):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(EpisodeWriter, "finish", full)
    out = tmp_path / "out"
    assert main(["--records", pattern, "--out", str(out), "--jobs", "2"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == [".import"]


def test_a_segment_that_got_more_records_is_not_taken_for_finished(kit, tmp_path, capsys):
    records, out = segments(kit, 1, frames=5), tmp_path / "out"
    kit.write_records(tmp_path / "a.tfrecord", records[:3])
    command = ["--records", str(tmp_path / "*.tfrecord"), "--out", str(out)]
    assert main(command) == 0
    kit.write_records(tmp_path / "b.tfrecord", records[3:])
    capsys.readouterr()
    assert main([*command, "--resume"]) == 1
    assert "has more or fewer records than when it was imported; remove its folder" in capsys.readouterr().out
    (out / "seg-0").rename(tmp_path / "old")
    assert main([*command, "--resume"]) == 0
    assert len(load_episode(out / "seg-0" / "episode.json").frames) == 5
