"use strict";
(() => {
  const bar = document.querySelector("[data-review]");
  const rows = [...document.querySelectorAll(".row")];
  const place = `gainspect-review:${bar.dataset.review}`;
  const read = () => {
    try { return JSON.parse(localStorage.getItem(place)) || {}; } catch { return {}; }
  };
  let kept = read();
  const store = () => {
    let stored = true;
    try { localStorage.setItem(place, JSON.stringify(kept)); } catch { stored = false; }
    document.querySelector("[data-stored]").hidden = !stored;
    document.querySelector("[data-unstored]").hidden = stored;
  };
  const choiceOf = (row) => (kept[row.dataset.image] || {}).choice || "";
  const noteOf = (row) => (kept[row.dataset.image] || {}).note || "";
  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const csv = () => {
    const lines = rows.filter(choiceOf).map((row) =>
      [row.dataset.image, row.dataset.label, choiceOf(row), row.dataset.score, noteOf(row)].map(quoted).join(","));
    return `\ufeff${[bar.dataset.columns, ...lines].join("\r\n")}\r\n`; // the mark, for spreadsheets
  };
  const control = (name) => bar.querySelector(`[data-show="${name}"]`);
  const filter = () => {
    const kind = control("kind").value, state = control("state").value;
    const text = control("text").value.trim().toLowerCase();
    for (const row of rows) {
      row.hidden = !((!kind || row.dataset.kind === kind) && (!state || (state === "done") === !!choiceOf(row)) &&
        (!text || row.querySelector("h3").textContent.toLowerCase().includes(text)));
    }
  };
  const show = () => {
    let done = 0;
    for (const row of rows) {
      const choice = choiceOf(row);
      done += !!choice;
      row.classList.toggle("done", !!choice);
      row.querySelector("[data-undo]").hidden = !choice;
      for (const radio of row.querySelectorAll("[type=radio]")) radio.checked = radio.value === choice;
    }
    bar.querySelector("[data-count]").textContent = `${done} / ${rows.length}`;
    bar.querySelector("[data-export]").disabled = !done;
  };
  const keep = (row, change) => {
    kept[row.dataset.image] = { ...kept[row.dataset.image], ...change };
    store();
    show();
  };
  const showNotes = () => {
    for (const row of rows) {
      const note = row.querySelector("[data-note]");
      if (note !== document.activeElement) note.value = noteOf(row);
    }
  };
  for (const row of rows) {
    const note = row.querySelector("[data-note]");
    note.addEventListener("input", () => keep(row, { note: note.value }));
    row.querySelector("[data-undo]").addEventListener("click", () => keep(row, { choice: "" }));
    for (const radio of row.querySelectorAll("[type=radio]")) {
      radio.addEventListener("change", () => keep(row, { choice: radio.value }));
    }
  }
  bar.querySelector("[data-export]").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv;charset=utf-8" }));
    link.download = bar.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  for (const name of ["kind", "state", "text"]) control(name).addEventListener("input", filter);
  window.addEventListener("storage", (event) => { // another window of this page has chosen
    if (event.key !== place) return;
    kept = read();
    showNotes();
    show();
  });
  showNotes();
  show();
  filter();
})();
