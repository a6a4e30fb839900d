// Points, the hints of siggraph17: {x, y, radius, rgb}, in pixels of the prepared picture. They are never changed in
// place. The text is that of engine/pipelines/hints.h: a line "x y #rrggbb radius" each.
import { hexOf, rgbOf } from './lab.js';

export const textOf = (points) =>
  points.map(({ x, y, radius, rgb }) => `${x} ${y} ${hexOf(rgb)} ${radius}\n`).join('');

const LINE = /^(\d+)\s+(\d+)\s+#([0-9a-fA-F]{6})(?:\s+(\d+))?$/;
const RADIUS = 2; // of a line without one

// The points of a text, for a picture of width x height. Throws an Error that names the line.
export function pointsOf(text, name, width, height) {
  if (text.trimStart().startsWith('[')) throw new Error(`${name}: JSON; expected lines of: x y #rrggbb radius`);
  const points = [];
  for (const [number, line] of text.split('\n').entries()) {
    const words = line.trim();
    if (!words || words.startsWith('#')) continue;
    const where = `${name}, line ${number + 1}`, found = LINE.exec(words);
    if (!found) throw new Error(`${where}: "${words.slice(0, 40)}"; expected: x y #rrggbb radius`);
    const [x, y, radius] = [found[1], found[2], found[4] ?? RADIUS].map(Number);
    if (x >= width || y >= height)
      throw new Error(`${where}: ${x}, ${y} is outside the picture of ${width} x ${height}`);
    points.push({ x, y, radius: Math.min(radius, Math.max(width, height)), rgb: rgbOf(found[3]) });
  }
  return points;
}

// Where the points are after the picture, of width x height, has been turned clockwise by quarters.
export function turned(points, turns, width, height) {
  if (turns === 0) return points;
  const next = points.map((point) => ({ ...point, x: height - 1 - point.y, y: point.x }));
  return turned(next, turns - 1, height, width);
}

// Where the points are after the part `crop` has been cut out; those outside it are dropped.
export function cropped(points, crop) {
  const inside = ({ x, y }) => x >= 0 && y >= 0 && x < crop.width && y < crop.height;
  return points.map((point) => ({ ...point, x: point.x - crop.x, y: point.y - crop.y })).filter(inside);
}

// States of the work, one after the other: undo and redo without end.
export class History {
  constructor(state) {
    this.states = [state];
    this.at = 0;
  }

  get state() {
    return this.states[this.at];
  }

  // With `name`, changes of one name, such as the moves of a slider, become one step until another name or end().
  push(state, name = null) {
    const joins = name !== null && name === this.name && this.at === this.states.length - 1;
    this.states.length = this.at + 1;
    if (joins) this.states[this.at] = state;
    else this.at = this.states.push(state) - 1;
    this.name = name;
  }

  end() {
    this.name = null;
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.states.length - 1;
  }

  move(steps) {
    this.at += steps;
    this.end();
    return this.state;
  }
}
