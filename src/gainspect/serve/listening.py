"""Where a service listens."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack

from gainspect.errors import GainspectError


def listeners(host: str, port: int) -> Sequence[socket.socket]:
    """Sockets that hold the port at all addresses of a host, so that nobody is told of one that is taken.

    Args:
        host: name or address.
        port: of it.

    Raises:
        GainspectError: another program has the port, or this machine has no such address.
    """
    with ExitStack() as held:
        bound = []
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, protocol, _, address in dict.fromkeys(found):
                bound.append(held.enter_context(socket.socket(family, kind, protocol)))
                bound[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    bound[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                bound[-1].bind(address)
        except OSError as error:
            raise GainspectError(
                f"cannot listen at {host}, port {port} ({error.strerror or error})",
                hint="Name a free port with --port, or an address of this machine with --host.",
            ) from error
        held.pop_all()
        return bound
