// Files for the person: pictures, points, and the commands that make the same picture.
import { commandOf } from './command.js';
import { Engine } from './engine.js';
import { checkSize } from './intake.js';
import { colorizerName, colorizerWeights, enlargerName, enlargerWeights } from './weights.js';

const QUALITY = 92; // of a JPEG, as the program's
const software = document.querySelector('meta[name=generator]').content;

// The names of what is saved of a picture.
export function namesOf(picture, factor, format) {
  const base = picture.name.replace(/\.[^.]*$/, ''), size = factor > 1 ? `-${factor}x` : '';
  return {
    result: `${base}-colorized${size}.${format}`,
    prepared: `${base}-prepared.png`,
    points: `${base}-points.txt`,
  };
}

export function download(name, ...parts) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(parts));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60e3);
}

// An engine with a picture and a colorizer: {engine, colorizer, opened}. input: see the engine's call `open`.
export async function engineWith(input, detail, onCreate = () => {}) {
  const engine = await Engine.create();
  onCreate(engine);
  try {
    const colorizer = await engine.call('colorizer', { weights: colorizerWeights(), detail });
    const opened = await engine.call('open', input);
    checkSize(input.name, opened.width * opened.height);
    return { engine, colorizer, opened };
  } catch (error) {
    engine.terminate();
    throw error;
  }
}

// Makes the file of a picture in an engine of its own, so that terminate() stops it and all of its memory is freed. Only
// one at a time.
export class Saver {
  get isBusy() {
    return this.engine !== undefined;
  }

  // Without `isColoured`, the prepared picture alone. Resolves to bytes.
  async make({ picture, work, name, isColoured, factor }, onProgress) {
    if (this.isBusy) throw new Error('Another picture is being saved.');
    this.engine = null;
    try {
      const { colorizer } = await engineWith(picture.input, work.detail, (engine) => (this.engine = engine));
      await this.engine.call('prepare', work);
      const points = colorizer.takesHints ? work.points : [];
      if (isColoured) await this.engine.call('run', { points }, (done) => onProgress(0.2 * done));
      const enlarger = factor > 1 ? { ...enlargerWeights(), factor } : null, look = isColoured ? work : null;
      const job = { look, enlarger, name, quality: QUALITY, software };
      return await this.engine.call('save', job, (done) => onProgress(0.2 + 0.8 * done));
    } finally {
      this.engine?.terminate();
      this.engine = undefined;
    }
  }

  cancel() {
    this.engine?.terminate();
  }
}

const isPrepared = (picture, { turns, crop }) => turns !== 0 || crop !== null || !picture.input.file;

export function commandText(picture, work, network, factor, format) {
  const names = namesOf(picture, factor, format), { saturation, temperature, detail, points } = work;
  return commandOf({
    picture: isPrepared(picture, work) ? names.prepared : picture.name,
    hints: points.length && network.takesHints ? names.points : null,
    result: names.result,
    weights: colorizerName(),
    enlarger: enlargerName(),
    look: { saturation, temperature },
    detail: detail === 256 || network.network === 'vae' ? 0 : detail,
    factor,
    quality: QUALITY,
  });
}
