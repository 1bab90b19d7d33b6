// Confirm, or decide otherwise. What is done says what it believes to count: the service refuses what is stale.
import { $, $$, Refused, ask, inWords, tell, text } from "./base.js";

const UNDER_THE_FINGER_MS = 500; // a button that has just come is not pressed by who meant the one before

/** Let a person act on the part that is shown; `done` is called when something was saved, or is stale. */
export function openActs(within, done) {
  const acts = $("[data-acts]", within);
  if (acts === null) return;
  const came = performance.now();
  const { key, label, seen } = acts.dataset;
  const known = { believed: label, seen: Number(seen) };
  let running = false;

  async function send(what, body, said) {
    if (running) return;
    running = true;
    for (const button of $$("button", acts)) button.disabled = true;
    try {
      await ask(`/v1/decisions/${encodeURIComponent(key)}/${what}`, { body: { ...known, ...body } });
      tell(said);
      await done("saved");
    } catch (error) {
      tell(inWords(error));
      if (error instanceof Refused && error.status === 409) await done("stale");
    } finally {
      running = false;
      for (const button of $$("button", acts)) button.disabled = false;
    }
  }
  const meant = (action) => () => { if (performance.now() - came >= UNDER_THE_FINGER_MS) action(); };

  $("[data-confirm]", acts)?.addEventListener("click", meant(() => send("confirm", {}, text("saved_confirm"))));
  for (const button of $$("[data-override]", acts)) {
    const made = button.dataset.override;
    button.addEventListener("click", meant(() => send("override", { new: made, reason: button.dataset.reason }, text("saved_override", { label: text(made) }))));
  }
  const dialog = $("#override", within);
  if (dialog === null) return;
  const form = $("form", dialog);
  $("[data-open-override]", acts)?.addEventListener("click", meant(() => { form.reset(); dialog.showModal(); }));
  $("[data-close]", dialog).addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = new FormData(form);
    const made = form.dataset.new;
    dialog.close();
    send("override", { new: made, reason: given.get("reason"), note: given.get("note").trim() }, text("saved_override", { label: text(made) }));
  });
}

/** How long ago each `[data-age]` was, by the clock of the service. */
export function openAges(now) {
  const ahead = Date.now() - Date.parse(now);
  const show = () => {
    for (const age of $$("[data-age]")) {
      const s = Math.max(0, Math.round((Date.now() - ahead - Date.parse(age.dataset.age)) / 1000));
      const [key, n] = s < 5 ? ["ago_now", 0] : s < 60 ? ["ago_s", s] : s < 3600 ? ["ago_min", s / 60] : s < 172800 ? ["ago_h", s / 3600] : ["ago_d", s / 86400];
      age.textContent = text(key, { n: Math.floor(n) });
    }
  };
  show();
  setInterval(show, 1000);
  return show;
}
