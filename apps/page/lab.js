// 8-bit sRGB and CIE Lab, with the equations and constants of engine/pictures/colour.h.

const linear = (v) => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92);
const curved = (v) => (v > 0.0031308 ? 1.055 * v ** (1 / 2.4) - 0.055 : 12.92 * v);
const f = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
const g = (t) => (t > 0.2068966 ? t ** 3 : (t - 16 / 116) / 7.787);

// [r, g, b] of 0..255 => [L, a, b]
export function labFromRgb(rgb) {
  const [r, green, b] = rgb.map((sample) => linear(sample / 255));
  const x = f((0.412453 * r + 0.35758 * green + 0.180423 * b) / 0.95047);
  const y = f(0.212671 * r + 0.71516 * green + 0.072169 * b);
  const z = f((0.019334 * r + 0.119193 * green + 0.950227 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

// Unrounded samples, below 0 or above 255 for colours outside sRGB.
function samplesFromLab([lightness, a, b]) {
  const y = (lightness + 16) / 116;
  const X = 0.95047 * g(y + a / 500), Y = g(y), Z = 1.08883 * g(Math.max(y - b / 200, 0));
  return [
    3.24048134 * X - 1.53715152 * Y - 0.49853633 * Z,
    -0.96925495 * X + 1.87599 * Y + 0.04155593 * Z,
    0.05564664 * X - 0.20404134 * Y + 1.05731107 * Z,
  ].map((v) => 255 * curved(v));
}

const clipped = (sample) => Math.min(255, Math.max(0, Math.round(sample)));
export const rgbFromLab = (lab) => samplesFromLab(lab).map(clipped);

// Whether sRGB has this colour, but for rounding.
export const isInside = (lab) => samplesFromLab(lab).every((sample) => sample > -0.5 && sample < 255.5);

// The colour itself if sRGB has it, else the most colourful one of its hue and lightness.
export function nearestInside([lightness, a, b]) {
  if (isInside([lightness, a, b])) return [lightness, a, b];
  let low = 0, high = 1;
  for (let i = 0; i < 12; i++) {
    const middle = (low + high) / 2;
    if (isInside([lightness, middle * a, middle * b])) low = middle;
    else high = middle;
  }
  return [lightness, low * a, low * b];
}

export const hexOf = (rgb) => '#' + rgb.map((sample) => sample.toString(16).padStart(2, '0')).join('');

// "#c83232", "c83232" or "#c33" => [200, 50, 50]; null for anything else.
export function rgbOf(text) {
  const found = /^#?([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(text.trim());
  if (!found) return null;
  const digits = found[1].length === 3 ? found[1].replace(/./g, '$&$&') : found[1];
  return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16));
}
