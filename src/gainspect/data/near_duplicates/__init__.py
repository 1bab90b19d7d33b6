"""Finds images that show one exposure or one part twice, judged against how alike the images of a set are.

`thumbnail` makes what is compared, `thumbnail_store` keeps it, `neighbors` finds who is compared with whom,
`alignment` compares two, and `twins` judges.
"""

from gainspect.data.near_duplicates.thumbnail import thumbnail_of
from gainspect.data.near_duplicates.thumbnail_store import Chosen, ThumbnailStore
from gainspect.data.near_duplicates.twins import Twins, find_twins

__all__ = ["Chosen", "ThumbnailStore", "Twins", "find_twins", "thumbnail_of"]
