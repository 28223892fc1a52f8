"""Optical flow against plain geometry: motion of the camera, of actors, of both, and none at all."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from tiny_town import driver_camera, make_scene, make_town, pixel_rays

from carla_lite.labels import Label
from carla_lite.render import Perception, Sight
from carla_lite.scene import DynamicScene, SceneActor, Shape, StaticScene, Weather
from waypilot.geometry import Pose

NOTHING = DynamicScene(0, 0.0, Weather())
EYE_M = 2.0


@pytest.fixture(scope="module")
def town():
    return Perception(make_town())


@pytest.fixture(scope="module")
def plain():
    """Nothing but level ground."""
    return Perception(StaticScene((-50.0, -50.0, 50.0, 50.0), (), ()))


def camera_at(**pose):
    return driver_camera(64, 48, 90.0, **{"x_m": 0.0, "y_m": 0.0, "z_m": EYE_M, **pose})


def car_at(*pose: float, actor_id: int = 7, label: int = Label.CAR) -> SceneActor:
    return SceneActor(actor_id, Shape.CAR, Pose.from_xyz_rpy(*pose), (2.3, 1.0, 0.75), (9, 9, 9), label=label)


def scene_with(*actors: SceneActor) -> DynamicScene:
    return DynamicScene(0, 0.0, Weather(), actors)


def grid():
    """Return x to the right and y down (48, 64) of pixel centres on the plane one metre ahead."""
    rows, columns = np.mgrid[0:48, 0:64]
    return (columns + 0.5 - 32.0) / 32.0, (rows + 0.5 - 24.0) / 32.0


def test_what_stands_still_has_no_flow_to_the_bit(town):
    camera, scene = driver_camera(64, 36, roll_rad=0.3, pitch_rad=-0.2, yaw_rad=0.7), make_scene()
    later = dataclasses.replace(scene, frame=scene.frame + 1, time_s=scene.time_s + 0.05)
    flow = town.flow(Sight(camera, later), Sight(camera, scene))
    assert (flow.shape, flow.dtype) == ((36, 64, 2), np.float32)
    assert (flow == 0.0).all()


def test_without_a_past_there_is_no_flow(town):
    assert (town.flow(Sight(driver_camera(64, 36), make_scene()), None) == 0.0).all()


def test_ground_flows_down_and_out_when_the_camera_goes_forward(plain):
    step_m = 0.5
    flow = plain.flow(Sight(camera_at(x_m=step_m), NOTHING), Sight(camera_at(), NOTHING))
    x, y = grid()
    depth_m = EYE_M / y[26:]
    shrunk = depth_m / (depth_m + step_m)  # of x and y: the point was farther away
    assert flow[26:, :, 0] == pytest.approx((x[26:] - x[26:] * shrunk) * 64 / 64, abs=1e-5)
    assert flow[26:, :, 1] == pytest.approx(-(y[26:] - y[26:] * shrunk) * 64 / 48, abs=1e-5)
    assert (flow[:23] == 0.0).all()  # the sky is infinitely far away
    assert flow[47, 63, 0] > 0.05
    assert flow[47, 63, 1] < -0.05


def test_sky_and_ground_flow_to_the_right_when_the_camera_turns_left(plain):
    turn = 0.1
    flow = plain.flow(Sight(camera_at(yaw_rad=turn), NOTHING), Sight(camera_at(), NOTHING))
    x, y = grid()
    ahead = np.cos(turn) + x * np.sin(turn)
    then_x, then_y = (x * np.cos(turn) - np.sin(turn)) / ahead, y / ahead
    assert flow[..., 0] == pytest.approx(x - then_x, abs=1e-5)
    assert flow[..., 1] == pytest.approx((then_y - y) * 64 / 48, abs=1e-5)
    assert flow[10, 32, 0] == pytest.approx(math.tan(turn), rel=0.05)


def test_only_the_car_that_moves_flows(plain):
    standing = car_at(12.0, -3.0, 0.0, actor_id=8)
    now = scene_with(standing, car_at(12.0, 3.0, 0.0))
    then = scene_with(car_at(12.0, 2.0, 0.0), standing)  # the order of actors is no matter
    flow = plain.flow(Sight(camera_at(), now), Sight(camera_at(), then))
    ids = plain.labels(camera_at(), now, with_ids=True)[..., 1]
    assert (flow[ids != 7] == 0.0).all()
    seen = flow[ids == 7]
    assert len(seen) > 30
    # To the left by 1 m, seen at 9.7 m (the bumper) to 14.3 m; half a picture is 1 m wide per metre of depth.
    assert (seen[:, 0] < -1.0 / 14.5).all()
    assert (seen[:, 0] > -1.0 / 9.6).all()
    assert seen[:, 1] == pytest.approx(0.0, abs=1e-6)


def test_an_actor_that_was_not_there_moves_as_the_ground_does(plain):
    car = car_at(8.0, 0.0, 0.0)
    alone = plain.flow(Sight(camera_at(), scene_with(car)), Sight(camera_at(), NOTHING))
    assert (alone == 0.0).all()
    gone = plain.flow(Sight(camera_at(), NOTHING), Sight(camera_at(), scene_with(car)))
    assert (gone == 0.0).all()


def test_what_moves_with_the_camera_stays_in_its_place(plain):
    for course in (0.0, 0.2):
        x, y = 0.7 * math.cos(course), 0.7 * math.sin(course)
        now = Sight(camera_at(x_m=x, y_m=y), scene_with(car_at(9.0 + x, y, 0.0, 0.0, 0.0, 0.3)))
        then = Sight(camera_at(), scene_with(car_at(9.0, 0.0, 0.0, 0.0, 0.0, 0.3)))
        flow = plain.flow(now, then)
        on_car = plain.labels(*now)[..., 2] == Label.CAR
        assert flow[on_car] == pytest.approx(0.0, abs=1e-6)
        assert np.abs(flow[40:][~on_car[40:]]).max() > 0.05


def test_flow_ends_at_two(plain):
    """The camera comes from far behind, or looked the other way: more than a picture's width, of either sign."""
    turned = plain.flow(Sight(camera_at(), NOTHING), Sight(camera_at(yaw_rad=math.pi), NOTHING))
    back = plain.flow(Sight(camera_at(x_m=-30.0), NOTHING), Sight(camera_at(), NOTHING))
    for flow in (turned, back):
        assert np.isfinite(flow).all()
        assert np.abs(flow).max() == 2.0
    assert set(np.sign(turned[..., 0]).ravel()) == {-1.0, 1.0}


@pytest.mark.parametrize("seed", range(4))
def test_any_motion_agrees_with_points_taken_back_one_by_one(town, seed):
    rng = np.random.default_rng(seed)
    tilt, shift = rng.normal(0.0, 0.1, (2, 3)), rng.normal(0.0, 0.3, 3)
    now_pose = {"roll_rad": tilt[0, 0], "pitch_rad": tilt[0, 1], "yaw_rad": tilt[0, 2]}
    camera = driver_camera(96, 54, **now_pose)
    then_camera = driver_camera(96, 54, x_m=1.3 + shift[0], y_m=-1.75 + shift[1], z_m=2.0 + shift[2],
                                roll_rad=tilt[1, 0], pitch_rad=tilt[1, 1], yaw_rad=tilt[1, 2])  # fmt: skip
    now = make_scene()
    moved = rng.normal(0.0, 0.2, (len(now.actors), 3))
    then = dataclasses.replace(
        now, actors=tuple(_nudged(actor, *step) for actor, step in zip(now.actors, moved, strict=True))
    )
    flow = town.flow(Sight(camera, now), Sight(then_camera, then))
    expected, visible = _taken_back(town, camera, now, then_camera, then)
    assert visible.mean() > 0.4
    assert flow[visible] == pytest.approx(expected[visible].clip(-2.0, 2.0), abs=2e-3)


def _nudged(actor: SceneActor, dx: float, dy: float, turn: float) -> SceneActor:
    pose = actor.pose
    yaw = pose.planar.yaw_rad + turn
    return dataclasses.replace(actor, pose=Pose.from_xyz_rpy(pose.x_m + dx, pose.y_m + dy, pose.z_m, 0.0, 0.0, yaw))


def _taken_back(town, camera, now, then_camera, then):
    """Return flow (H, W, 2) worked out point by point, and where it is known."""
    shape = (camera.height_px, camera.width_px)
    code = town.depth(camera, now).astype(float)
    depth_m = ((code[..., 2] + 256.0 * code[..., 1] + 65536.0 * code[..., 0]) / (2.0**24 - 1.0) * 1000.0).ravel()
    segments = town.labels(camera, now, with_ids=True)
    ids = (segments[..., 1] + 256 * segments[..., 0].astype(int)).ravel()
    rays, length = pixel_rays(camera)
    result, before = np.zeros((len(ids), 2)), {actor.actor_id: actor.pose for actor in then.actors}
    poses = {actor.actor_id: actor.pose for actor in now.actors}
    eye, focal = camera.pose_map_from_camera, camera.width_px / 2.0 / math.tan(camera.fov_rad / 2.0)
    visible = depth_m < 60.0
    for k in np.flatnonzero(visible):
        point = np.array((eye.x_m, eye.y_m, eye.z_m)) + rays[k] * length[k] * depth_m[k]
        if ids[k] in poses:
            point = _out_of(before[ids[k]], _into(poses[ids[k]], point))
        ahead, left, up = _into(then_camera.pose_map_from_camera, point)
        visible[k] = ahead > 0.5
        row, column = divmod(k, shape[1])
        right_px, down_px = -left / ahead * focal + shape[1] / 2.0, -up / ahead * focal + shape[0] / 2.0
        result[k] = (column + 0.5 - right_px) / (shape[1] / 2.0), (down_px - row - 0.5) / (shape[0] / 2.0)
    return result.reshape(*shape, 2), visible.reshape(shape)


def _into(pose: Pose, point):
    return pose.orientation.conjugate().rotate(tuple(np.array(point) - (pose.x_m, pose.y_m, pose.z_m)))


def _out_of(pose: Pose, point):
    return np.add(pose.orientation.rotate(tuple(point)), (pose.x_m, pose.y_m, pose.z_m))
