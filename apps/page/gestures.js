// Pointer events of an element as gestures, for mouse, pen and fingers alike. Places are in CSS pixels of the element.
//
//     tap(x, y)                       pressed and released at one place
//     hold(x, y) => boolean           pressed for HOLD_AFTER ms at one place; true if it meant something
//     begin(x, y, reach) => grip      a drag begins; `reach` is how near counts as on a thing
//     drag(grip, x, y, dx, dy), drop(grip)
//     zoom(factor, x, y, dx, dy)      pinched, or the wheel was turned

const STILL = 5; // a pointer that moves less is at one place
const HOLD_AFTER = 550; // ms
const REACH = { mouse: 12, pen: 16, touch: 24 };

export class Gestures {
  constructor(element, handlers) {
    Object.assign(this, { element, handlers, pointers: new Map() });
    element.addEventListener('pointerdown', (event) => this.press(event));
    element.addEventListener('pointermove', (event) => this.move(event));
    element.addEventListener('pointerup', (event) => this.release(event, true));
    element.addEventListener('pointercancel', (event) => this.release(event, false));
    element.addEventListener('wheel', (event) => this.turn(event), { passive: false });
    element.addEventListener('contextmenu', (event) => this.menu(event));
  }

  at(event) {
    const box = this.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  press(event) {
    if (event.button !== 0) return;
    const place = this.at(event);
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, place);
    clearTimeout(this.timer);
    this.pressed = this.pointers.size === 1 ? { ...place, reach: REACH[event.pointerType] ?? REACH.mouse } : null;
    if (this.pressed) this.timer = setTimeout(() => this.held(), HOLD_AFTER);
    else this.endDrag();
  }

  held() {
    const { x, y } = this.pressed ?? {};
    if (this.pressed && !this.dragging && this.handlers.hold(x, y)) this.pressed = null;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.at(event);
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else this.dragTo(before, now);
    if (this.dragging || !this.pressed) this.pointers.set(event.pointerId, now);
  }

  dragTo(before, now) {
    const { pressed } = this;
    if (!pressed) return;
    if (!this.dragging) {
      if (Math.hypot(now.x - pressed.x, now.y - pressed.y) < STILL) return;
      clearTimeout(this.timer);
      this.dragging = { grip: this.handlers.begin(pressed.x, pressed.y, pressed.reach) };
    }
    this.handlers.drag(this.dragging.grip, now.x, now.y, now.x - before.x, now.y - before.y);
  }

  pinch(id, before, now) {
    const [other] = [...this.pointers].filter(([key]) => key !== id).map(([, place]) => place);
    const apart = (place) => Math.max(1, Math.hypot(place.x - other.x, place.y - other.y));
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    this.handlers.zoom(apart(now) / apart(before), middle.x, middle.y, (now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  release(event, isUp) {
    if (this.dragging && isUp) this.move(event); // the last move may have been left out
    if (!this.pointers.delete(event.pointerId)) return;
    clearTimeout(this.timer);
    if (this.dragging) this.endDrag();
    else if (isUp && this.pressed) this.handlers.tap(this.pressed.x, this.pressed.y, this.pressed.reach);
    this.pressed = null;
  }

  endDrag() {
    if (this.dragging) this.handlers.drop(this.dragging.grip);
    this.dragging = null;
  }

  turn(event) {
    event.preventDefault();
    const { x, y } = this.at(event), lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    this.handlers.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), x, y, 0, 0);
  }

  // The other mouse button; a finger that is held makes this event too.
  menu(event) {
    event.preventDefault();
    const { x, y } = this.at(event);
    if (event.button === 2 && this.pointers.size === 0) this.handlers.hold(x, y);
  }
}
