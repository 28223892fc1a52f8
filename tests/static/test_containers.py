"""Rules for Dockerfile and compose.yaml that need no engine: much of what hadolint checks, and the project's own."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
NODES = ("bridge", "policy", "controller", "metrics", "evaluator")
#: Keys that docker-compose 1.29 refuses.
UNKNOWN_TO_COMPOSE_1 = {
    "name",
    "include",
    "configs",
    "gpus",
    "start_interval",
    "additional_contexts",
    "develop",
    "attach",
}


def instructions():
    """(word, rest) of every instruction of the Dockerfile, continued lines joined."""
    text = "\n".join(line for line in (ROOT / "docker/Dockerfile").read_text().splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", text)
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line]


def rest_of(*words):
    return [rest for word, rest in instructions() if word in words]


def stages():
    """Instructions of every stage, by its name."""
    made, name = {}, None
    for word, rest in instructions():
        if word == "FROM":
            name = rest.split(" AS ")[1]
            made[name] = [(word, rest)]
        elif name:
            made[name].append((word, rest))
    return made


def test_the_builder_needs_nothing_newer_than_engine_20():
    text = (ROOT / "docker/Dockerfile").read_text()
    assert "<<" not in text, "a heredoc"
    assert "# syntax" not in text, "pulls the frontend from a registry"
    assert "--link" not in text


def test_only_known_instructions_stand_in_the_dockerfile():
    known = {"ARG", "FROM", "RUN", "ENV", "COPY", "WORKDIR", "USER", "CMD", "ENTRYPOINT", "SHELL"}
    assert {word for word, _ in instructions()} <= known


def test_base_images_are_build_arguments_with_a_tag():
    defaults = dict(rest.partition("=")[::2] for rest in rest_of("ARG"))
    for rest in rest_of("FROM"):
        source, _, name = rest.partition(" AS ")
        assert name
        assert source in stages() or re.fullmatch(r"\$\{\w+_IMAGE\}", source), source
    for name in ("BASE_IMAGE", "ROS_IMAGE"):
        assert defaults[name].partition(":")[2] not in ("", "latest")
    assert defaults["TORCH_INDEX"] == "", "which index serves torch is the builder's business"


def test_packages_are_installed_lean_and_pinned():
    for command in rest_of("RUN"):
        if "apt-get install" in command:
            assert re.search(r"apt-get install -y --no-install-recommends", command)
            assert command.startswith("apt-get update"), command
            assert "rm -rf /var/lib/apt/lists/*" in command, command
        for arguments in re.findall(r"bin/pip [^&]*install ([^&]*)", command):
            assert "-r " in arguments or "--no-deps /tmp/project" in arguments, arguments
        assert "sudo" not in command
        assert not re.search(r"\b(curl|wget)\b", command)
    for line in (line for file in (ROOT / "requirements").glob("*.txt") for line in file.read_text().splitlines()):
        assert not line or line.startswith(("#", "-")) or "==" in line, line


def test_addresses_in_the_dockerfile_are_pinned_sources():
    for address in re.findall(r"https?://\S+", " ".join(rest_of("RUN", "ENV", "ARG"))):
        assert address == "https://github.com/carla-simulator/ros-bridge.git"
    commit = next(rest for rest in rest_of("ARG") if rest.startswith("UPSTREAM_BRIDGE_COMMIT"))
    assert re.fullmatch(r"\w+=[0-9a-f]{40}", commit)


@pytest.mark.parametrize("target", ["core", "waypilot", "waypilot-ros"])
def test_images_end_as_an_ordinary_user(target):
    users = [rest for word, rest in stages()[target] if word == "USER"]
    assert users[-1].split(":")[0] in ("waypilot", "10001")


def test_commands_are_lists_so_that_signals_arrive():
    for command in rest_of("CMD", "ENTRYPOINT"):
        assert isinstance(json.loads(command), list)


def test_what_is_copied_is_sent_to_the_builder():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = [line[1:] for line in lines if line.startswith("!")]
    for rest in rest_of("COPY"):
        words = rest.split()
        if words[0].startswith("--from"):
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == name or source.startswith(f"{name}/") for name in sent), source
    assert not [name for name in sent if not (ROOT / name).exists()]
    assert not any(fnmatch("tests", name) for name in sent)


def test_compose_file_is_understood_by_docker_compose_1():
    def check(value, where):
        if isinstance(value, dict):
            for key, inner in value.items():
                assert key not in UNKNOWN_TO_COMPOSE_1 or where.endswith(("environment", "ulimits")), f"{where}.{key}"
                check(inner, f"{where}.{key}")

    check(COMPOSE, "compose")
    assert not any("extends" in service for service in COMPOSE["services"].values())


@pytest.mark.parametrize("name", [name for name in COMPOSE["services"] if name != "carla"])
def test_services_have_no_more_rights_than_they_need(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith(("root", "0"))
    assert "mem_limit" in service
    assert not {"privileged", "container_name"} & set(service)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", NODES)
def test_every_node_knows_the_addresses_of_all(name):
    service = COMPOSE["services"][name]
    address = service["networks"]["stack"]["ipv4_address"]
    assert address in service["environment"]["ROS_STATIC_PEERS"].split(";")
    assert "sockets_size" in service["environment"]["FASTDDS_BUILTIN_TRANSPORTS"]


@pytest.mark.parametrize("name", ["simulator", *NODES[:-1]])
def test_what_others_wait_for_tells_its_health(name):
    assert COMPOSE["services"][name]["healthcheck"]["test"][0] == "CMD"
    assert COMPOSE["services"][name]["restart"].startswith("on-failure:")
