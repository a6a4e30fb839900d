// The colour chooser: the ab plane of Lab at the lightness of one pixel, with the colours that sRGB has.
import { hexOf, isInside, labFromRgb, nearestInside, rgbFromLab, rgbOf } from './lab.js';

// The least reach, a multiple of 10, such that all colours of sRGB with this lightness have a and b in -reach .. reach.
function reachAt(lightness) {
  const hasColour = (reach) => {
    for (let at = -reach; at <= reach; at += 2)
      for (const side of [-reach, reach])
        if (isInside([lightness, side, at]) || isInside([lightness, at, side])) return true;
    return false;
  };
  let reach = 10;
  while (hasColour(reach)) reach += 10;
  return reach;
}

const RECENT_MOST = 10;

export class Chooser {
  // elements: plane (a canvas), mark, a and b (ranges), text, grey, recent. recent: hex colours, newest first.
  // onChoose(rgb, isFinal): isFinal is false while a slider or the pointer moves.
  constructor(elements, recent, onChoose) {
    Object.assign(this, { elements, onChoose, recent, lab: [50, 0, 0], reach: 110 });
    const { plane, a, b, text, grey } = elements;
    plane.addEventListener('pointerdown', (event) => {
      plane.setPointerCapture(event.pointerId);
      this.chooseAt(event, false);
    });
    plane.addEventListener('pointermove', (event) => event.buttons && this.chooseAt(event, false));
    plane.addEventListener('pointerup', (event) => this.chooseAt(event, true));
    for (const range of [a, b]) {
      range.addEventListener('input', () => this.choose(Number(a.value), Number(b.value), false));
      range.addEventListener('change', () => this.choose(Number(a.value), Number(b.value), true));
    }
    text.addEventListener('change', () => this.chooseText());
    grey.addEventListener('click', () => this.choose(0, 0, true));
    this.listRecent();
  }

  // Shows a colour at a pixel of this lightness.
  show(lightness, rgb) {
    const [, a, b] = labFromRgb(rgb);
    this.showLab([lightness, a, b]);
  }

  showLab(lab) {
    const { plane, mark, a, b, text } = this.elements;
    if (this.drawn !== Math.round(lab[0])) this.draw(Math.round(lab[0]));
    this.lab = lab;
    a.value = Math.round(lab[1]);
    b.value = Math.round(lab[2]);
    a.setAttribute('aria-valuetext', `a ${a.value}`);
    b.setAttribute('aria-valuetext', `b ${b.value}`);
    text.value = hexOf(rgbFromLab(lab));
    text.removeAttribute('aria-invalid');
    const percent = (value) => `${50 + (50 * value) / this.reach}%`;
    mark.style.left = percent(lab[1]);
    mark.style.top = percent(-lab[2]);
    mark.style.background = text.value;
  }

  draw(lightness) {
    const { plane, a, b } = this.elements, { width, height } = plane, image = new ImageData(width, height);
    const reach = (this.reach = a.max = b.max = reachAt(lightness));
    a.min = b.min = -reach;
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i += 4) {
        const lab = [lightness, reach * ((2 * x + 1) / width - 1), reach * (1 - (2 * y + 1) / height)];
        if (isInside(lab)) image.data.set([...rgbFromLab(lab), 255], i);
      }
    plane.getContext('2d').putImageData(image, 0, 0);
    this.drawn = lightness;
  }

  chooseAt(event, isFinal) {
    const box = this.elements.plane.getBoundingClientRect();
    const along = (at, low, size) => this.reach * ((2 * (at - low)) / size - 1);
    this.choose(along(event.clientX, box.left, box.width), -along(event.clientY, box.top, box.height), isFinal);
  }

  // Chooses a and b at the pixel's lightness.
  choose(a, b, isFinal) {
    this.showLab(nearestInside([this.lab[0], a, b]));
    const rgb = rgbFromLab(this.lab);
    if (isFinal) this.remember(rgb);
    this.onChoose(rgb, isFinal);
  }

  // Chooses the hue and colourfulness of a colour of any lightness.
  chooseColour(rgb) {
    const [, a, b] = labFromRgb(rgb);
    this.choose(a, b, true);
  }

  chooseText() {
    const { text } = this.elements, rgb = rgbOf(text.value);
    if (rgb) this.chooseColour(rgb);
    else text.setAttribute('aria-invalid', 'true');
  }

  remember(rgb) {
    const hex = hexOf(rgb);
    this.recent = [hex, ...this.recent.filter((other) => other !== hex)].slice(0, RECENT_MOST);
    this.listRecent();
  }

  listRecent() {
    this.elements.recent.replaceChildren(...this.recent.map((hex) => {
      const button = document.createElement('button');
      Object.assign(button, { type: 'button', className: 'swatch', title: hex, ariaLabel: `Use ${hex}` });
      button.style.background = hex;
      button.addEventListener('click', () => this.chooseColour(rgbOf(hex)));
      return button;
    }));
  }
}
