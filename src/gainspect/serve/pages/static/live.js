// The live station: shows each part as it comes, and says loudly when it does not know any more.
import { $, $$, tell, text } from "./base.js";
import { openActs, openAges } from "./acts.js";
import { openViewer } from "./viewer.js";

const CUT_OFF_MS = 8000; // the service beats every three seconds
const live = $("#live");
let drawn = $("[data-fragment]", live).outerHTML; // what is shown, as the service gave it
const { path, events } = live.dataset;
const showAges = openAges(live.dataset.now);
let held = new URLSearchParams(location.search).get("part") ?? "";
let asking = null; // the promise of what is asked now
let next = null; // and of what is asked after that
let heard = Date.now();
let behind = true; // whether a record may have come that nobody told
let views = [];
let stale = false; // something came while a dialog was open

const busy = () => $("dialog[open]") !== null;
const lost = () => document.body.classList.contains("is-lost");

function open(before = []) {
  views = openViewer(live, before);
  openActs(live, refresh);
  for (const link of $$("[data-part]", live)) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      hold(link.dataset.part);
    });
  }
  $("#override", live)?.addEventListener("close", () => { if (stale) refresh(); });
  showAges();
}

function hold(key) {
  held = key;
  history.replaceState(null, "", key ? `${path}?part=${encodeURIComponent(key)}` : path);
  return refresh();
}

/** Show what the ledger has when this is called, or later; whether that is shown. One is asked at a time. */
function refresh() {
  if (asking !== null) return (next ??= asking.then(() => { next = null; return refresh(); }));
  asking = show()
    .catch((error) => { reportError(error); return lose(); }) // what cannot be drawn is not shown
    .finally(() => { asking = null; });
  return asking;
}

/** Ask for the present part, or the one that is held, and put it in the place of what is shown. */
async function show() {
  if (busy()) { stale = true; return false; }
  stale = false;
  const wanted = held;
  const query = new URLSearchParams({ fragment: "true", ...(held && { part: held }) });
  let answer, markup;
  try {
    const signal = AbortSignal.timeout(CUT_OFF_MS);
    answer = await fetch(`${path}?${query}`, { credentials: "same-origin", headers: { Accept: "text/html" }, signal });
    markup = await answer.text();
  } catch {
    return lose();
  }
  if (answer.redirected || answer.status === 401 || answer.status === 403) { location.reload(); return false; }
  const made = new DOMParser().parseFromString(markup, "text/html").body.firstElementChild;
  if (!answer.ok || !made?.matches("[data-fragment]")) return lose();
  if (wanted !== held) return false;
  if (busy()) { stale = true; return false; }
  if (drawn === made.outerHTML && !lost()) return true; // when it was lost, pictures may be missing
  drawn = made.outerHTML;
  const before = $("[data-fragment]", live);
  const focused = focusedIn(before);
  const scrolled = $(".strip", before)?.scrollLeft ?? 0;
  before.replaceWith(document.adoptNode(made));
  open(before.dataset.key === made.dataset.key ? views : []);
  $(".strip", live).scrollLeft = scrolled;
  if (focused) $(focused, live)?.focus({ preventScroll: true });
  if (before.dataset.key !== made.dataset.key) $("#said").textContent = made.dataset.said;
  return true;
}

/** A selector of what has the focus, to be found again among what comes. */
function focusedIn(before) {
  const element = document.activeElement;
  if (!before.contains(element)) return "";
  if (element.id) return `#${element.id}`;
  for (const name of ["data-zoom", "data-part", "data-confirm", "data-override", "data-open-override", "data-place", "data-outlines"]) {
    const value = element.getAttribute(name);
    if (value !== null) return `[${name}${value ? `="${CSS.escape(value)}"` : ""}]`;
  }
  return element.classList.contains("picture") ? ".picture" : "";
}

// Cut off: what is shown is old, and must not look like the present part. It is false: nothing new is shown.
function lose() {
  if (lost()) return false;
  document.body.classList.add("is-lost");
  $("#lost").hidden = false;
  $("#lost-since").textContent = text("lost_since", { time: new Date(heard).toLocaleTimeString([], { hour12: false }) });
  document.title = `⚠ ${text("lost")}`;
  return false;
}

const title = document.title;
/** The service reads the ledger. Who was behind or lost has to see the present part before it counts again. */
async function found() {
  heard = Date.now();
  if (!behind && !lost()) return;
  behind = false; // before it asks: a connection that opens meanwhile may have missed something again
  if (!(await refresh())) { behind = true; return; }
  if (!lost() || Date.now() - heard > CUT_OFF_MS) return;
  document.body.classList.remove("is-lost");
  $("#lost").hidden = true;
  document.title = title;
  tell(text("back_again"));
}

let source;
function listen() {
  source?.close();
  source = new EventSource(events);
  // What came before the first beat of a connection is not told: it is asked for on that beat.
  source.addEventListener("open", () => { behind = true; });
  source.addEventListener("beat", found);
  source.addEventListener("record", () => { heard = Date.now(); refresh(); });
  // The browser gives up for good when it is refused; a service that starts anew refuses for a while.
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000); });
}

setInterval(() => { if (Date.now() - heard > CUT_OFF_MS) lose(); }, 500);
addEventListener("offline", lose);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
open();
listen();
