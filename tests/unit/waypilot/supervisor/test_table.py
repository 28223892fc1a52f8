import textwrap
from pathlib import Path

import pytest

from waypilot.supervisor.resolve import CARLA_DEFAULT_PORT, resolve
from waypilot.supervisor.table import ProcessSpec, TableError, load_table, split_overrides

STACK = Path(__file__).resolve().parents[4] / "launch" / "stack.yaml"


def write_table(tmp_path, text):
    path = tmp_path / "table.yaml"
    path.write_text(textwrap.dedent(text))
    return path


def small_table(tmp_path):
    return load_table(
        write_table(
            tmp_path,
            """
            arguments:
              lock_step: {default: true, help: x}
              mode: {default: a, choices: [a, b], help: x}
              out: {default: here, help: x}
            processes:
              - name: main
                package: p
                executable: e
                parameters: {lock_step: "${lock_step}", path: "${out}/file", gain: 1.5}
                remaps: {odometry: "/car/${mode}/odometry"}
                ends_run: true
              - {name: only_b, module: m, arguments: ["--flag", "${lock_step}"], when: {mode: b}}
            """,
        )
    )


def test_a_lone_reference_keeps_its_type_and_an_embedded_one_becomes_text(tmp_path):
    table = small_table(tmp_path)
    (spec,) = table.processes(table.values({"lock_step": "false", "out": "there"}))
    assert spec.parameters == {"lock_step": False, "path": "there/file", "gain": 1.5}
    assert spec.remaps == {"odometry": "/car/a/odometry"}
    assert spec.ends_run


def test_entries_are_started_when_their_condition_holds(tmp_path):
    table = small_table(tmp_path)
    assert [spec.name for spec in table.processes(table.values({"mode": "b"}))] == ["main", "only_b"]
    assert table.processes(table.values({"mode": "b"}))[1].arguments == ("--flag", "True")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"speed": "1"}, "unknown argument speed; known are: lock_step, mode, out"),
        ({"mode": "c"}, "mode:=c must be one of: a, b"),
        ({"lock_step": "maybe"}, "lock_step:=maybe must be true or false"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, overrides, message):
    with pytest.raises(TableError, match=message):
        small_table(tmp_path).values(overrides)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("processes: [{name: a, module: m, colour: red, ends_run: true}]", "process a: unknown key colour"),
        ("processes: [{name: a, module: '${port}', ends_run: true}]", "process a refers to port"),
        ("processes: [{name: a, module: m, when: {port: 1}, ends_run: true}]", "process a refers to port"),
        ("processes: [{name: a, module: m}]", "the run would never end"),
        ("arguments: {a: {default: 1}}", "argument a lacks 'default' or 'help'"),
        ("[1, 2]", "must hold the keys"),
    ],
)
def test_a_wrong_table_is_refused_with_the_place_of_the_mistake(tmp_path, text, message):
    with pytest.raises(TableError, match=message):
        load_table(write_table(tmp_path, text))


def test_a_process_is_either_a_node_or_a_module():
    with pytest.raises(TableError, match="give either package and executable, or module"):
        ProcessSpec("x", package="p", executable="e", module="m")
    with pytest.raises(TableError, match="give either"):
        ProcessSpec("x", package="p")


def test_a_table_without_a_simulator_has_numbers_as_arguments_and_absolute_paths():
    table = load_table(STACK.with_name("offline_replay.yaml"))
    policy, replay = table.processes(resolve(table.values({"rate": "2.5", "checkpoint": "model.pt"})))
    assert Path(policy.parameters["checkpoint"]).is_absolute()
    assert policy.parameters["delta_checkpoint"] == ""
    refined, _ = table.processes(resolve(table.values({"delta_checkpoint": "head.pt"})))
    assert Path(refined.parameters["delta_checkpoint"]).is_absolute()
    assert replay.parameters["rate"] == 2.5
    with pytest.raises(TableError, match="rate:=fast must be a number"):
        table.values({"rate": "fast"})


def test_split_overrides():
    assert split_overrides(["a:=1", "path:=/x:=y", "empty:="]) == {"a": "1", "path": "/x:=y", "empty": ""}
    with pytest.raises(TableError, match="write name:=value"):
        split_overrides(["a=1"])


@pytest.mark.parametrize("simulator", ["carla_lite", "none"])
@pytest.mark.parametrize("bridge", ["waypilot", "upstream"])
def test_every_combination_of_the_real_table_can_be_run(simulator, bridge):
    table = load_table(STACK)
    values = resolve(table.values({"simulator": simulator, "bridge": bridge}))
    names = [spec.name for spec in table.processes(values)]
    nodes = ["carla_bridge", "policy", "controller", "metrics", "evaluator"]
    assert names == (["simulator", *nodes] if simulator == "carla_lite" else nodes)


def test_the_automatic_port_is_carlas_own_for_a_foreign_server_and_free_for_ours():
    table = load_table(STACK)
    assert resolve(table.values({"simulator": "none"}))["port"] == CARLA_DEFAULT_PORT
    assert resolve(table.values({}))["port"] != CARLA_DEFAULT_PORT
    assert resolve(table.values({"port": "2345"}))["port"] == 2345
    with pytest.raises(TableError, match="port:=x must be a TCP port"):
        resolve(table.values({"port": "x"}))
