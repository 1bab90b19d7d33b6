"""What a plant may set of sign-in and security."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Host = Annotated[str, Field(pattern=r"^[a-z0-9.:\[\]-]{1,253}$")]


class SecuritySettings(BaseModel):
    """Settings of sign-in and security."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    idle_minutes: float = Field(default=60, gt=0)
    """Without use for so long, a person has to sign in again."""
    session_hours: float = Field(default=12, gt=0)
    """So long after the sign-in, used or not: a shift."""
    invitation_hours: float = Field(default=24, gt=0)
    """How long a link to an account works."""
    hosts: tuple[Host, ...] = ()
    """Names and addresses, without port, by which the service is reached; others are refused. None: all."""
    tls: bool = False
    """Whether people reach the service by https alone: cookies go by nothing else, and browsers remember it.
    A request that came by https, also by the word of the proxy, is treated so anyway."""
