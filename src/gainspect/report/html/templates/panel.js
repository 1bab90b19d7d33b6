"use strict";
(() => {
  const source = document.getElementById("panel-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const panel = document.getElementById("panel");
  const [OK, REVIEW, NG] = [0, 1, 2];
  const LABELS = ["ok", "review", "ng"];
  const [MOST_SHOWN, MOST_LISTED] = [24, 200];
  const sets = data.sets.map((rows) => rows.map(([name, ng, score, confirmed, least, unread, item, images]) =>
    ({ name, ng: ng === 1, score, confirmed: confirmed === true ? score : confirmed, least, unread: unread === 1, item, images: images.length ? images : [name] })));

  // --- decisions: as evaluation/judged_parts.py ---
  const decided = (part, threshold, reviewFrom) => {
    if (part.unread || part.score === null) return REVIEW;
    if (part.score >= threshold) return part.confirmed !== null && part.confirmed >= threshold ? NG : REVIEW;
    if (part.least !== OK) return part.least;
    return part.score >= reviewFrom ? REVIEW : OK;
  };
  const tally = (parts, made, ng, labels) => {
    const found = { count: 0, of: 0, items: new Set(), ofItems: new Set() };
    parts.forEach((part, index) => {
      if (part.ng !== ng) return;
      found.of += 1;
      found.ofItems.add(part.item);
      if (!labels.includes(made[index])) return;
      found.count += 1;
      found.items.add(part.item);
    });
    return { count: found.count, of: found.of, items: found.items.size, ofItems: found.ofItems.size };
  };

  // --- exact bounds (Clopper and Pearson): bisection on sums of binomial probabilities ---
  const logFactorials = [0];
  const logFactorial = (n) => {
    for (let i = logFactorials.length; i <= n; i += 1) logFactorials.push(logFactorials[i - 1] + Math.log(i));
    return logFactorials[n];
  };
  const atMost = (k, n, p) => {
    const [all, hit, miss] = [logFactorial(n), Math.log(p), Math.log1p(-p)];
    const term = (i) => Math.exp(all - logFactorials[i] - logFactorials[n - i] + i * hit + (n - i) * miss);
    // From the largest term both ways, as long as terms count.
    const top = Math.min(k, Math.floor((n + 1) * p));
    let sum = term(top);
    for (const way of [-1, 1])
      for (let i = top + way, one = 1; i >= 0 && i <= k && one > 1e-18 * sum; i += way) sum += one = term(i);
    return sum;
  };
  const upper = (k, n, tail) => {
    if (k >= n) return 1;
    let [low, high] = [0, 1];
    for (let step = 0; step < 60; step += 1) {
      const middle = (low + high) / 2;
      if (atMost(k, n, middle) > tail) low = middle; else high = middle;
    }
    return (low + high) / 2;
  };
  const bounds = (k, n) => (n ? [1 - upper(n - k, n, 0.025), upper(k, n, 0.025)] : [0, 1]);

  const ROWS = [["caught", true, NG], ["escapes", true, OK], ["review_ng", true, REVIEW], ["false_alarms", false, NG], ["review_ok", false, REVIEW]];
  const figures = (parts, made) => Object.fromEntries(ROWS.map(([name, ng, label]) => {
    const found = tally(parts, made, ng, [label]);
    let range = bounds(found.items, found.ofItems);
    if (name === "caught") {
      const lost = tally(parts, made, true, [OK, REVIEW]);
      const [low, high] = bounds(lost.items, lost.ofItems);
      range = [1 - high, 1 - low];
    }
    return [name, { ...found, range }];
  }));
  const cost = (found, costs, prevalence) => {
    const [ng, ok] = [found.caught.of, found.false_alarms.of];
    if (!ng || !ok) return null;
    const defective = (found.escapes.count * costs.miss + found.review_ng.count * costs.review) / ng;
    const good = (found.false_alarms.count * costs.false_alarm + found.review_ok.count * costs.review) / ok;
    return 1000 * (prevalence * defective + (1 - prevalence) * good);
  };

  // --- what is shown ---
  const shipped = { threshold: data.threshold, reviewFrom: data.review_from };
  const state = { set: 0, ...shipped, costs: { ...data.costs }, prevalence: data.prevalence };
  const logit = (p) => Math.log(Math.min(Math.max(p, 1e-7), 1 - 1e-7) / (1 - Math.min(Math.max(p, 1e-7), 1 - 1e-7)));
  // Four digits of the smaller of p and 1 − p: short enough to be typed, and fine enough at both ends.
  const short = (p) => Number((p > 0.5 ? 1 - Number((1 - p).toPrecision(4)) : Number(p.toPrecision(4))).toPrecision(12));
  const score = (value) => short(1 / (1 + Math.exp(-value)));
  const digits = (p) => String(Number(p.toPrecision(6)));
  // As Python formats numbers: a tie goes to the even digit.
  const rounding = [0, 1].map((places) => new Intl.NumberFormat("en",
    { minimumFractionDigits: places, maximumFractionDigits: places, roundingMode: "halfEven", useGrouping: false }));
  const fixed = (value, places) => rounding[places].format(value);
  const percent = (share) => `${fixed(100 * share, 1).replace(/\.0$/, "")}\u00a0%`;
  const span = ([low, high]) => `${fixed(100 * low, 1)} – ${fixed(100 * high, 1)} %`;
  const shown = ({ count, of }) => `${count} / ${of}${of ? ` (${percent(count / of)})` : ""}`;
  const all = (query, root = panel) => [...root.querySelectorAll(query)];
  const { left, right, top, bottom, low, high } = data.axis;
  const place = (p) => left + (Math.min(Math.max(logit(p), low), high) - low) / (high - low) * (right - left);
  const share = (parts, ng, threshold) => {
    const known = parts.filter((part) => part.ng === ng && part.score !== null);
    return known.filter((part) => part.score >= threshold).length / Math.max(1, known.length);
  };
  const prevalenceOf = (parts) => state.prevalence ?? parts.filter((part) => part.ng).length / Math.max(1, parts.length);

  const element = (tag, style, text) => {
    const made = document.createElement(tag);
    made.className = style;
    made.textContent = text;
    return made;
  };
  const pictures = (part) => part.images.flatMap((name) => {
    const shown = [...document.querySelectorAll("[data-pictures]")].find((place) => place.dataset.pictures === name);
    return shown ? [...shown.querySelectorAll("img")].slice(0, 2) : [];
  }).slice(0, 4);
  const change = (part, before, after) => {
    const item = element("li", "change", "");
    const head = element("div", "tags", "");
    head.append(element("span", `badge ${part.ng ? "ng" : "ok"}`, data.texts[part.ng ? "ng" : "ok"]),
      element("b", "", part.name ?? data.texts.unnamed), element("span", "soft", `P(NG) ${part.score.toPrecision(3)}`),
      element("span", "", `${data.texts[LABELS[before]]} → ${data.texts[LABELS[after]]}`));
    item.append(head);
    const found = pictures(part);
    if (found.length) {
      const row = element("div", "thumbs", "");
      row.append(...found.map((picture) => picture.cloneNode()));
      item.append(row);
    }
    return item;
  };
  const listChanges = (parts, before, after) => {
    const list = panel.querySelector("[data-changes]");
    const moved = parts.map((part, index) => [part, before[index], after[index]])
      .filter(([, was, is]) => was !== is)
      .sort(([a], [b]) => Number(b.ng) - Number(a.ng) || a.score - b.score);
    const same = state.threshold === shipped.threshold && state.reviewFrom === shipped.reviewFrom;
    panel.querySelector("[data-out=changed]").textContent = String(moved.length);
    list.replaceChildren(...moved.slice(0, MOST_SHOWN).map((one) => change(...one)));
    if (!moved.length) list.append(element("li", "soft", same ? data.texts.no_changes : data.texts.no_side));
    const rest = moved.slice(MOST_SHOWN).map(([part]) => part.name);
    const named = rest.filter((name) => name !== null).slice(0, MOST_LISTED);
    const listed = `${named.join(", ")}${named.length < rest.length ? "…" : ""}`;
    if (rest.length) list.append(element("li", "soft", `+ ${rest.length}: ${listed}`));
  };
  const draw = (parts) => {
    const [from, to] = [place(state.reviewFrom), place(state.threshold)];
    for (const [name, x] of [["review", from], ["ng", to]])
      for (const line of all(`[data-line=${name}]`)) line.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
    for (const band of all("[data-band]")) {
      band.setAttribute("x", from.toFixed(1));
      band.setAttribute("width", Math.max(0, to - from).toFixed(1));
    }
    for (const [name, at] of [["review", state.reviewFrom], ["ng", state.threshold]])
      for (const mark of all(`[data-set="${state.set}"] [data-mark=${name}]`)) {
        mark.setAttribute("cx", (left + share(parts, false, at) * (right - left)).toFixed(1));
        mark.setAttribute("cy", (bottom - share(parts, true, at) * (bottom - top)).toFixed(1));
      }
  };
  const commands = () => {
    const band = state.reviewFrom < state.threshold ? ` --review-from ${state.reviewFrom}` : "";
    const { miss, false_alarm, review } = state.costs;
    const stated = state.prevalence === null ? "" : ` --prevalence ${state.prevalence}`;
    panel.querySelector("[data-out=command]").textContent = `${data.command} --threshold ${state.threshold}${band}`;
    panel.querySelector("[data-out=command_cost]").textContent =
      `${data.command} --cost miss=${miss},false_alarm=${false_alarm},review=${review}${stated}`;
  };
  const asShipped = sets.map((parts) => {
    const made = parts.map((part) => decided(part, shipped.threshold, shipped.reviewFrom));
    return { made, found: figures(parts, made) };
  });
  const update = () => {
    const parts = sets[state.set];
    const { made: before, found: was } = asShipped[state.set];
    const after = parts.map((part) => decided(part, state.threshold, state.reviewFrom));
    const is = figures(parts, after);
    const prevalence = prevalenceOf(parts);
    const money = (found) => { const value = cost(found, state.costs, prevalence); return value === null ? "–" : fixed(value, 0); };
    all("[data-set]").forEach((block) => { block.hidden = Number(block.dataset.set) !== state.set; });
    const say = (name, text) => { panel.querySelector(`[data-set="${state.set}"] [data-out=${name}]`).textContent = text; };
    for (const [name] of ROWS) {
      say(name, shown(is[name]));
      say(`${name}_bounds`, span(is[name].range));
      say(`${name}_shipped`, shown(was[name]));
    }
    say("cost", money(is));
    say("cost_shipped", money(was));
    draw(parts);
    listChanges(parts, before, after);
    commands();
    for (const [name, value] of [["threshold", state.threshold], ["review_from", state.reviewFrom]]) {
      control(name, "range").value = String(logit(value));
      control(name, "range").setAttribute("aria-valuetext", digits(value));
      show(name, digits(value));
    }
    for (const [name, value] of Object.entries(state.costs)) { control(name, "range").value = String(value); show(name, String(value)); }
    control("prevalence", "range").value = String(Math.log10(prevalence));
    control("prevalence", "range").setAttribute("aria-valuetext", percent(prevalence));
    show("prevalence", String(Number((100 * prevalence).toPrecision(3))));
  };

  // --- controls ---
  const control = (name, type) => panel.querySelector(`[data-control=${name}] input[type=${type}]`);
  const show = (name, text) => { const field = control(name, "number"); if (document.activeElement !== field) field.value = text; };
  const setThreshold = (value) => {
    const banded = state.reviewFrom < state.threshold;
    state.threshold = value;
    state.reviewFrom = banded ? Math.min(state.reviewFrom, value) : value;
  };
  const setReviewFrom = (value) => { state.reviewFrom = Math.min(value, state.threshold); };
  const within = (value, least, most) => Number.isFinite(value) && value >= least && value <= most;
  const on = (name, type, read, least, most, set) => control(name, type).addEventListener("input", (event) => {
    const value = event.target.value === "" ? NaN : read(Number(event.target.value));
    if (within(value, least, most)) { set(value); update(); }
  });
  for (const [name, set] of [["threshold", setThreshold], ["review_from", setReviewFrom]]) {
    Object.assign(control(name, "range"), { min: low, max: high, step: "any" });
    on(name, "range", score, 0, 1, set);
    on(name, "number", (value) => value, 0, 1, set);
    // "any" leaves the step of arrow keys to the browser, so they are stepped here.
    control(name, "range").addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (!way) return;
      event.preventDefault();
      set(score(Math.min(Math.max(Number(event.target.value) + way * (high - low) / 200, low), high)));
      update();
    });
  }
  for (const name of Object.keys(state.costs))
    for (const type of ["range", "number"]) on(name, type, (value) => value, 0, 1e6, (value) => { state.costs[name] = value; });
  on("prevalence", "range", (value) => Number((10 ** value).toPrecision(3)), 1e-6, 0.999999, (value) => { state.prevalence = value; });
  on("prevalence", "number", (value) => Number((value / 100).toPrecision(6)), 1e-6, 0.999999, (value) => { state.prevalence = value; });
  panel.querySelector("[data-back]").addEventListener("click", () => {
    Object.assign(state, shipped, { costs: { ...data.costs }, prevalence: data.prevalence });
    update();
  });
  for (const choice of all("[name=panel-set]")) choice.addEventListener("input", () => { state.set = Number(choice.value); update(); });
  panel.addEventListener("focusout", update);
  for (const hidden of all("[data-script]")) hidden.hidden = false;
  update();
})();
