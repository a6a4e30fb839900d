// The worker of the page: owns limn.wasm and the picture, and answers calls of engine.js one at a time.
//
//     in    {id, call, argument}
//     out   {id, result}, or {id, failure: {status, reason, text}}; before that {id, done: 0..1} while a network runs
//
// Pictures leave as {width, height, pixels}, with pixels RGBA for ImageData, and are transferred.

let limn; // what limn.wasm exports; apps/wasm/module.h documents it
let running = 0; // id of the call
let shown = 0; // when its progress was posted last
const state = { file: 0, model: 0, colorizer: 0, original: 0, prepared: 0, small: 0, detail: 0 };

const PROGRESS_EVERY = 50; // ms
const SMALL_SIDE = 1200; // of the picture that is painted at every answer

// ---- Memory of the module -----------------------------------------------------------------------

const view = (at, size) => new Uint8Array(limn.memory.buffer, at >>> 0, size);

function textAt(at) {
  const rest = view(at, limn.memory.buffer.byteLength - (at >>> 0));
  return new TextDecoder().decode(rest.slice(0, rest.indexOf(0)));
}

class Failure extends Error {
  constructor() {
    super(textAt(limn.limn_failure_message()));
    this.status = limn.limn_failure_status();
    this.reason = limn.limn_failure_reason();
  }
}

// A result of limn.wasm, in which 0 is a failure.
function made(result) {
  if (!result) throw new Failure();
  return result;
}

function put(bytes) {
  const at = made(limn.limn_bytes_create(Math.max(1, bytes.length)));
  view(at, bytes.length).set(bytes);
  return at;
}

// Calls work(pointers...) with copies of `parts`, bytes or texts, which live as long as the call.
function lent(parts, work) {
  const pointers = [];
  try {
    for (const part of parts) pointers.push(put(typeof part === 'string' ? new TextEncoder().encode(part + '\0') : part));
    return work(...pointers);
  } finally {
    pointers.forEach(limn.limn_bytes_free);
  }
}

// ---- Pictures -----------------------------------------------------------------------------------

const sizeOf = (image) => ({ width: limn.limn_image_width(image), height: limn.limn_image_height(image) });

function pixelsOf(image) {
  const { width, height } = sizeOf(image), channels = limn.limn_image_channels(image);
  const from = view(limn.limn_image_pixels(image), width * height * channels);
  if (channels === 4) return { width, height, pixels: new Uint8ClampedArray(from) };
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let i = 0, j = 0; j < pixels.length; i += 3, j += 4) {
    pixels[j] = from[i];
    pixels[j + 1] = from[i + 1];
    pixels[j + 2] = from[i + 2];
    pixels[j + 3] = 255;
  }
  return { width, height, pixels };
}

// The pixels of an image, which is freed.
function taken(image) {
  const pixels = pixelsOf(made(image));
  limn.limn_image_free(image);
  return pixels;
}

function forgetPrepared() {
  if (state.small !== state.prepared) limn.limn_image_free(state.small);
  if (state.prepared !== state.original) limn.limn_image_free(state.prepared);
  state.small = state.prepared = 0;
}

function isOpaque(rgba) {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] !== 255) return false;
  return true;
}

function rgbFrom(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let i = 0, j = 0; i < rgb.length; i += 3, j += 4) {
    rgb[i] = rgba[j];
    rgb[i + 1] = rgba[j + 1];
    rgb[i + 2] = rgba[j + 2];
  }
  return rgb;
}

function colorized({ saturation, temperature }, picture, part) {
  const { x, y, width, height } = part ?? { x: 0, y: 0, ...sizeOf(picture) };
  return made(limn.limn_colorizer_paint(state.colorizer, picture, x, y, width, height, saturation - 1, temperature));
}

function modelOf({ bytes, name }) {
  const file = put(bytes);
  const model = lent([name], (text) => limn.limn_model_open(file, bytes.length, text));
  if (model) return { file, model };
  const failure = new Failure();
  limn.limn_bytes_free(file);
  throw failure;
}

function freeModel({ file, model, colorizer }) {
  limn.limn_colorizer_free(colorizer ?? 0);
  limn.limn_model_free(model);
  limn.limn_bytes_free(file);
}

// ---- Calls --------------------------------------------------------------------------------------

const calls = {
  // Must be the first. module: a WebAssembly.Module of limn.wasm.
  async start({ module }) {
    const progress = (done) => {
      const now = performance.now();
      if (now - shown > PROGRESS_EVERY) postMessage({ id: running, done });
      if (now - shown > PROGRESS_EVERY) shown = now;
      return 1;
    };
    limn = (await WebAssembly.instantiate(module, { limn: { progress } })).exports;
    limn._initialize();
  },

  // weights: {bytes, name} of a safetensors file, or none for those in use; detail: the network's size, which is fixed for
  // the vae. If they fail, the earlier ones stay. Returns {network, takesHints}.
  colorizer({ weights, detail }) {
    const next = weights ? modelOf(weights) : { file: state.file, model: state.model };
    const network = textAt(limn.limn_model_name(next.model));
    const colorizer = limn.limn_colorizer_create(next.model, network === 'vae' ? 0 : detail);
    if (!colorizer) {
      const failure = new Failure();
      if (weights) freeModel(next);
      throw failure;
    }
    if (weights) freeModel(state);
    else limn.limn_colorizer_free(state.colorizer);
    Object.assign(state, next, { colorizer });
    return { network, takesHints: limn.limn_colorizer_takes_hints(colorizer) !== 0 };
  },

  // The name of the network in a weights file, which is checked as a whole.
  network(weights) {
    const opened = modelOf(weights), name = textAt(limn.limn_model_name(opened.model));
    freeModel(opened);
    return name;
  },

  // file: the bytes of a picture that limn reads; or pixels, RGBA, of one that the browser has decoded.
  open({ file, pixels, width, height, name }) {
    if (file) {
      state.original = made(lent([file, name], (bytes, text) => limn.limn_image_decode(bytes, file.length, text)));
    } else {
      const samples = isOpaque(pixels) ? rgbFrom(pixels) : pixels;
      state.original = made(limn.limn_image_create(width, height, samples.length / (width * height)));
      view(limn.limn_image_pixels(state.original), samples.length).set(samples);
    }
    return { ...sizeOf(state.original), warning: textAt(limn.limn_image_warning(state.original)) };
  },

  // Turns the picture clockwise, then crops it. Returns its size, and the pixels of a smaller one for the screen.
  prepare({ turns, crop }) {
    forgetPrepared();
    let image = turns ? made(limn.limn_image_rotate(state.original, turns)) : state.original;
    if (crop) {
      const whole = image;
      image = limn.limn_image_crop(whole, crop.x, crop.y, crop.width, crop.height);
      if (whole !== state.original) limn.limn_image_free(whole);
    }
    state.prepared = made(image);
    const { width, height } = sizeOf(image);
    state.small = Math.max(width, height) > SMALL_SIDE ? made(limn.limn_image_reduce(image, SMALL_SIDE)) : image;
    return { width, height, before: pixelsOf(state.small) };
  },

  // Finds the colours. points: of points.js.
  run({ points }) {
    const numbers = points.flatMap(({ x, y, radius, rgb }) => [x, y, radius, ...rgb]);
    const hints = new Uint8Array(new Int32Array(numbers).buffer);
    made(lent([hints], (at) => limn.limn_colorizer_run(state.colorizer, state.prepared, at, points.length, -1)));
  },

  // Paints the small picture, or a part of the large one, with the colours of the last run.
  paint({ saturation, temperature, part }) {
    return taken(colorized({ saturation, temperature }, part ? state.prepared : state.small, part));
  },

  // A part of the picture without new colours.
  cut({ x, y, width, height }) {
    return taken(limn.limn_image_crop(state.prepared, x, y, width, height));
  },

  // A file of the picture: colorized, if `look` has saturation and temperature, and enlarged, if `enlarger` has weights
  // and a factor. The extension of `name` is its format.
  save({ look, enlarger, name, quality, software }) {
    let image = look ? colorized(look, state.prepared) : state.prepared;
    if (enlarger) {
      const opened = modelOf(enlarger), large = limn.limn_image_upscale(opened.model, image, enlarger.factor);
      freeModel(opened);
      if (look) limn.limn_image_free(image);
      image = made(large);
    }
    const bytes = made(lent([name, software], (text, made_by) =>
      limn.limn_image_encode(image, text, quality, state.prepared, made_by)));
    if (image !== state.prepared) limn.limn_image_free(image);
    const file = view(bytes, limn.limn_encoded_size()).slice();
    limn.limn_bytes_free(bytes);
    return file;
  },

  // Bytes of the module's memory, for tests.
  memory: () => limn.memory.buffer.byteLength,
};

function buffersOf(result) {
  return [result, result?.pixels, result?.before?.pixels].filter(ArrayBuffer.isView).map((array) => array.buffer);
}

onmessage = async ({ data: { id, call, argument } }) => {
  running = id;
  try {
    const result = await calls[call](argument);
    postMessage({ id, result }, buffersOf(result));
  } catch (error) {
    const { status = 0, reason = 0, message } = error;
    postMessage({ id, failure: { status, reason, text: message } });
  }
};
