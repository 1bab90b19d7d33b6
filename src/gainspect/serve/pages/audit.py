"""What an auditor asks: which records there are, what one of them rests on, and whether all is whole."""

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger
from gainspect.ledger.accounts import Role
from gainspect.ledger.picture_states import picture_state
from gainspect.ledger.questions import LABELS, Question, entries, find
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.sealed import KINDS, Entry
from gainspect.ledger.records.upkeep import Anchored
from gainspect.ledger.replaying import replayed
from gainspect.ledger.replays import Replay, pictures_of
from gainspect.ledger.review_queue import stations, with_actions
from gainspect.report.texts import Wording
from gainspect.serve.api.pictures import service_of
from gainspect.serve.api.records import entry_of, pretty, proof_of, question
from gainspect.serve.pages.rendering import page, words_of
from gainspect.serve.pages.views import names_of_people, part_view
from gainspect.serve.problems import Problem
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import AdmittedRoute

router = APIRouter(include_in_schema=False, route_class=AdmittedRoute, max_body_size=2**16)
_LISTED = 50
_ANCHORS = 20
_FAULTS = 100

Reader = Annotated[Visitor, Depends(allow(Role.ENGINEER, Role.AUDITOR))]
Asked = Annotated[Question, Depends(question)]


@router.get("/audit")
def audit(
    request: Request,
    visitor: Reader,
    asked: Asked,
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> HTMLResponse:
    """Records that say what is asked for, newest first."""
    ledger, words = service_of(request).ledger, words_of(request)
    places = find(ledger, asked)
    shown = places[(number - 1) * _LISTED : number * _LISTED]
    return page(
        request,
        "audit.html",
        visitor,
        asked={name: value for name, value in request.query_params.items() if name != "page"},
        query=urlencode([(name, value) for name, value in request.query_params.items() if name != "page"]),
        rows=list(entries(ledger, shown)),
        count=len(places),
        number=number,
        pages=max(1, -(-len(places) // _LISTED)),
        stations=stations(ledger),
        kinds=sorted(KINDS),
        labels=LABELS,
        wording=Wording(words.language),
        names=names_of_people(ledger, words),
        summary=summary,
        **_state(request),
    )


@router.get("/audit/state")
def state(request: Request, visitor: Reader) -> HTMLResponse:
    """How far a verification and an export are."""
    return page(request, "audit_state.html", visitor, **_state(request))


@router.post("/audit/verifications")
def begin_verification(request: Request, visitor: Reader) -> Response:
    """Read every record and every picture from now on."""
    service_of(request).audits.verify()
    return RedirectResponse("/audit#state", 303)


@router.post("/audit/exports")
def begin_export(
    request: Request,
    visitor: Reader,
    everything: Annotated[bool, Form()] = False,
    pictures: Annotated[bool, Form()] = False,
    query: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Make an export, of all or of what was asked for (`query`, as the address of the search has it)."""
    service = service_of(request)
    wanted = None if everything else find(service.ledger, _question_in(query))
    service.audits.begin_export(wanted, pictures=pictures)
    return RedirectResponse(f"/audit?{query}#state" if query else "/audit#state", 303)


@router.get("/audit/export.zip")
def export(request: Request, visitor: Reader) -> FileResponse:
    """The export that was made last."""
    progress = service_of(request).audits.export.progress
    if progress is None or progress.result is None:
        raise Problem(404, "no_export", "there is no export", "Make one.")
    return FileResponse(progress.result.path, media_type="application/zip", filename="export.zip")


@router.get("/audit/records/{which}")
def record(request: Request, visitor: Reader, which: str) -> HTMLResponse:
    """A record with all that it rests on."""
    return _record_page(request, visitor, entry_of(service_of(request).ledger, which))


@router.post("/audit/records/{which}/replay")
def replay(request: Request, visitor: Reader, which: str) -> HTMLResponse:
    """The same, and the decision judged again from its pictures."""
    service = service_of(request)
    entry = entry_of(service.ledger, which)
    if not isinstance(entry.record, Decision):
        raise Problem(
            409, "no_decision_record", "this record is no decision, so that nothing can be judged again"
        )
    if not service.replaying.acquire(blocking=False):  # each loads a model
        raise Problem(409, "replay_busy", "another decision is being judged again", "Wait until it is done.")
    try:
        found, fault = _replayed(request, entry, entry.record), None
    except GainspectError as error:
        found, fault = None, Problem(409, "failed", str(error))
    finally:
        service.replaying.release()
    return _record_page(request, visitor, entry, replay=found, fault=fault)


def _replayed(request: Request, entry: Entry, decision: Decision) -> Replay:
    service = service_of(request)
    if decision.made_with.bundle is None:
        raise GainspectError("the record names no bundle")
    bundle = service.bundles.known(decision.made_with.bundle).bundle
    contents = pictures_of(service.ledger, entry, decision)
    return replayed(entry, bundle, contents, threads=1, max_mpx=service.settings.max_mpx)


def _record_page(
    request: Request,
    visitor: Visitor,
    entry: Entry,
    *,
    replay: Replay | None = None,
    fault: Problem | None = None,
) -> HTMLResponse:
    service, words = service_of(request), words_of(request)
    names = names_of_people(service.ledger, words)
    decision = entry.record if isinstance(entry.record, Decision) else None
    known = None if decision is None else with_actions(service.ledger, entry)
    about = getattr(entry.record, "decision", None)
    images = () if decision is None else decision.images
    bundle = None if decision is None else decision.made_with.bundle
    names_of_bundles = {one.sha256: one.bundle.description.name for one in service.bundles.all()}
    return page(
        request,
        "audit_record.html",
        visitor,
        entry=entry,
        record=entry.record,
        wording=Wording(words.language),
        names=names,
        view=None if known is None else part_view(known, service.ledger, words, names),
        actions=() if known is None else known.actions,
        pictures=[(one, picture_state(service.ledger, one)) for one in images],
        bundle_name=names_of_bundles.get(bundle or ""),
        about=about if about is not None and service.ledger.record_of(about) is not None else None,
        proof=proof_of(service.ledger, entry),
        anchors=[one for one in _anchors(service.ledger) if one[1].size > entry.index],
        pretty=pretty(entry),
        summary=summary,
        replay=replay,
        fault=fault,
    )  # fmt: skip


def _state(request: Request) -> dict[str, Any]:
    service = service_of(request)
    audits = service.audits
    head = service.ledger.head()
    return {
        "origin": service.ledger.origin,
        "head": head,
        "verification": audits.verification.progress,
        "most_faults": _FAULTS,
        "export": audits.export.progress,
        "anchors": _anchors(service.ledger),
    }


def _anchors(ledger: Ledger) -> list[tuple[Entry, Anchored, bool]]:
    """The last anchors that were recorded, newest first, and whether the stored tree has had their root."""
    found = []
    for entry in entries(ledger, find(ledger, Question(kind="anchored"))[:_ANCHORS]):
        assert isinstance(entry.record, Anchored)
        same = ledger.proofs.root(entry.record.size).hex() == entry.record.root
        found.append((entry, entry.record, same))
    return found


def _question_in(query: str) -> Question:
    """What the address of a search asks for.

    Raises:
        Problem: nothing can say that.
    """
    given = dict(parse_qsl(query))
    names = ("part", "lot", "station", "bundle", "policy", "label", "kind", "text")
    return question(
        **{name: given.get(name, "") for name in names}, first=given.get("from", ""), last=given.get("to", "")
    )


def summary(entry: Entry) -> str:
    """The part of a record, or what people wrote into it."""
    record = entry.record
    for name in ("part", "challenge", "reason", "note", "name", "statistic", "state"):
        said = getattr(record, name, None)
        if isinstance(said, str) and said:
            return said
    return ""
