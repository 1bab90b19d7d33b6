// The live station: shows each part as it comes, and says loudly when it does not know any more.
import { $, $$, tell, text } from "./base.js";
import { openActs, openAges } from "./acts.js";
import { openViewer } from "./viewer.js";

const CUT_OFF_MS = 8000; // the service beats every three seconds
const live = $("#live");
const { path, events } = live.dataset;
const showAges = openAges(live.dataset.now);
let held = new URLSearchParams(location.search).get("part") ?? "";
let asked = 0;
let heard = Date.now();
let views = [];
let stale = false; // something came while a dialog was open

const busy = () => $("dialog[open]") !== null;

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

/** Ask for the present part, or the one that is held, and put it in the place of what is shown. */
async function refresh() {
  if (busy()) { stale = true; return; }
  stale = false;
  const mine = ++asked;
  const query = new URLSearchParams({ fragment: "true", ...(held && { part: held }) });
  let answer;
  try {
    answer = await fetch(`${path}?${query}`, { credentials: "same-origin", headers: { Accept: "text/html" } });
  } catch {
    return lose();
  }
  if (answer.redirected || answer.status === 401 || answer.status === 403) return location.reload();
  if (!answer.ok) return lose();
  const made = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
  if (mine !== asked || made === null) return;
  if (busy()) { stale = true; return; }
  const before = $("[data-fragment]", live);
  const focused = focusedIn(before);
  const scrolled = $(".strip", before)?.scrollLeft ?? 0;
  before.replaceWith(document.adoptNode(made));
  open(before.dataset.key === made.dataset.key ? views : []);
  $(".strip", live).scrollLeft = scrolled;
  if (focused) $(focused, live)?.focus({ preventScroll: true });
  if (before.dataset.key !== made.dataset.key) $("#said").textContent = made.dataset.said;
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

// Cut off: what is shown is old, and must not look like the present part.
function lose() {
  if (document.body.classList.contains("is-lost")) return;
  document.body.classList.add("is-lost");
  $("#lost").hidden = false;
  $("#lost-since").textContent = text("lost_since", { time: new Date(heard).toLocaleTimeString([], { hour12: false }) });
  document.title = `⚠ ${text("lost")}`;
}

const title = document.title;
async function found() {
  heard = Date.now();
  if (!document.body.classList.contains("is-lost")) return;
  await refresh();
  if (Date.now() - heard > CUT_OFF_MS) return;
  document.body.classList.remove("is-lost");
  $("#lost").hidden = true;
  document.title = title;
  tell(text("back_again"));
}

let source;
function listen() {
  source?.close();
  source = new EventSource(events);
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
