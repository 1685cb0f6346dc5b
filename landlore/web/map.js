// A record comes in; two maps that move together go out: before and after with a swipe, and the reasons.
"use strict";

class Maps {
  constructor(record, listener) {
    Object.assign(this, { record, listener, split: 0.5, cover: 1, only: null, picked: -1, hovered: -1, photo: null });
    this.panes = ["compare", "why"].map((id) => ({ id, canvas: $(id).querySelector("canvas") }));
    this.layers = {};
    this.outlines = new Map();
    this.view = null;
    this.paintLabels();
    this.paintReasons();
    for (const pane of this.panes) this.listen(pane.canvas);
    this.listenSwipe();
    new ResizeObserver(() => this.resize()).observe(this.panes[0].canvas.parentElement);
    this.resize();
  }

  // ---- layers: one canvas each, in pixels of the map
  layer(name, fill) {
    const { width, height } = this.record;
    const canvas = make("canvas", { width, height });
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    fill(new Uint32Array(image.data.buffer), image.data);
    context.putImageData(image, 0, 0);
    this.layers[name] = canvas;
  }

  paintLabels() {
    const { facts, after, reason } = this.record;
    const packed = facts.classes.map(({ colour }) => { const [r, g, b] = rgb(colour); return (255 << 24 | b << 16 | g << 8 | r) >>> 0; });
    const before = facts.corrections.map((one) => packed[one.before]);
    this.layer("after", (out) => { for (let i = 0; i < out.length; i++) out[i] = after[i] === 255 ? 0 : packed[after[i]]; });
    this.layer("before", (out) => { for (let i = 0; i < out.length; i++) out[i] = after[i] === 255 ? 0 : reason[i] ? before[reason[i] - 1] : packed[after[i]]; });
  }

  paintReasons() {
    const { facts, reason } = this.record;
    const packed = facts.corrections.map((one) => {
      const [r, g, b] = rgb(facts.terms[one.cause].colour);
      return ((this.only === null || this.only === one.cause ? 255 : 40) << 24 | b << 16 | g << 8 | r) >>> 0;
    });
    this.layer("why", (out) => { for (let i = 0; i < out.length; i++) out[i] = reason[i] ? packed[reason[i] - 1] : 0; });
  }

  paintGround() {  // the image in pale grey, or the classes where there is none
    const { facts, after, width, height } = this.record;
    const dark = isDark();
    const tone = (light) => dark ? 34 + 62 * light : 168 + 80 * light;
    let pixels = null;
    if (this.photo) {
      const canvas = make("canvas", { width, height });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(this.photo, 0, 0, width, height);
      pixels = context.getImageData(0, 0, width, height).data;
    }
    const light = facts.classes.map(({ colour }) => { const [r, g, b] = rgb(colour); return (0.3 * r + 0.59 * g + 0.11 * b) / 255; });
    this.layer("ground", (_, data) => {
      for (let i = 0; i < after.length; i++) {
        if (after[i] === 255) continue;
        const share = pixels ? (0.3 * pixels[4 * i] + 0.59 * pixels[4 * i + 1] + 0.11 * pixels[4 * i + 2]) / 255 : light[after[i]];
        data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = tone(share);
        data[4 * i + 3] = 255;
      }
    });
  }

  // ---- the view: scale (screen pixels per map pixel) and the map place in the upper left corner
  resize() {
    const { width, height } = this.record;
    const wide = this.panes[0].canvas.parentElement.clientWidth;
    const tall = Math.round(Math.min(wide * Math.max(0.5, Math.min(height / width, 1.3)), innerHeight * 0.78));
    const old = this.size;
    this.size = { wide, tall };
    this.fit = Math.min(wide / width, tall / height);
    for (const { canvas } of this.panes) {
      canvas.style.height = tall + "px";
      canvas.width = Math.round(wide * devicePixelRatio);
      canvas.height = Math.round(tall * devicePixelRatio);
    }
    if (!this.view || !old) this.showAll();
    else this.moveTo(this.view.x, this.view.y, this.view.scale * wide / old.wide);
  }

  showAll() { this.moveTo(0, 0, this.fit); }

  moveTo(x, y, scale) {
    const { width, height } = this.record;
    scale = Math.min(Math.max(scale, this.fit), Math.max(24, this.fit));
    const room = (total, shown) => shown >= total ? [(total - shown) / 2, (total - shown) / 2] : [0, total - shown];
    const [x0, x1] = room(width, this.size.wide / scale), [y0, y1] = room(height, this.size.tall / scale);
    this.view = { x: Math.min(Math.max(x, x0), x1), y: Math.min(Math.max(y, y0), y1), scale };
    for (const { canvas } of this.panes) canvas.style.touchAction = scale > this.fit * 1.01 ? "none" : "pan-y";
    this.draw();
  }

  zoom(factor, px = this.size.wide / 2, py = this.size.tall / 2) {
    const { x, y, scale } = this.view;
    const next = Math.min(Math.max(scale * factor, this.fit), Math.max(24, this.fit));
    this.moveTo(x + px / scale - px / next, y + py / scale - py / next, next);
  }

  show(one) {  // so that the correction fills a third of the pane, and is not lost among its neighbours
    const [left, top, right, bottom] = one.box;
    const scale = Math.min(this.size.wide / (3 * (right - left) + 40), this.size.tall / (3 * (bottom - top) + 40), 8);
    const kept = Math.max(scale, this.fit);
    this.moveTo((left + right) / 2 - this.size.wide / 2 / kept, (top + bottom) / 2 - this.size.tall / 2 / kept, kept);
  }

  // ---- drawing
  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => { this.asked = 0; this.panes.forEach((pane) => this.drawPane(pane)); });
  }

  drawPane({ id, canvas }) {
    if (!this.layers.ground) return;
    const context = canvas.getContext("2d");
    const { x, y, scale } = this.view, { wide, tall } = this.size, { width, height } = this.record;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const place = () => context.setTransform(devicePixelRatio * scale, 0, 0, devicePixelRatio * scale, -x * scale * devicePixelRatio, -y * scale * devicePixelRatio);
    context.imageSmoothingEnabled = scale * devicePixelRatio < 1;
    place();
    if (id === "why") {
      context.drawImage(this.layers.ground, 0, 0);
      context.drawImage(this.layers.why, 0, 0);
    } else {
      if (this.photo) context.drawImage(this.photo, 0, 0, width, height);
      context.globalAlpha = this.photo ? this.cover : 1;
      for (const [name, from, to] of [["before", 0, this.split], ["after", this.split, 1]]) {
        context.save();
        context.beginPath();
        context.rect(x + from * wide / scale, y, (to - from) * wide / scale, tall / scale);
        context.clip();
        context.drawImage(this.layers[name], 0, 0);
        context.restore();
      }
      context.globalAlpha = 1;
    }
    const thin = Math.min(1, 0.35 + 0.25 * scale);  // specks are not to drown in their own outlines
    for (const [index, colour, line] of [[this.hovered, "#fff", thin], [this.picked, "#fff", 1.7 * thin]]) {
      if (index < 0) continue;
      const sparse = this.isSparse(index) && scale < 3;  // many specks: where they lie, not each of them
      const path = sparse ? this.frame(index) : this.outline(index);
      context.setLineDash(sparse ? [7 / scale, 5 / scale] : []);
      context.lineJoin = "round";
      context.lineWidth = (line + 1.8 * thin) / scale; context.strokeStyle = "#101418"; context.stroke(path);
      context.lineWidth = line / scale; context.strokeStyle = colour; context.stroke(path);
    }
    if (id === "why") this.drawScale();
  }

  isSparse(index) {
    const { pixels, box: [left, top, right, bottom] } = this.record.facts.corrections[index];
    return pixels / this.record.facts.run.step ** 2 < 0.05 * (right - left) * (bottom - top);
  }

  frame(index) {
    const [left, top, right, bottom] = this.record.facts.corrections[index].box, path = new Path2D();
    path.rect(left - 2, top - 2, right - left + 4, bottom - top + 4);
    return path;
  }

  outline(index) {  // the edges between the correction and everything else
    if (this.outlines.has(index)) return this.outlines.get(index);
    const { reason, width, height, facts } = this.record, [left, top, right, bottom] = facts.corrections[index].box;
    const mine = (col, row) => col >= 0 && row >= 0 && col < width && row < height && reason[row * width + col] === index + 1;
    const path = new Path2D();
    for (let row = top; row < Math.min(bottom, height); row++) {
      for (let col = left; col < Math.min(right, width); col++) {
        if (!mine(col, row)) continue;
        if (!mine(col, row - 1)) { path.moveTo(col, row); path.lineTo(col + 1, row); }
        if (!mine(col, row + 1)) { path.moveTo(col, row + 1); path.lineTo(col + 1, row + 1); }
        if (!mine(col - 1, row)) { path.moveTo(col, row); path.lineTo(col, row + 1); }
        if (!mine(col + 1, row)) { path.moveTo(col + 1, row); path.lineTo(col + 1, row + 1); }
      }
    }
    this.outlines.set(index, path);
    return path;
  }

  drawScale() {
    const metres = this.record.facts.run.metres / this.view.scale;
    const power = 10 ** Math.floor(Math.log10(110 * metres));
    const length = Math.max(...[1, 2, 5, 10].map((n) => n * power).filter((n) => n <= 150 * metres));
    const scale = document.querySelector(".scale");
    scale.style.width = length / metres + "px";
    scale.textContent = length >= 1000 ? length / 1000 + " km" : length + " m";
  }

  // ---- pointing, dragging, keys
  at(event) {
    const box = event.target.getBoundingClientRect();
    const px = event.clientX - box.left, py = event.clientY - box.top;
    const col = Math.floor(this.view.x + px / this.view.scale), row = Math.floor(this.view.y + py / this.view.scale);
    const inside = col >= 0 && row >= 0 && col < this.record.width && row < this.record.height;
    return { px, py, col, row, pixel: inside ? row * this.record.width + col : -1 };
  }

  listen(canvas) {
    let start = null;
    canvas.addEventListener("pointerdown", (event) => {
      start = { x: event.clientX, y: event.clientY, view: { ...this.view }, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!start) { this.point(this.at(event).pixel); return; }
      const dx = event.clientX - start.x, dy = event.clientY - start.y;
      if (Math.hypot(dx, dy) > 4) { start.moved = true; canvas.classList.add("held"); }
      if (start.moved) this.moveTo(start.view.x - dx / this.view.scale, start.view.y - dy / this.view.scale, this.view.scale);
    });
    const stop = (event) => {
      canvas.classList.remove("held");
      if (start && !start.moved && event.type === "pointerup") this.listener.click(this.at(event).pixel);
      start = null;
    };
    canvas.addEventListener("pointerup", stop);
    canvas.addEventListener("pointercancel", stop);
    canvas.addEventListener("pointerleave", () => this.point(-1));
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
      event.preventDefault();
      const { px, py } = this.at(event);
      this.zoom(Math.exp(-event.deltaY * 0.0015), px, py);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const { x, y, scale } = this.view, step = 60 / scale;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) this.moveTo(x + moves[event.key][0], y + moves[event.key][1], scale);
    else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.showAll();
    else if (event.key === "n" || event.key === "p") this.listener.step(event.key === "n" ? 1 : -1);
    else return;
    event.preventDefault();
  }

  point(pixel) {
    const index = pixel < 0 ? -1 : this.record.reason[pixel] - 1;
    if (index !== this.hovered) { this.hovered = index; this.draw(); }
    this.listener.point(pixel, index);
  }

  listenSwipe() {
    const handle = $("swipe"), frame = handle.parentElement;
    const set = (share) => {
      this.split = Math.min(Math.max(share, 0), 1);
      handle.style.left = 100 * this.split + "%";
      handle.setAttribute("aria-valuenow", Math.round(100 * this.split));
      this.draw();
    };
    handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = frame.getBoundingClientRect();
      set((event.clientX - box.left) / box.width);
    });
    handle.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      set(this.split + steps[event.key]);
    });
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
