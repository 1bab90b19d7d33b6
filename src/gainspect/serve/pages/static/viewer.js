// Moves and enlarges pictures: wheel, drag, pinch, keys, buttons. Evidence and outlines as the person likes them.
import { $, $$ } from "./base.js";

const MOST = 40; // times larger
const HEAT_AGAIN_MS = 5000, HEAT_TRIES = 12;

/** One picture: an SVG whose viewBox is the part of it that is seen. */
export class View {
  constructor(svg, { drags = () => true } = {}) {
    this.svg = svg;
    this.width = Number(svg.dataset.width);
    this.height = Number(svg.dataset.height);
    this.drags = drags; // whether one finger moves the picture
    this.fingers = new Map();
    this.fit();
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), this.at(event));
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, (event) => this.fingers.delete(event.pointerId));
    svg.addEventListener("keydown", (event) => this.key(event));
  }

  /** A place on the screen in pixels of the image. */
  at({ clientX, clientY }) {
    const point = new DOMPoint(clientX, clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [point.x, point.y];
  }

  fit() {
    this.factor = 1;
    this.x = this.y = 0;
    this.show();
  }

  /** Enlarge by a factor; a place in the image stays where it is. */
  zoom(by, [x, y] = [this.x + this.width / this.factor / 2, this.y + this.height / this.factor / 2]) {
    const factor = Math.min(MOST, Math.max(1, this.factor * by));
    this.x = x - (x - this.x) * (this.factor / factor);
    this.y = y - (y - this.y) * (this.factor / factor);
    this.factor = factor;
    this.show();
  }

  /** Move what is seen, in pixels of the image. */
  pan(x, y) {
    this.x += x;
    this.y += y;
    this.show();
  }

  show() {
    const [width, height] = [this.width / this.factor, this.height / this.factor];
    this.x = Math.min(Math.max(this.x, 0), this.width - width);
    this.y = Math.min(Math.max(this.y, 0), this.height - height);
    this.svg.setAttribute("viewBox", `${this.x} ${this.y} ${width} ${height}`);
    this.svg.classList.toggle("zoomed", this.factor > 1);
  }

  down(event) {
    this.fingers.set(event.pointerId, event);
    if (this.drags() && (this.factor > 1 || this.fingers.size > 1)) this.svg.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (before === undefined) return;
    const others = [...this.fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
    if (others.length === 1) {
      const [other] = others;
      const gap = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      if (gap(before) > 0) this.zoom(gap(event) / gap(before), this.at(middle));
    } else if (others.length === 0 && this.drags()) {
      const [from, to] = [this.at(before), this.at(event)];
      this.pan(from[0] - to[0], from[1] - to[1]);
    }
    this.fingers.set(event.pointerId, event);
  }

  key(event) {
    const step = Math.min(this.width, this.height) / this.factor / 8;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.fit();
    else if (event.key in moves && this.factor > 1 && this.drags()) this.pan(...moves[event.key]);
    else return;
    event.preventDefault();
  }
}

/** Buttons that enlarge the picture that was looked at last. */
export function zoomButtons(within, view) {
  for (const button of $$("[data-zoom]", within)) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom === "fit") view().fit();
      else view().zoom(button.dataset.zoom === "in" ? 1.5 : 1 / 1.5);
    });
  }
}

const kept = {
  get opacity() { return localStorage.getItem("gainspect-opacity") ?? "0.6"; },
  set opacity(value) { localStorage.setItem("gainspect-opacity", value); },
  get outlines() { return localStorage.getItem("gainspect-outlines") !== "off"; },
  set outlines(value) { localStorage.setItem("gainspect-outlines", value ? "on" : "off"); },
};

/** Show the evidence of all pictures; while some is not there, tell so: the line comes first. It is asked for again. */
export function awaitEvidence(within) {
  const missing = new Set();
  const tell = () => { $("[data-no-evidence]", within).hidden = missing.size === 0; };
  for (const heat of $$(".heat", within)) awaitHeat(heat, missing, tell);
}

function awaitHeat(heat, missing, tell, tries = HEAT_TRIES) {
  const address = heat.getAttribute("href");
  const probe = new Image();
  probe.addEventListener("load", () => {
    if (missing.delete(heat)) heat.setAttribute("href", `${address}#${tries}`);
    tell();
  });
  probe.addEventListener("error", () => {
    missing.add(heat);
    tell();
    if (tries > 1) setTimeout(() => { if (heat.isConnected) awaitHeat(heat, missing, tell, tries - 1); }, HEAT_AGAIN_MS);
  });
  probe.src = address;
}

/** Let all pictures of a part be looked at, as `before` were if they are the same. */
export function openViewer(within, before = []) {
  const viewer = $("[data-viewer]", within);
  if (viewer === null) return [];
  const views = $$(".picture", viewer).map((svg) => new View(svg));
  if (views.length === 0) return [];
  for (const [at, { x, y, factor }] of before.entries()) {
    Object.assign(views[at] ?? {}, { x, y, factor });
    views[at]?.show();
  }
  let latest = views[0];
  for (const view of views) for (const kind of ["pointerdown", "focus"]) view.svg.addEventListener(kind, () => { latest = view; });
  zoomButtons(viewer, () => latest);
  const slider = $("#opacity", viewer);
  const shade = () => { for (const heat of $$(".heat", viewer)) heat.setAttribute("opacity", slider.value); };
  slider.value = kept.opacity;
  shade();
  slider.addEventListener("input", () => { kept.opacity = slider.value; shade(); });
  awaitEvidence(viewer);
  const outlines = $("[data-outlines]", viewer);
  const outline = () => {
    outlines.setAttribute("aria-pressed", String(kept.outlines));
    viewer.classList.toggle("no-outlines", !kept.outlines);
  };
  outline();
  outlines.addEventListener("click", () => { kept.outlines = !kept.outlines; outline(); });
  return views;
}
