"""Free TCP ports and ROS domains for a run of its own."""

from __future__ import annotations

import socket
from dataclasses import dataclass

# Domains above 101 would use UDP ports that Linux hands out to other programs (ROS 2 documentation on ROS_DOMAIN_ID).
_DOMAINS = range(1, 102)
_DDS_PORT_BASE = 7400
_DDS_PORTS_PER_DOMAIN = 250


class NothingFreeError(RuntimeError):
    """No port or domain could be had."""


def free_port(host: str = "127.0.0.1", count: int = 3) -> int:
    """Return a TCP port such that it and the ``count - 1`` ports after it are free at this moment.

    CARLA uses a port for RPC and the next ones for streams.
    """
    for _ in range(50):
        with socket.socket() as probe:
            probe.bind((host, 0))
            first = int(probe.getsockname()[1])
        if first + count < 65536 and all(_is_free(host, first + offset) for offset in range(1, count)):
            return first
    raise NothingFreeError(f"found no {count} free TCP ports in a row on {host}")


@dataclass(slots=True)
class DomainClaim:
    """A ROS domain nobody else uses; it stays claimed among supervisors of this machine until ``release``."""

    domain_id: int
    _holder: socket.socket

    def release(self) -> None:
        """Give the domain back."""
        self._holder.close()


def claim_domain(first: int | None = None) -> DomainClaim:
    """Claim the first free ROS domain, beginning the search at ``first``.

    A domain counts as used when a DDS participant holds its discovery port (UDP), or another supervisor the TCP
    port of the same number.
    """
    start = _DOMAINS.start if first is None else first
    size = len(_DOMAINS)
    for offset in range(size):
        domain_id = _DOMAINS[(start - _DOMAINS.start + offset) % size]
        claim = _try_claim(domain_id)
        if claim is not None:
            return claim
    raise NothingFreeError("every ROS domain from 1 to 101 is in use on this machine")


def _try_claim(domain_id: int) -> DomainClaim | None:
    port = _DDS_PORT_BASE + _DDS_PORTS_PER_DOMAIN * domain_id
    holder = socket.socket()
    try:
        holder.bind(("127.0.0.1", port))
        with socket.socket(type=socket.SOCK_DGRAM) as discovery:
            discovery.bind(("", port))
    except OSError:
        holder.close()
        return None
    return DomainClaim(domain_id, holder)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
