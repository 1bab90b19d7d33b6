"""The table of rights has each address of these pages, with just whom it lets pass."""

import pytest
from fastapi import FastAPI

from gainspect.errors import GainspectError
from gainspect.serve.api import records, stations
from gainspect.serve.pages import activation, audit, challenge, dashboards
from gainspect.serve.pages.desk_rights import DESK_RIGHTS
from gainspect.serve.security import require_rights


def test_the_table_fits_the_addresses() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for module in (records, stations, activation, audit, challenge, dashboards):
        app.include_router(module.router)
    require_rights(app, DESK_RIGHTS)
    with pytest.raises(GainspectError, match="GET /audit"):
        require_rights(app, {row: allowed for row, allowed in DESK_RIGHTS.items() if row != "GET /audit"})
