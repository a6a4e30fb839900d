// The stage: draws the picture before and after, the points, a cross for the keyboard and the frame of a crop, and turns
// gestures and keys into calls of `handlers`:
//
//     tap(x, y)                 at a pixel without a point
//     select(index)             a point; -1: none
//     move(index, x, y), moved(index)
//     remove(index)
//     frame(crop)               the frame of a crop has changed
//     looked()                  zoom or place have changed
//
// Places without a name are pixels of the picture; "screen" ones are CSS pixels of the canvas.
import { Gestures } from './gestures.js';
import { hexOf } from './lab.js';

const ZOOM_MOST = 32; // screen pixels per pixel
const STEP = 40; // screen pixels that a key moves the view
const CORNERS = [[0, 0], [0.5, 0], [1, 0], [0, 0.5], [1, 0.5], [0, 1], [0.5, 1], [1, 1]];

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function canvasOf({ width, height, pixels }) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  canvas.getContext('2d', { willReadFrequently: true }).putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

export class View {
  constructor(canvas, handlers) {
    Object.assign(this, { canvas, handlers, points: [], selected: -1, split: 0, crop: null, cross: null });
    new Gestures(canvas, {
      tap: (x, y, reach) => this.tap(x, y, reach),
      hold: (x, y) => this.hold(x, y),
      begin: (x, y, reach) => this.begin(x, y, reach),
      drag: (...all) => this.drag(...all),
      drop: (grip) => grip.point !== undefined && this.handlers.moved(grip.point),
      zoom: (...all) => this.zoom(...all),
    });
    canvas.addEventListener('keydown', (event) => this.key(event));
    canvas.addEventListener('blur', () => this.set({ cross: null }));
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  // ---- What is shown ----------------------------------------------------------------------------

  // A new picture; before: its pixels, of any size.
  open({ width, height, before }) {
    Object.assign(this, { width, height, before: canvasOf(before), after: null, detail: null, cross: null });
    this.fit();
  }

  showAfter(pixels) {
    this.set({ after: canvasOf(pixels), detail: null });
  }

  // A part at full size, over the rest; before and after: pixels.
  showDetail(part, before, after) {
    this.set({ detail: { ...part, before: canvasOf(before), after: canvasOf(after) } });
  }

  // The colour that the result, or else the picture, has at a pixel.
  colourAt(x, y) {
    const shown = this.after ?? this.before;
    const at = (place, size, all) => clamp(Math.floor(((place + 0.5) * size) / all), 0, size - 1);
    const [column, row] = [at(x, shown.width, this.width), at(y, shown.height, this.height)];
    return [...shown.getContext('2d').getImageData(column, row, 1, 1).data.slice(0, 3)];
  }

  // Some of: points, selected, split (0: all after, 1: all before), crop, cross, detail, after.
  set(values) {
    Object.assign(this, values);
    if (!this.drawing) this.drawing = requestAnimationFrame(() => this.draw());
  }

  // ---- Places -----------------------------------------------------------------------------------

  toScreen(x, y) {
    return [this.left + x * this.scale, this.top + y * this.scale];
  }

  toPicture(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  // The pixel at a place of the screen, or null outside the picture.
  pixelAt(x, y) {
    const [column, row] = this.toPicture(x, y).map(Math.floor);
    return column >= 0 && row >= 0 && column < this.width && row < this.height ? [column, row] : null;
  }

  // The part of the picture on the screen, in whole pixels.
  visible() {
    const [left, top] = this.toPicture(0, 0).map(Math.floor);
    const [right, bottom] = this.toPicture(this.canvas.clientWidth, this.canvas.clientHeight).map(Math.ceil);
    const x = clamp(left, 0, this.width), y = clamp(top, 0, this.height);
    return { x, y, width: clamp(right, x, this.width) - x, height: clamp(bottom, y, this.height) - y };
  }

  fitScale() {
    const { clientWidth, clientHeight } = this.canvas;
    return Math.min(clientWidth / this.width, clientHeight / this.height);
  }

  fit() {
    this.scale = this.fitScale();
    this.left = this.top = 0;
    this.settle();
  }

  // Keeps the picture on the screen.
  settle() {
    const place = (at, shown, all) => (shown <= all ? (all - shown) / 2 : clamp(at, all - shown, 0));
    this.left = place(this.left, this.width * this.scale, this.canvas.clientWidth);
    this.top = place(this.top, this.height * this.scale, this.canvas.clientHeight);
    this.set({});
    this.handlers.looked();
  }

  resize() {
    const ratio = devicePixelRatio, { canvas } = this, wasFit = this.before && this.scale <= this.oldFit * 1.001;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (!this.before) return;
    if (wasFit) this.fit();
    else this.settle();
    this.oldFit = this.fitScale();
  }

  // By a factor, around a place of the screen, which also moves by dx, dy.
  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2, dx = 0, dy = 0) {
    if (!this.before) return;
    const fit = this.fitScale(), scale = clamp(this.scale * factor, fit, Math.max(fit, ZOOM_MOST));
    this.left = x + dx - ((x - this.left) * scale) / this.scale;
    this.top = y + dy - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.settle();
  }

  pan(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.settle();
  }

  // ---- Gestures ---------------------------------------------------------------------------------

  // The index of the nearest point within `reach` of a place of the screen, or -1.
  pointAt(x, y, reach) {
    let best = -1;
    for (const [index, point] of this.points.entries()) {
      const [px, py] = this.toScreen(point.x + 0.5, point.y + 0.5), apart = Math.hypot(px - x, py - y);
      if (apart <= reach) [best, reach] = [index, apart];
    }
    return best;
  }

  tap(x, y, reach) {
    if (!this.before || this.crop) return;
    const point = this.pointAt(x, y, reach), pixel = this.pixelAt(x, y);
    if (point >= 0 && !this.picking) this.handlers.select(point);
    else if (pixel) this.handlers.tap(...pixel);
  }

  hold(x, y) {
    const point = this.crop ? -1 : this.pointAt(x, y, 24);
    if (point >= 0) this.handlers.remove(point);
    return point >= 0;
  }

  // What a drag moves: a corner or side of the crop's frame, all of it, a point, or the view.
  begin(x, y, reach) {
    if (!this.before) return {};
    if (this.crop) return { frame: this.handleAt(x, y, reach), crop: this.crop, from: this.toPicture(x, y) };
    const point = this.pointAt(x, y, reach);
    if (point < 0) return { view: true };
    this.handlers.select(point);
    return { point };
  }

  drag(grip, x, y, dx, dy) {
    const [column, row] = this.before ? this.toPicture(x, y) : [0, 0];
    if (grip.view) this.pan(dx, dy);
    else if (grip.frame) this.dragFrame(grip, column - grip.from[0], row - grip.from[1]);
    else if (grip.point !== undefined)
      this.handlers.move(grip.point, clamp(Math.floor(column), 0, this.width - 1), clamp(Math.floor(row), 0, this.height - 1));
  }

  // The handle of the frame at a place: [0.5, 0.5] is all of it.
  handleAt(x, y, reach) {
    const { crop } = this;
    const near = ([h, v]) => {
      const [px, py] = this.toScreen(crop.x + h * crop.width, crop.y + v * crop.height);
      return Math.hypot(px - x, py - y) <= reach + 6;
    };
    return CORNERS.find(near) ?? [0.5, 0.5];
  }

  dragFrame({ frame: [h, v], crop }, dx, dy) {
    const along = (part, from, size, by, all) => {
      if (part === 0.5) return null;
      const low = part === 0 ? clamp(Math.round(from + by), 0, from + size - 1) : from;
      const high = part === 1 ? clamp(Math.round(from + size + by), from + 1, all) : from + size;
      return [low, high - low];
    };
    const isAll = h === 0.5 && v === 0.5;
    const shifted = (from, size, by, all) => [isAll ? clamp(Math.round(from + by), 0, all - size) : from, size];
    const [x, width] = along(h, crop.x, crop.width, dx, this.width) ?? shifted(crop.x, crop.width, dx, this.width);
    const [y, height] = along(v, crop.y, crop.height, dy, this.height) ?? shifted(crop.y, crop.height, dy, this.height);
    this.handlers.frame({ x, y, width, height });
  }

  // ---- Keys -------------------------------------------------------------------------------------

  // Arrows move the cross, with Alt the selected point, with Ctrl the view; Shift makes larger steps.
  key(event) {
    if (!this.before || this.crop) return;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const action = arrow ? () => this.arrow(event, ...arrow) : this.action(event.key);
    if (!action || event.metaKey) return;
    event.preventDefault();
    action();
  }

  action(key) {
    const steps = { '+': () => this.zoom(1.25), '=': () => this.zoom(1.25), '-': () => this.zoom(0.8), 0: () => this.fit() };
    const next = (by) => () => this.points.length && this.handlers.select(
      (this.selected + by + this.points.length + (this.selected < 0 && by < 0 ? 1 : 0)) % this.points.length);
    const points = { n: next(1), p: next(-1) };
    if (this.selected >= 0) points.Delete = points.Backspace = () => this.handlers.remove(this.selected);
    if (key === 'Enter' || key === ' ') return () => this.put();
    return steps[key] ?? points[key];
  }

  arrow(event, dx, dy) {
    const step = Math.max(1, Math.round((event.shiftKey ? 40 : 5) / this.scale));
    if (event.ctrlKey) this.pan(-dx * STEP, -dy * STEP);
    else if (event.altKey && this.selected >= 0) {
      const { x, y } = this.points[this.selected];
      this.handlers.move(this.selected, clamp(x + dx * step, 0, this.width - 1), clamp(y + dy * step, 0, this.height - 1));
      this.handlers.moved(this.selected);
    } else if (!event.altKey) {
      const [x, y] = this.cross ?? [this.width >> 1, this.height >> 1];
      this.set({ cross: [clamp(x + dx * step, 0, this.width - 1), clamp(y + dy * step, 0, this.height - 1)] });
    }
  }

  put() {
    if (!this.cross) this.set({ cross: [this.width >> 1, this.height >> 1] });
    else this.tap(...this.toScreen(this.cross[0] + 0.5, this.cross[1] + 0.5), 8);
  }

  // ---- Drawing ----------------------------------------------------------------------------------

  draw() {
    this.drawing = 0;
    const { canvas } = this, context = canvas.getContext('2d');
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.before) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    const split = this.left + this.split * this.width * this.scale;
    this.drawPicture(context, 'before', -Infinity, this.after && !this.crop ? split : Infinity);
    if (this.after && !this.crop) this.drawPicture(context, 'after', split, Infinity);
    if (this.split > 0 && this.split < 1 && !this.crop) this.drawSplit(context, split);
    if (this.crop) this.drawFrame(context);
    else this.drawPoints(context);
    if (this.cross) this.drawCross(context);
  }

  // The part of the picture between two columns of the screen.
  drawPicture(context, which, from, to) {
    const { width, height, scale, left, top, detail } = this;
    const low = Math.max(left, from), high = Math.min(left + width * scale, to);
    if (high <= low) return;
    context.save();
    context.beginPath();
    context.rect(low, top, high - low, height * scale);
    context.clip();
    context.imageSmoothingEnabled = scale < 8;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this[which], left, top, width * scale, height * scale);
    if (detail)
      context.drawImage(detail[which], ...this.toScreen(detail.x, detail.y), detail.width * scale, detail.height * scale);
    context.restore();
  }

  drawSplit(context, x) {
    context.fillStyle = '#000';
    context.fillRect(x - 1.5, this.top, 3, this.height * this.scale);
    context.fillStyle = '#fff';
    context.fillRect(x - 0.5, this.top, 1, this.height * this.scale);
  }

  drawPoints(context) {
    for (const [index, point] of this.points.entries()) {
      const [x, y] = this.toScreen(point.x + 0.5, point.y + 0.5), isSelected = index === this.selected;
      if (isSelected) this.drawReach(context, point);
      context.beginPath();
      context.arc(x, y, isSelected ? 9 : 7, 0, 2 * Math.PI);
      context.fillStyle = hexOf(point.rgb);
      context.fill();
      for (const [colour, line] of [['#000', 4], ['#fff', 2]]) {
        Object.assign(context, { strokeStyle: colour, lineWidth: line });
        context.stroke();
      }
    }
  }

  // The square that a point colours.
  drawReach(context, { x, y, radius }) {
    const [left, top] = this.toScreen(x - radius, y - radius), side = (2 * radius + 1) * this.scale;
    for (const [colour, line] of [['#000', 3], ['#fff', 1]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: line });
      context.strokeRect(left, top, side, side);
    }
  }

  drawCross(context) {
    const [x, y] = this.toScreen(this.cross[0] + 0.5, this.cross[1] + 0.5);
    for (const [colour, line] of [['#000', 3], ['#fff', 1]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: line });
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 4 * dx, y + 4 * dy);
        context.lineTo(x + 18 * dx, y + 18 * dy);
      }
      context.stroke();
    }
  }

  drawFrame(context) {
    const { crop, scale } = this, [x, y] = this.toScreen(crop.x, crop.y);
    const [width, height] = [crop.width * scale, crop.height * scale];
    context.fillStyle = '#000a';
    context.beginPath();
    context.rect(this.left, this.top, this.width * scale, this.height * scale);
    context.rect(x, y, width, height);
    context.fill('evenodd');
    Object.assign(context, { strokeStyle: '#fff', fillStyle: '#fff', lineWidth: 1.5 });
    context.strokeRect(x, y, width, height);
    for (const [h, v] of CORNERS) context.fillRect(x + h * width - 5, y + v * height - 5, 10, 10);
  }
}
