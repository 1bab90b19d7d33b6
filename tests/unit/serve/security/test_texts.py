"""The words of the pages: the same keys in both languages, each used, and no page asks for another."""

import re
from pathlib import Path

import gainspect.serve
from gainspect.ledger.account_faults import AccountFault
from gainspect.serve.security.passwords import PasswordFault
from gainspect.serve.security.texts import ENGLISH, KOREAN

SERVE = Path(gainspect.serve.__file__).parent


def test_both_languages_say_all_that_is_asked_for_and_nothing_else() -> None:
    sources = [*(SERVE / "pages" / "templates").glob("*.html"), *(SERVE / "security").glob("*.py")]
    used = {key for source in sources for key in re.findall(r'"(sec_[a-z_]+)"', source.read_text("utf-8"))}
    used |= {f"sec_{fault}" for fault in (*AccountFault, *PasswordFault)}
    assert ENGLISH.keys() == KOREAN.keys() == used
    for key, text in ENGLISH.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", KOREAN[key])), key


def test_no_page_has_a_script_or_a_style_of_its_own() -> None:
    for name in ("sign_in", "invitation", "password", "people", "tokens", "security_parts"):
        text = (SERVE / "pages" / "templates" / f"{name}.html").read_text("utf-8")
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|\|\s*safe", text), name
        if name != "security_parts":
            tokens = text.count("csrf_field(visitor)") + text.count('name="csrf" value="{{ csrf }}"')
            assert text.count("<form ") == tokens > 0, name
