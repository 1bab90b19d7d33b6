// What all pages share: asking the service, telling people, closing what is open.

export const $ = (query, within = document) => within.querySelector(query);
export const $$ = (query, within = document) => [...within.querySelectorAll(query)];

/** The service refused, or was not reached (status 0). `said` is its problem document. */
export class Refused extends Error {
  constructor(status, said) {
    super(said.detail || said.title || "");
    this.status = status;
    this.said = said;
    this.code = said.type?.split(":").at(-1);
  }
}

/** Ask the service for JSON; what it refuses is thrown as `Refused`. */
export async function ask(path, { method = "POST", body } = {}) {
  const headers = { Accept: "application/json", "X-CSRF-Token": $('meta[name="csrf"]')?.content ?? "" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(0, {});
  }
  const said = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

let shown;
/** Say something at the lower edge, for a while; a screen reader reads it. */
export function tell(text) {
  const toast = $("#toast");
  clearTimeout(shown);
  toast.textContent = text;
  shown = setTimeout(() => { toast.textContent = ""; }, 6000);
}

/** A text of the page, from an element `<template data-text="…">`, with its {placeholders}. */
export function text(name, values = {}) {
  const said = $(`template[data-text="${name}"]`)?.content.textContent.trim() ?? "";
  return said.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
}

/** What went wrong, in words for people: in the language of the page, by the code that ends its type. */
export function inWords(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 0) return text("unreachable");
  return text(`problem_${error.code}`, error.said) || error.message || text("problem_failed", { detail: error.status });
}

/** Whether a key that was pressed belongs to a field in which people write. */
export const writes = (target) => target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select") !== null;

const menu = $("details.person");
document.addEventListener("click", (event) => { if (menu.open && !menu.contains(event.target)) menu.open = false; });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && menu.open) { menu.open = false; $("summary", menu).focus(); }
});
