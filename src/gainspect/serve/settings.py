"""What a plant may set of the service; a YAML file, and options of the command line."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gainspect.errors import GainspectError, first_fault
from gainspect.ledger.buckets import SHIFTS
from gainspect.serve.security.settings import SecuritySettings
from gainspect.types import Label

Code = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]


class ServiceSettings(BaseModel):
    """Settings of `gainspect serve`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fail_safe: Literal[Label.REVIEW, Label.NG] = Label.REVIEW
    """What is answered where no decision can be; never OK."""
    deadline_ms: float | None = Field(default=None, gt=0)
    """From the arrival of a request on, after which the fail-safe is answered; None: none. A request may ask
    for a shorter one."""
    max_bytes: int = Field(default=2**26, ge=1024)
    """Of the body of a request: all images of a part together."""
    max_bytes_together: int = Field(default=2**29, ge=1024)
    """Of the bodies of all requests that are not answered."""
    body_seconds: float = Field(default=30, gt=0, le=3600)
    """For the body of a request to come."""
    max_images: int = Field(default=16, ge=1, le=100)
    """Of a part."""
    max_mpx: float = Field(default=64, gt=0)
    """Millions of pixels of an image, by its header, before it is decoded."""
    waiting: int = Field(default=64, ge=1)
    """Images that wait to be judged; a part that finds no room is answered 429 with the fail-safe."""
    at_once: int = Field(default=8, ge=1, le=256)
    """Images that are judged together, those of several requests too."""
    override_reasons: tuple[Code, ...] = (
        "no_defect",
        "defect_missed",
        "wrong_place",
        "acceptable",
        "dirt",
        "bad_picture",
        "other",
    )
    """Codes of the reasons for an override."""
    challenge_hours: float | None = Field(default=None, gt=0)
    """How long a passed challenge unlocks a station; None: stations are never locked."""
    challenges: Path | None = None
    """A folder whose folders each hold the known parts of a challenge, with the masks of their defects."""
    stored_challenges: bool = True
    """Whether a challenge counts whose stored pictures were judged, so that no camera was challenged."""
    longest_waiver_hours: float = Field(default=24, gt=0, le=24 * 31)
    """A challenge is waived for so long at most."""
    shifts: tuple[time, ...] = SHIFTS
    """When shifts begin, in order."""
    drift_reasons: tuple[Code, ...] = ("lamp", "camera", "lens", "parts", "model", "known", "other")
    """Codes of the reasons for which a drift is acknowledged."""
    signing_key: Path | None = None
    """The private key that exports are signed with; None: the usual one of the ledger, if there is one."""
    security: SecuritySettings = SecuritySettings()
    """Of sign-in and security."""


def read_settings(path: Path | None) -> ServiceSettings:
    """The settings of a file; None: all are as they come.

    Raises:
        GainspectError: it cannot be read, or says something that is not known or not possible.
    """
    if path is None:
        return ServiceSettings()
    try:
        return ServiceSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise GainspectError(f"cannot read the settings ({error.strerror or error})", where=path) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GainspectError("this is no YAML", where=path, hint=" ".join(str(error).split())) from error
    except ValidationError as error:
        raise GainspectError(
            f"the settings cannot be used ({first_fault(error)})",
            where=path,
            hint="docs/service.md lists them.",
        ) from error
