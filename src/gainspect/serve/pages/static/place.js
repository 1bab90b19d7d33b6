// Draws the true regions on a picture: with a finger, a mouse, or the keyboard alone. In pixels of the image.
import { $, $$, ask, inWords, tell, text, writes } from "./base.js";
import { View, awaitEvidence, zoomButtons } from "./viewer.js";

const NEAR_PX = 22; // of the first corner, on the screen, to close a region: a glove is wide
const LOOSE = 0.8; // pixels by which a freehand line may be made straight
const MOST_CORNERS = 1500;
const editor = $("#editor");
const svg = $(".canvas", editor);
const { key, image, seen, back } = editor.dataset;
const [width, height] = [Number(svg.dataset.width), Number(svg.dataset.height)];
const old = JSON.parse(editor.dataset.regions);

let tool = "freehand";
let regions = [];
let corners = []; // of the region that is not closed yet
let nothing = false;
let steps = []; // what Undo goes back to
let cross = null;
let saved = false;

const view = new View(svg, { drags: () => tool === "pan" });
zoomButtons(editor, () => view);
awaitEvidence(editor);

const clamped = ([x, y]) => [Math.min(width - 1, Math.max(0, Math.floor(x))), Math.min(height - 1, Math.max(0, Math.floor(y)))];
const pixelsOf = (event) => clamped(view.at(event));
const onScreen = ([x, y]) => new DOMPoint(x + 0.5, y + 0.5).matrixTransform(svg.getScreenCTM());

function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
const points = (outline) => outline.map(([x, y]) => `${x + 0.5},${y + 0.5}`).join(" ");

function step() {
  steps.push({ regions: [...regions], corners: [...corners], nothing });
  if (steps.length > 500) steps.shift();
}

function undo() {
  const last = steps.pop();
  if (last) ({ regions, corners, nothing } = last);
  show();
}

/** Fewer corners, none of which is further than `LOOSE` from the line (Ramer, Douglas, Peucker). */
function straightened(line) {
  if (line.length < 3) return line;
  const [[ax, ay], [bx, by]] = [line[0], line.at(-1)];
  const length = Math.hypot(bx - ax, by - ay);
  let [far, at] = [0, 0];
  for (let i = 1; i < line.length - 1; i++) {
    const [x, y] = line[i];
    const off = length ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length : Math.hypot(x - ax, y - ay);
    if (off > far) [far, at] = [off, i];
  }
  if (far <= LOOSE) return [line[0], line.at(-1)];
  return [...straightened(line.slice(0, at + 1)).slice(0, -1), ...straightened(line.slice(at))];
}

function distinct(outline) {
  return new Set(outline.map(String)).size;
}

function close() {
  if (distinct(corners) < 3) return wrong(text("too_few_corners"));
  step();
  regions = [...regions, corners];
  corners = [];
  nothing = false;
  wrong("");
  show();
}

function corner(point) {
  const [first] = corners;
  if (corners.length > 2) {
    const [one, other] = [onScreen(first), onScreen(point)];
    if (Math.hypot(one.x - other.x, one.y - other.y) < NEAR_PX) return close();
  }
  if (corners.length && String(corners.at(-1)) === String(point)) return;
  step();
  corners = [...corners, point];
  nothing = false;
  show();
}

function remove(number) {
  step();
  regions = regions.filter((_, at) => at !== number);
  show();
}

function wrong(said) {
  $("#wrong").textContent = said;
}

/** The region that is not closed yet. */
function showOpen() {
  const radius = 6 / (svg.getScreenCTM()?.a || 1);
  $("#open").replaceChildren(
    ...["halo", "line"].map((kind) => element("polyline", { class: kind, points: points(corners) })),
    ...(tool === "polygon" ? corners.map(([x, y], at) => element("circle", { cx: x + 0.5, cy: y + 0.5, r: at ? radius * 0.7 : radius * 1.4 })) : []),
  );
}

function show() {
  $("#drawn").replaceChildren(...regions.flatMap((outline) => ["fill", "halo", "line"].map((kind) => element("polygon", { class: kind, points: points(outline) }))));
  showOpen();
  const mark = $("#cross");
  mark.setAttribute("visibility", cross ? "visible" : "hidden");
  if (cross) mark.setAttribute("transform", `translate(${cross[0] + 0.5} ${cross[1] + 0.5}) scale(${1 / (svg.getScreenCTM()?.a || 1)})`);
  $("#list").replaceChildren(...regions.map((outline, at) => listed(outline, at)));
  $("#empty").hidden = regions.length > 0;
  $("#empty").textContent = text(nothing ? "said_nothing_here" : "nothing_drawn");
  $("#nothing").setAttribute("aria-pressed", String(nothing));
  $("#undo").disabled = steps.length === 0;
  $("#close").hidden = tool !== "polygon" || corners.length < 3;
  for (const button of $$("[data-tool]", editor)) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  svg.classList.toggle("panning", tool === "pan");
}

function listed(outline, at) {
  const [xs, ys] = [outline.map(([x]) => x), outline.map(([, y]) => y)];
  const [item, name, button] = ["li", "span", "button"].map((kind) => document.createElement(kind));
  name.textContent = text("region_n", { n: at + 1, width: Math.max(...xs) - Math.min(...xs) + 1, height: Math.max(...ys) - Math.min(...ys) + 1 });
  button.type = "button";
  button.setAttribute("aria-label", text("delete_region", { n: at + 1 }));
  button.append($("#delete-icon").content.cloneNode(true));
  button.addEventListener("click", () => { remove(at); ($("#list button") ?? $("#nothing")).focus(); });
  item.append(name, button);
  return item;
}

// Pointer: one finger draws, two move and enlarge.
let drawing = null;
svg.addEventListener("pointerdown", (event) => {
  if (tool === "pan" || event.button > 0) return;
  if (view.fingers.size > 1) { drawing = null; corners = tool === "freehand" ? [] : corners; return show(); }
  cross = null;
  if (tool === "freehand") {
    svg.setPointerCapture(event.pointerId);
    step();
    drawing = event.pointerId;
    corners = [pixelsOf(event)];
    nothing = false;
  } else drawing = event.pointerId;
});
svg.addEventListener("pointermove", (event) => {
  if (tool !== "freehand" || event.pointerId !== drawing) return;
  for (const one of event.getCoalescedEvents?.() ?? [event]) {
    const point = pixelsOf(one);
    if (String(point) !== String(corners.at(-1)) && corners.length < 20000) corners.push(point);
  }
  showOpen();
});
svg.addEventListener("pointerup", (event) => {
  if (event.pointerId !== drawing) return;
  drawing = null;
  if (tool === "polygon") return corner(pixelsOf(event));
  const half = Math.floor(corners.length / 2);
  const outline = [...straightened(corners.slice(0, half + 1)).slice(0, -1), ...straightened(corners.slice(half))].slice(0, MOST_CORNERS);
  corners = [];
  if (distinct(outline) < 3) { steps.pop(); wrong(text("too_few_corners")); } else { regions = [...regions, outline]; wrong(""); }
  show();
});
svg.addEventListener("pointercancel", () => { if (drawing !== null && tool === "freehand") { drawing = null; corners = []; steps.pop(); show(); } });

// Keyboard: a cross moves over the picture and sets corners.
svg.addEventListener("keydown", (event) => {
  const far = event.shiftKey ? 1 : Math.max(1, Math.round(10 / view.factor));
  const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in moves && tool !== "pan") {
    cross ??= clamped([view.x + width / view.factor / 2, view.y + height / view.factor / 2]);
    cross = clamped([cross[0] + moves[event.key][0], cross[1] + moves[event.key][1]]);
    const [w, h] = [width / view.factor, height / view.factor];
    view.pan(Math.min(0, cross[0] - view.x) + Math.max(0, cross[0] + 1 - view.x - w), Math.min(0, cross[1] - view.y) + Math.max(0, cross[1] + 1 - view.y - h));
  } else if (event.key === " ") {
    tool = "polygon";
    cross ??= clamped([width / 2, height / 2]);
    corner(cross);
  } else if (event.key === "Enter" && corners.length) close();
  else if (event.key === "Backspace") undo();
  else if (event.key === "Delete" && regions.length) remove(regions.length - 1);
  else if (event.key === "Escape" && corners.length) { step(); corners = []; }
  else return;
  event.preventDefault();
  show();
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !writes(event.target)) { event.preventDefault(); undo(); }
});

for (const button of $$("[data-tool]", editor)) {
  button.addEventListener("click", () => {
    tool = button.dataset.tool;
    if (corners.length) { step(); corners = []; }
    show();
  });
}
for (const button of $$("[data-zoom]", editor)) button.addEventListener("click", show);
$("#undo").addEventListener("click", undo);
$("#close").addEventListener("click", close);
$("#nothing").addEventListener("click", () => { step(); nothing = !nothing; if (nothing) { regions = []; corners = []; $('#reason').value = 'no_defect'; } show(); });
$("#from-old")?.addEventListener("click", () => { step(); regions = [...regions, ...old.map((outline) => outline.map(clamped))]; nothing = false; show(); });

$("#save").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (corners.length) { if (distinct(corners) < 3) return wrong(text("too_few_corners")); close(); }
  if (regions.length === 0 && !nothing) return wrong(text("draw_first"));
  const given = new FormData(event.target);
  const button = $("#save .primary");
  button.disabled = true;
  try {
    const body = { image: Number(image), seen: Number(seen), regions, reason: given.get("reason"), note: given.get("note").trim() };
    await ask(`/v1/decisions/${encodeURIComponent(key)}/corrections`, { body });
    saved = true;
    tell(text("saved_place"));
    location.assign(back);
  } catch (error) {
    wrong(inWords(error));
    button.disabled = false;
  }
});
addEventListener("beforeunload", (event) => { if (!saved && (regions.length || corners.length)) event.preventDefault(); });
addEventListener("resize", show);
show();
