"""Bones of walkers and doors of vehicles, as the genuine client reads and sets them."""

import math

import carla
import pytest


@pytest.fixture
def walker(world):
    blueprint = world.get_blueprint_library().find("walker.pedestrian.0001")
    place = world.get_map().get_spawn_points()[3]
    place.rotation.yaw += 30.0
    walker = world.spawn_actor(blueprint, place)
    world.tick()
    return walker


def bones_of(walker):
    return {bone.name: bone for bone in walker.get_bones().bone_transforms}


def as_tuple(location):
    return location.x, location.y, location.z


def test_bones_stand_in_the_walker_and_follow_it(world, walker):
    bones = bones_of(walker)
    assert len(bones) > 60
    here = walker.get_location()
    half_height_m = walker.bounding_box.extent.z
    assert as_tuple(bones["crl_root"].world.location) == pytest.approx(
        (here.x, here.y, here.z - half_height_m), abs=1e-3
    )
    for bone in bones.values():
        assert abs(bone.world.location.z - here.z) < half_height_m + 1e-3
        assert math.hypot(bone.world.location.x - here.x, bone.world.location.y - here.y) < 0.5
    right = walker.get_transform().get_right_vector()
    hands = bones["crl_hand__R"].world.location - bones["crl_hand__L"].world.location
    assert hands.x * right.x + hands.y * right.y > 0.3
    eyes = bones["crl_eye__L"].world.location - bones["crl_Head__C"].world.location
    assert eyes.dot(walker.get_transform().get_forward_vector()) > 0.05

    walker.apply_control(carla.WalkerControl(walker.get_transform().get_forward_vector(), 2.0))
    for _ in range(20):
        world.tick()
    gone = walker.get_location() - here
    moved = bones_of(walker)["crl_hand__L"].world.location - bones["crl_hand__L"].world.location
    assert gone.length() > 1.0
    assert as_tuple(moved) == pytest.approx(as_tuple(gone), abs=1e-3)


def test_a_clients_pose_is_taken_up_as_far_as_it_is_blended(walker):
    before = bones_of(walker)["crl_hand__L"]
    raised = carla.Transform(carla.Location(z=0.3), carla.Rotation(yaw=90.0))
    control = carla.WalkerBoneControlIn()
    control.bone_transforms = [("crl_hand__L", raised)]
    walker.set_bones(control)
    assert as_tuple(bones_of(walker)["crl_hand__L"].relative.location) == as_tuple(before.relative.location)
    walker.show_pose()
    shown = bones_of(walker)
    assert as_tuple(shown["crl_hand__L"].relative.location) == pytest.approx((0.0, 0.0, 0.3), abs=1e-6)
    assert shown["crl_hand__L"].relative.rotation.yaw == pytest.approx(90.0, abs=1e-3)
    assert shown["crl_handThumb__L"].world.location.z > before.world.location.z
    walker.blend_pose(0.5)
    half = bones_of(walker)["crl_hand__L"].relative
    assert half.location.z == pytest.approx(0.5 * (0.3 + before.relative.location.z), abs=1e-5)
    assert half.rotation.yaw == pytest.approx(45.0, abs=1e-3)
    walker.hide_pose()
    assert as_tuple(bones_of(walker)["crl_hand__L"].relative.location) == as_tuple(before.relative.location)
    walker.show_pose()
    walker.get_pose_from_animation()
    assert as_tuple(bones_of(walker)["crl_hand__L"].relative.location) == as_tuple(before.relative.location)


def test_bones_of_actors_come_in_the_order_of_their_names(walker, ego):
    names = walker.get_bone_names()
    bones = bones_of(walker)
    assert list(names) == list(bones)
    for name, pose, relative in zip(
        names, walker.get_bone_world_transforms(), walker.get_bone_relative_transforms(), strict=True
    ):
        assert as_tuple(pose.location) == as_tuple(bones[name].world.location)
        assert as_tuple(relative.location) == as_tuple(bones[name].relative.location)
    with pytest.raises(RuntimeError, match="walker"):
        ego.get_bone_names()


def test_bad_bones_are_refused_by_name(raw, walker):
    transform = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    for bones, reason in (
        ([[["crl_tail", transform]]], "no bone 'crl_tail'"),
        ([[["crl_root", [[math.nan, 0.0, 0.0], [0.0, 0.0, 0.0]]]]], "finite"),
        ([[["crl_root"]]], "bone"),
        ([[]] * 2, "WalkerBoneControlIn"),
    ):
        error, ((failed, (message,)),) = raw.call("set_bones_transform", walker.id, bones)
        assert (error, failed) == (None, True)
        assert reason in message
    error, ((failed, _),) = raw.call("blend_pose", walker.id, math.nan)
    assert (error, failed) == (None, True)


def test_doors_can_be_opened_and_shut(world, raw, ego):
    for door in (carla.VehicleDoor.FL, carla.VehicleDoor.All):
        ego.open_door(door)
        ego.close_door(door)
    world.tick()
    for call in ("open_vehicle_door", "close_vehicle_door"):
        assert raw.call(call, ego.id, 6) == (None, [[False]])
        error, ((failed, (message,)),) = raw.call(call, ego.id, 7)
        assert (error, failed) == (None, True)
        assert "argument 1" in message
