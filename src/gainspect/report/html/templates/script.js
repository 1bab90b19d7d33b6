"use strict";
(() => {
  const list = document.querySelector(".failures");
  if (!list) return;
  const items = [...list.children];
  const control = (name) => document.querySelector(`[data-filter="${name}"]`);
  const value = (item, key) => (item.dataset[key] === "" ? null : Number(item.dataset[key]));
  const order = (key) => (a, b) => {
    if (key === "name") return a.dataset.name.localeCompare(b.dataset.name);
    const [x, y] = [value(a, key), value(b, key)];
    return x === y ? 0 : x === null ? 1 : y === null ? -1 : x - y;
  };
  const update = () => {
    const kind = control("kind").value, cause = control("cause").value;
    const text = control("text").value.trim().toLowerCase();
    let shown = 0;
    for (const item of items.sort(order(control("sort").value))) {
      const fits = (!kind || item.dataset.kind === kind) && (!cause || item.dataset.cause === cause) &&
        (!text || item.textContent.toLowerCase().includes(text));
      item.hidden = !fits;
      shown += fits;
      list.append(item);
    }
    control("count").textContent = `${shown} / ${items.length}`;
  };
  for (const name of ["kind", "cause", "text", "sort"]) control(name).addEventListener("input", update);
  update();
})();
