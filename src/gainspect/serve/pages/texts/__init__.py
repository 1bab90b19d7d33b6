"""The words of the pages, one table per language, with placeholders for str.format."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from gainspect.serve.pages.texts.en import TEXTS as ENGLISH
from gainspect.serve.pages.texts.en_desk import TEXTS as ENGLISH_DESK
from gainspect.serve.pages.texts.en_problems import TEXTS as ENGLISH_PROBLEMS
from gainspect.serve.pages.texts.ko import TEXTS as KOREAN
from gainspect.serve.pages.texts.ko_desk import TEXTS as KOREAN_DESK
from gainspect.serve.pages.texts.ko_problems import TEXTS as KOREAN_PROBLEMS
from gainspect.serve.problems import Problem
from gainspect.serve.security import texts as security

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
TEXTS: Mapping[Language, Mapping[str, str]] = {
    "en": ENGLISH | ENGLISH_DESK | ENGLISH_PROBLEMS | security.ENGLISH,
    "ko": KOREAN | KOREAN_DESK | KOREAN_PROBLEMS | security.KOREAN,
}


class Words:
    """The words of one language: `words("live")`, `words("n_waiting", n=3)`."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = TEXTS[language]

    def __call__(self, key: str, **values: Any) -> str:
        """The text for a key, with its placeholders filled in."""
        return self._texts[key].format(**values)

    def raw(self, key: str) -> str:
        """The text for a key as it is: scripts fill it in."""
        return self._texts[key]

    def code(self, group: str, code: str) -> str:
        """The text of a code that a plant may have added to: one without a text is shown as it is.

        >>> Words("ko").code("reason_code", "dirt"), Words("en").code("reason_code", "Line 7 special")
        ('먼지·이물', 'Line 7 special')
        """
        return self._texts.get(f"{group}_{code}", code)

    def problem(self, problem: Problem) -> str:
        """What went wrong and how to mend it; what no page tells, as programs are told it."""
        said = self._texts.get(f"problem_{problem.code}")
        return said.format_map(problem.document()) if said else f"{problem.detail}. {problem.hint}".strip()

    def status(self, status: int) -> str:
        """A status of HTTP as a heading.

        >>> Words("en").status(404), Words("ko").status(418)
        ('Not found', '처리하지 못했습니다')
        """
        return self._texts.get(f"status_{status}", self._texts["status_other"])

    def problems(self) -> Mapping[str, str]:
        """What scripts say of problems, as it is, by its key."""
        return {key: said for key, said in self._texts.items() if key.startswith("problem_")}


def language_of(cookie: str | None, accepted: str) -> Language:
    """The language of a page: what the person chose, or else what the browser asks for first; or English.

    Args:
        cookie: what the person chose; None: nothing.
        accepted: the header Accept-Language.

    >>> language_of(None, "de, ko-KR;q=0.8, en;q=0.5"), language_of("en", "ko"), language_of("xx", "")
    ('ko', 'en', 'en')
    """
    for language in LANGUAGES:
        if cookie == language:
            return language
    wanted = [part.partition(";") for part in accepted.split(",")]
    for tag, _, weight in sorted(wanted, key=lambda part: _weight(part[2]), reverse=True):
        for language in LANGUAGES:
            if tag.strip().lower().split("-")[0] == language and _weight(weight) > 0:
                return language
    return "en"


def _weight(text: str) -> float:
    """The weight of a language in Accept-Language: `q=0.8`; none is 1.

    >>> _weight("q=0.8"), _weight(""), _weight("q=x")
    (0.8, 1.0, 0.0)
    """
    try:
        return float(text.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0.0
