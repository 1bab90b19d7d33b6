"""The codes of problems: what a program, or a page in another language, tells them apart by."""

from typing import Literal

from gainspect.ledger.records.decision import FailSafeReason

PageCode = Literal[
    # any address
    "failed", "internal", "invalid", "no_page", "not_taken", "too_long", "too_slow", "too_much",
    # sign-in
    "other_site", "page_too_old", "role_may_not", "signed_out",
    # decisions
    "claimed", "image_unread", "label_counts", "no_decision", "no_image", "no_part", "no_reason",
    "picture_not_kept", "region_outside", "region_too_small", "stale",
    # challenges and bundles
    "activated_meanwhile", "active_alone", "active_already", "line_busy", "no_bundle", "no_challenge",
    "not_challenged", "not_compared", "not_loaded", "pictures_busy", "waiver_time",
    # audit
    "no_decision_record", "no_export", "no_record", "no_room", "no_signing_key", "nothing_to_export",
    "question_unclear", "replay_busy", "running", "signing_key_unusable", "stopping",
]  # fmt: skip
"""Of what a person can be told on a page: each has words in all languages (`pages.texts`)."""
ApiCode = Literal[
    "challenge_not_begun", "field_twice", "field_unknown", "key_used", "line_first", "machine_may_not",
    "no_bundle_named", "no_challenge_part", "no_file", "no_station", "no_tree_size", "other_host",
    "other_station", "other_views", "part_taken", "picture_changed", "picture_gone",
    "picture_unreadable", "token_invalid", "too_many_images", "too_many_pages",
]  # fmt: skip
"""Of what programs are told, scripts and pictures of a page too, of which no page tells anything."""
Code = PageCode | ApiCode | FailSafeReason
