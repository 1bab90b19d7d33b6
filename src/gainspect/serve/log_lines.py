"""The log of a service: one JSON object a line, on stderr."""

import json
import logging
import sys
from datetime import UTC, datetime

from gainspect.ledger.records.base import written_time

_OURS = ("gainspect", "uvicorn")


class JsonLines(logging.Formatter):
    """Time, level, logger, message, and the traceback of an error; nothing of requests: they hold secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line."""
        line = {
            "at": written_time(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def write_log() -> None:
    """Write what services have to say, and the warnings of others, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
