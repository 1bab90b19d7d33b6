// The pages of engineers and auditors: forms that ask the service, and what changes while somebody looks.
import { $, $$, ask, inWords, tell, text } from "./base.js";
import { openViewer } from "./viewer.js";

/** What a form says, as JSON: a file as the JSON in it, a local time with its zone; what is empty is left out. */
async function given(form) {
  const said = {};
  for (const field of $$("input, select, textarea", form)) {
    if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) continue;
    if (field.type === "file") {
      if (field.files.length) said[field.name] = JSON.parse(await field.files[0].text());
    } else if (field.type === "datetime-local") said[field.name] = new Date(field.value).toISOString();
    else if (field.value !== "") said[field.name] = field.value;
  }
  return said;
}

async function send(form, button) {
  const by = button?.dataset.post ? button : form;
  const buttons = $$("button", form);
  let body;
  try {
    body = await given(form);
  } catch {
    return tell(text("no_json"));
  }
  for (const one of buttons) one.disabled = true;
  form.setAttribute("aria-busy", "true");
  try {
    const method = form.dataset.method ?? "POST";
    await ask(by.dataset.post, { method, body: method === "POST" ? body : undefined });
    tell(by.dataset.said ?? text("done"));
    if (by.dataset.then) location.assign(by.dataset.then);
    else if (!(await refresh())) setTimeout(() => location.reload(), 900);
  } catch (error) {
    tell(error.said?.faults?.some(({ where }) => where.startsWith("body.comparison")) ? text("no_json") : inWords(error));
  } finally {
    form.removeAttribute("aria-busy");
    for (const one of buttons) one.disabled = false;
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.dataset.post === undefined) return;
  event.preventDefault();
  send(event.target, event.submitter);
});

const CUT_OFF_MS = 8000; // what has not come by then is asked for again
const live = $("[data-live]");
let wanted = 0; // counts the reasons to ask
let shown = 0; // the last of them that was answered

/** Ask for what changes, and put it in the place of what is shown; not while somebody writes there. */
async function refresh() {
  if (live === null) return false;
  const mine = ++wanted;
  const writing = live.contains(document.activeElement) && document.activeElement.matches("textarea, input:not([type=radio])");
  const begun = $$("textarea, input[type=datetime-local]", live).some((field) => field.value);
  if (writing && begun) return true;
  try {
    const answer = await fetch(live.dataset.path, { credentials: "same-origin", headers: { Accept: "text/html" }, signal: AbortSignal.timeout(CUT_OFF_MS) });
    if (answer.redirected || answer.status === 401 || answer.status === 403) { location.reload(); return true; }
    if (!answer.ok) return true;
    const made = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
    const before = $("[data-fragment]", live);
    if (made === null || mine < shown) return true;
    shown = mine;
    if (before.outerHTML === made.outerHTML) return true;
    const focused = before.contains(document.activeElement);
    before.replaceWith(document.adoptNode(made));
    if (focused) { made.tabIndex = -1; made.focus({ preventScroll: true }); }
  } catch { /* the service cannot be reached; the next beat asks again */ }
  return true;
}

const viewer = $("[data-viewer]");
if (viewer !== null) openViewer(viewer.parentElement);
if (live?.dataset.events) {
  let source;
  const listen = () => {
    source?.close();
    source = new EventSource(live.dataset.events);
    // What came before the first beat of a connection is not told: it is asked for on that beat.
    source.addEventListener("open", () => { wanted += 1; });
    source.addEventListener("beat", () => { if (shown < wanted) refresh(); });
    source.addEventListener("record", refresh);
    source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000); });
  };
  listen();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}
if (live?.dataset.poll) {
  setInterval(() => { if (!document.hidden && $("[data-busy=true]", live)) refresh(); }, Number(live.dataset.poll));
}
