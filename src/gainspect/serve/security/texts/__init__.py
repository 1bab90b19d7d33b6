"""The words of the pages of sign-in, people and tokens, one table per language, with the same keys.

`serve.pages.texts` takes them in; keys begin with `sec_`.
"""

from gainspect.serve.security.texts.en import TEXTS as ENGLISH
from gainspect.serve.security.texts.ko import TEXTS as KOREAN

__all__ = ["ENGLISH", "KOREAN"]
