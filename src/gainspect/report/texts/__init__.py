"""The texts of reports and explanations, one table per language, with placeholders for str.format."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from gainspect.errors import GainspectError
from gainspect.report.texts.en import TEXTS as ENGLISH
from gainspect.report.texts.ko import TEXTS as KOREAN

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
TEXTS: Mapping[Language, Mapping[str, str]] = {"en": ENGLISH, "ko": KOREAN}


class Wording:
    """The texts of one language: `wording("recall")`, `wording("n_images", n=3)`."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise GainspectError(
                f"there is no language {language!r}", hint=f"Choose from {', '.join(LANGUAGES)}."
            )
        self.language = language
        self._texts = TEXTS[language]

    def __call__(self, key: str, **values: Any) -> str:
        """The text for a key, with its placeholders filled in."""
        return self._texts[key].format(**values)
