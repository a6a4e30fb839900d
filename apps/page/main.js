// The page: what a person does changes `work`, a new object each time; `update` brings engine and view up to date.
//
//     work: {turns, crop, points, saturation, temperature, detail}
//
// turns (0 to 3, clockwise) and crop ({x, y, width, height} of the turned picture, or null) prepare the picture; points
// are in pixels of the prepared one.
import { Chooser } from './chooser.js';
import { hasSimd, includedWeights } from './engine.js';
import { kindOf, pictureOf } from './intake.js';
import { hashOf, Keeper } from './keep.js';
import { labFromRgb } from './lab.js';
import { attempt, showProgress, tell, warn } from './messages.js';
import { cropped, History, pointsOf, textOf, turned } from './points.js';
import { commandText, download, engineWith, namesOf, Saver } from './saving.js';
import { View } from './view.js';
import { colorizerWeights, enlargerWeights, own, roleOf } from './weights.js';

const $ = (id) => document.getElementById(id);
const DETAIL_PIXELS_MOST = 3e6; // of a part that is painted at full size
const DETAIL_AFTER = 150; // ms without a change of the view
const KEEP_AFTER = 300; // ms without a change of the work
const START = { turns: 0, crop: null, points: [], saturation: 1, temperature: 0, detail: 256 };

const keeper = new Keeper(() => tell('This browser keeps nothing for file pages: save points and pictures yourself.'));
const saver = new Saver();
let picture = null; // {name, hash, width, height, warning, input}; input is for the engine's call `open`
let engine = null;
let network = null; // {network, takesHints} of the engine's colorizer
let history = new History(START);
let done = {}; // the work to which the state of engine and view corresponds
let cropping = false;
let isSaved = true;
let isChoosing = false;

const work = () => history.state;

// ---- Opening ------------------------------------------------------------------------------------

async function openFiles(files) {
  if (files.length !== 1) throw new Error(`${files.length} files; expected one`);
  const [file] = files, bytes = new Uint8Array(await file.arrayBuffer()), kind = kindOf(bytes.subarray(0, 4096));
  if (kind === 'weights') return useWeights({ bytes, name: file.name });
  if (kind === 'text' && bytes.length && picture) return loadPoints(file.name, new TextDecoder().decode(bytes));
  return openPicture(file, bytes);
}

async function openPicture(file, bytes) {
  tell(`Opening ${file.name}`);
  try {
    const input = await pictureOf(file, bytes), hash = await hashOf(bytes);
    const kept = { ...START, ...keeper.readWork(hash) };
    const next = await engineWith(input, kept.detail);
    engine?.terminate();
    ({ engine } = next);
    network = next.colorizer;
    picture = { name: file.name, hash, input, ...next.opened };
    keeper.writeFile('picture', { bytes, name: file.name, type: file.type });
  } catch (error) {
    tell(picture ? picture.name : '');
    throw error;
  }
  history = new History({ ...START, ...keeper.readWork(picture.hash) });
  done = {};
  cropping = false;
  isSaved = true;
  view.set({ selected: -1 });
  $('welcome').hidden = true;
  tell(picture.warning || picture.name);
  await update();
}

async function continueLast() {
  const file = await keeper.readFile('picture');
  if (file) await openPicture(new File([file.bytes], file.name, { type: file.type }), file.bytes);
}

async function useWeights(weights) {
  tell(`Checking ${weights.name}`);
  const { role, network: name } = await roleOf(weights);
  if (role === 'colorizer') await useColorizer(weights);
  own[role] = weights;
  keeper.writeFile('weights', own);
  tell(`${weights.name}: ${name}`);
  showWeights();
}

async function useIncluded() {
  if (own.colorizer) await useColorizer(includedWeights('siggraph17-photos'));
  Object.assign(own, { colorizer: null, enlarger: null });
  keeper.writeFile('weights', null);
  showWeights();
}

// Colours the picture again with other weights. If they fail, the earlier ones stay.
async function useColorizer(weights) {
  if (!engine) return;
  network = await engine.call('colorizer', { weights, detail: work().detail });
  done = { ...done, after: false };
  await update();
}

function showWeights() {
  $('weights-shown').textContent = `Colours: ${colorizerWeights().name}. Enlarging: ${enlargerWeights().name}.`;
  $('weights-included').hidden = !own.colorizer && !own.enlarger;
}

// ---- Work => engine => view ---------------------------------------------------------------------

// Changes of one `name` that follow one another are one step of undo.
function change(values, name = null) {
  history.push({ ...work(), ...values }, name);
  changed();
}

function changed() {
  isSaved = false;
  clearTimeout(changed.timer);
  changed.timer = setTimeout(() => picture && keeper.writeWork(picture.hash, work()), KEEP_AFTER);
  show();
  attempt(update);
}

// One update at a time; another follows if the work has changed meanwhile.
async function update() {
  update.wanted = true;
  if (update.running) return update.running;
  const all = async () => {
    while (update.wanted) {
      update.wanted = false;
      await updateOnce(engine, work());
    }
  };
  update.running = all().finally(() => (update.running = null));
  return update.running;
}

async function updateOnce(current, wanted) {
  const isNew = (...keys) => keys.some((key) => done[key] !== wanted[key]);
  try {
    $('stage').setAttribute('aria-busy', 'true');
    if (isNew('turns', 'crop') || done.cropping !== cropping) await prepare(current, wanted);
    if (!cropping) {
      if (isNew('detail')) await setDetail(current, wanted.detail);
      const runs = isNew('points', 'detail') || done.after !== true;
      if (runs) await current.call('run', { points: network.takesHints ? wanted.points : [] }, showSlowly());
      if (runs || isNew('saturation', 'temperature')) view.showAfter(await current.call('paint', wanted));
      done = { ...done, ...wanted, after: true };
      detailLater();
    }
  } catch (error) {
    if (current === engine) throw error; // not that of a picture that was replaced
  } finally {
    if (!saver.isBusy) showProgress(null);
    $('stage').setAttribute('aria-busy', 'false');
    show();
  }
}

async function prepare(current, { turns, crop }) {
  const size = await current.call('prepare', { turns, crop: cropping ? null : crop });
  view.open(size);
  done = { ...done, turns, crop, cropping, after: false };
  if (cropping) showFrame(crop ?? { x: 0, y: 0, width: size.width, height: size.height });
}

async function setDetail(current, detail) {
  if (done.detail === undefined) return; // it was opened with this detail
  network = await current.call('colorizer', { detail });
}

// Shows the progress of a run that takes more than a moment.
function showSlowly() {
  const began = performance.now();
  return (value) => performance.now() - began > 400 && !saver.isBusy && showProgress(value);
}

// When the view is still: paints what is seen of a large picture at full size.
function detailLater() {
  clearTimeout(detailLater.timer);
  detailLater.timer = setTimeout(() => paintDetail().catch(({ message }) => warn(message)), DETAIL_AFTER);
}

async function paintDetail() {
  const { before, width, scale } = view, part = before && view.visible(), painted = done;
  if (!part || !done.after || part.width * part.height > DETAIL_PIXELS_MOST) return;
  if (before.width >= width || scale * devicePixelRatio <= (1.05 * before.width) / width) return;
  const current = engine, look = work();
  try {
    const [pixels, old] = await Promise.all([current.call('paint', { ...look, part }), current.call('cut', part)]);
    if (current === engine && painted === done) view.showDetail(part, old, pixels);
  } catch (error) {
    if (current === engine && painted === done) throw error;
  }
}

// ---- Points -------------------------------------------------------------------------------------

const selected = () => work().points[view.selected];
const usualRadius = () => Math.max(2, Math.round(Math.max(view.width, view.height) / 256));
const replaced = (index, values) => work().points.map((point, i) => (i === index ? { ...point, ...values } : point));

function select(index) {
  history.end();
  view.set({ selected: index });
  show();
}

function tapped(x, y) {
  if (view.picking) {
    chooser.chooseColour(view.colourAt(x, y));
    pick(false);
  } else if (network?.takesHints) {
    view.set({ selected: work().points.length });
    change({ points: [...work().points, { x, y, radius: usualRadius(), rgb: view.colourAt(x, y) }] });
  } else warn(`${network.network} takes no points; use weights of siggraph17.`);
}

function removePoint(index) {
  view.set({ selected: -1 });
  change({ points: work().points.filter((_, i) => i !== index) });
}

function pick(isOn) {
  view.picking = isOn;
  $('pick').setAttribute('aria-pressed', isOn);
  if (isOn) tell('Click on a colour in the picture.');
}

function loadPoints(name, text) {
  const points = pointsOf(text, name, view.width, view.height);
  view.set({ selected: -1 });
  change({ points });
  tell(`${name}: ${points.length} points`);
}

async function openReference(file) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name}: not a picture that this browser reads`);
  });
  const canvas = $('reference-picture'), shrink = Math.min(1, 1000 / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(bitmap.width * shrink));
  canvas.height = Math.max(1, Math.round(bitmap.height * shrink));
  canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  $('reference-dialog').showModal();
}

function pickFromReference(event) {
  const canvas = event.currentTarget;
  const x = (event.offsetX * canvas.width) / canvas.clientWidth, y = (event.offsetY * canvas.height) / canvas.clientHeight;
  chooser.chooseColour([...canvas.getContext('2d').getImageData(x, y, 1, 1).data.slice(0, 3)]);
  $('reference-dialog').close();
}

// ---- Turning and cropping -----------------------------------------------------------------------

function turn(turns) {
  const { points, crop } = work();
  let frame = crop;
  const isOdd = work().turns % 2;
  let [width, height] = isOdd ? [picture.height, picture.width] : [picture.width, picture.height];
  for (let i = 0; frame && i < turns; i++) {
    frame = { x: height - frame.y - frame.height, y: frame.x, width: frame.height, height: frame.width };
    [width, height] = [height, width];
  }
  change({ turns: (work().turns + turns) % 4, crop: frame, points: turned(points, turns, view.width, view.height) });
}

function setCropping(isOn) {
  cropping = isOn;
  view.set({ selected: -1, crop: null });
  show();
  return attempt(update);
}

function showFrame(crop) {
  view.set({ crop });
  for (const [key, value] of Object.entries(crop)) $(`crop-${key}`).value = value;
  const { width, height } = view;
  Object.assign($('crop-x'), { max: width - 1 });
  Object.assign($('crop-y'), { max: height - 1 });
  Object.assign($('crop-width'), { max: width });
  Object.assign($('crop-height'), { max: height });
}

function frameFromFields() {
  const number = (key, low, high) => Math.min(Math.max(Math.round(Number($(`crop-${key}`).value)) || 0, low), high);
  const x = number('x', 0, view.width - 1), y = number('y', 0, view.height - 1);
  return { x, y, width: number('width', 1, view.width - x), height: number('height', 1, view.height - y) };
}

function applyCrop() {
  const crop = frameFromFields(), old = work().crop ?? { x: 0, y: 0 };
  const isAll = crop.width === view.width && crop.height === view.height;
  const points = cropped(work().points.map((point) => ({ ...point, x: point.x + old.x, y: point.y + old.y })), crop);
  cropping = false;
  view.set({ crop: null });
  change({ crop: isAll ? null : crop, points });
}

// ---- Saving -------------------------------------------------------------------------------------

const factor = () => Number($('factor').value);
const names = () => namesOf(picture, factor(), $('format').value);

async function save(name, isColoured, times) {
  const wanted = work();
  tell(`Saving ${name}`);
  showProgress(0, true);
  try {
    const job = { picture, work: wanted, name, isColoured, factor: times };
    download(name, await saver.make(job, (value) => showProgress(value, true)));
    tell(`Saved ${name}`);
    if (isColoured && wanted === work()) isSaved = true;
  } catch (error) {
    tell(picture.name);
    throw error;
  } finally {
    if (!saver.isBusy) showProgress(null);
  }
}

// ---- Controls -----------------------------------------------------------------------------------

// Brings all controls in line with the work.
function show() {
  const { points, saturation, temperature, detail } = work(), isReady = picture !== null && !cropping;
  view.set({ points });
  if (view.selected >= points.length) view.set({ selected: -1 });
  for (const element of document.querySelectorAll('[data-needs=picture]')) element.disabled = !isReady;
  $('undo').disabled = !isReady || !history.canUndo;
  $('redo').disabled = !isReady || !history.canRedo;
  $('cropping').hidden = !cropping;
  $('splitting').hidden = cropping;
  for (const [id, value] of Object.entries({ saturation, temperature, detail })) $(id).value = value;
  $('saturation-shown').value = saturation.toFixed(2);
  $('temperature-shown').value = temperature;
  showPoint();
  if (isReady) $('command').value = commandText(picture, work(), network, factor(), $('format').value);
}

function showPoint() {
  const point = selected();
  $('point').disabled = !point;
  $('point-help').textContent = point
    ? `Point ${view.selected + 1} of ${work().points.length}, at ${point.x}, ${point.y}.`
    : 'Click on a thing in the picture to put a point there.';
  if (!point) return;
  $('radius').max = Math.max(60, 4 * usualRadius(), point.radius);
  $('radius').value = point.radius;
  $('radius-shown').value = `${point.radius} pixels`;
  // While a person chooses, the chooser is ahead of the point.
  if (!isChoosing) chooser.show(labFromRgb(view.colourAt(point.x, point.y))[0], point.rgb);
}

const view = new View($('picture'), {
  tap: tapped,
  select,
  remove: removePoint,
  move: (index, x, y) => change({ points: replaced(index, { x, y }) }, `move ${index}`),
  moved: () => history.end(),
  frame: showFrame,
  looked: detailLater,
});

const chooser = new Chooser(
  { plane: $('plane'), mark: $('plane-mark'), a: $('a'), b: $('b'), text: $('hex'), grey: $('grey'), recent: $('recent') },
  keeper.read('recent') ?? [],
  (rgb, isFinal) => {
    isChoosing = true;
    change({ points: replaced(view.selected, { rgb }) }, `colour ${view.selected}`);
    isChoosing = false;
    if (isFinal) history.end();
    if (isFinal) keeper.write('recent', chooser.recent);
  },
);

// An input of files that can take the same file again.
function onFile(id, action) {
  $(id).addEventListener('change', (event) => {
    const files = [...event.target.files];
    event.target.value = '';
    if (files.length) attempt(() => action(files));
  });
}

function onClick(id, action) {
  $(id).addEventListener('click', () => attempt(action));
}

function onSlider(id, key) {
  $(id).addEventListener('input', (event) => change({ [key]: Number(event.target.value) }, key));
  $(id).addEventListener('change', () => history.end());
}

function connect() {
  for (const id of ['file', 'camera']) onFile(id, openFiles);
  onFile('weights', openFiles);
  onFile('points-load', async ([file]) => loadPoints(file.name, await file.text()));
  onFile('reference', ([file]) => openReference(file));
  onClick('continue', continueLast);
  onClick('left', () => turn(3));
  onClick('right', () => turn(1));
  onClick('crop', () => setCropping(true));
  onClick('crop-cancel', () => setCropping(false));
  onClick('undo', () => move(-1));
  onClick('redo', () => move(1));
  onClick('in', () => view.zoom(1.5));
  onClick('out', () => view.zoom(1 / 1.5));
  onClick('fit', () => view.fit());
  onClick('pick', () => pick(!view.picking));
  onClick('remove', () => removePoint(view.selected));
  for (const id of ['save', 'save-now']) onClick(id, () => save(names().result, true, factor()));
  onClick('prepared-save', () => save(names().prepared, false, 1));
  onClick('points-save', () => download(names().points, textOf(work().points)));
  onClick('points-clear', () => change({ points: [] }));
  onClick('command-copy', copyCommand);
  onClick('weights-included', useIncluded);
  onClick('cancel', () => saver.cancel());
  onClick('alert-close', () => undefined);
  onSlider('saturation', 'saturation');
  onSlider('temperature', 'temperature');
  $('detail').addEventListener('change', (event) => change({ detail: Number(event.target.value) }));
  $('radius').addEventListener('input', (event) =>
    change({ points: replaced(view.selected, { radius: Number(event.target.value) }) }, `radius ${view.selected}`));
  for (const id of ['format', 'factor']) $(id).addEventListener('change', show);
  $('split').addEventListener('input', (event) => view.set({ split: event.target.value / 100 }));
  $('reference-picture').addEventListener('click', pickFromReference);
  $('cropping').addEventListener('submit', (event) => (event.preventDefault(), applyCrop()));
  $('cropping').addEventListener('input', () => view.set({ crop: frameFromFields() }));
}

function move(steps) {
  history.move(steps);
  changed();
}

async function copyCommand() {
  $('command').select();
  await navigator.clipboard.writeText($('command').value).catch(() => document.execCommand('copy'));
  tell('Copied');
}

// The picture before, as long as a button or key is held.
function holdBefore(isHeld) {
  view.set({ split: isHeld ? 1 : $('split').value / 100 });
}

function connectHolding() {
  const button = $('compare');
  for (const name of ['pointerdown', 'keydown']) button.addEventListener(name, () => holdBefore(true));
  for (const name of ['pointerup', 'pointerleave', 'keyup', 'blur']) button.addEventListener(name, () => holdBefore(false));
}

function connectDocument() {
  const isTyping = ({ target }) => target.matches('input[type=text], input[type=number], textarea, select');
  document.addEventListener('keydown', (event) => {
    if (!picture || cropping || isTyping(event)) return;
    const key = event.key.toLowerCase(), isControl = event.ctrlKey || event.metaKey;
    if (key === 'c' && !isControl) holdBefore(true);
    const steps = { z: event.shiftKey ? 1 : -1, y: 1 }[key];
    if (!isControl || !steps) return;
    event.preventDefault();
    if (steps < 0 ? history.canUndo : history.canRedo) move(steps);
  });
  document.addEventListener('keyup', (event) => event.key.toLowerCase() === 'c' && holdBefore(false));
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragged');
  });
  document.addEventListener('dragleave', () => document.body.classList.remove('dragged'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('dragged');
    attempt(() => received(event.dataTransfer));
  });
  document.addEventListener('paste', (event) => {
    if (!isTyping(event)) attempt(() => received(event.clipboardData));
  });
  addEventListener('beforeunload', (event) => {
    if (!isSaved || saver.isBusy) event.preventDefault();
  });
}

function received(data) {
  const files = [...data.files];
  if (files.length) return openFiles(files);
  throw new Error('Text was dropped or pasted; expected a picture.');
}

async function begin() {
  if (!hasSimd()) {
    $('unsupported').hidden = false;
    return;
  }
  connect();
  connectHolding();
  connectDocument();
  show();
  const weights = await keeper.readFile('weights'), last = await keeper.readFile('picture');
  Object.assign(own, weights ?? {});
  $('continue').hidden = !last;
  if (last) $('continue').textContent = `Continue with ${last.name}`;
  showWeights();
}

begin();
