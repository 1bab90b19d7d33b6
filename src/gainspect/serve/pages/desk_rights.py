"""Who may use the addresses of challenge, activation, dashboards and audit: rows for `security.rights`."""

from collections.abc import Mapping

from gainspect.ledger.accounts import Role
from gainspect.serve.security.access import Allowed, allow

_READS = allow(Role.ENGINEER, Role.AUDITOR)
_WORKS = allow(Role.OPERATOR, Role.ENGINEER)
_ENGINEER = allow(Role.ENGINEER)
_STATION = "/v1/stations/{station:path}"
DESK_RIGHTS: Mapping[str, Allowed | None] = {
    "GET /challenge": allow(*Role),
    "GET /activation": _READS,
    "GET /dashboards": _READS,
    "GET /audit": _READS,
    "GET /audit/state": _READS,
    "POST /audit/verifications": _READS,
    "POST /audit/exports": _READS,
    "GET /audit/export.zip": _READS,
    "GET /audit/records/{which}": _READS,
    "POST /audit/records/{which}/replay": _READS,
    f"GET {_STATION}/state": allow(*Role, machine=True),
    f"POST {_STATION}/challenge": _WORKS,
    f"DELETE {_STATION}/challenge": _WORKS,
    f"POST {_STATION}/challenge/pictures": _WORKS,
    f"POST {_STATION}/waivers": _ENGINEER,
    f"POST {_STATION}/activations": _ENGINEER,
    f"POST {_STATION}/drift/acknowledgements": _ENGINEER,
    "GET /v1/records.csv": _READS,
    "GET /v1/records/{which}": _READS,
    "GET /v1/records/{which}/proof": _READS,
}
"""By method and path."""
