// Makes one call of limn.wasm under node and prints a report: node wasm_module.mjs MODULE JOB, where JOB is JSON:
//
//     weights, picture   files; no picture: generate
//     call, options      the function after limn_image_, and its arguments after model and image
//     hints              for colorize: six numbers each
//     output             a file to write; .raw: the pixels
//     times              how often to load the model, make the call, and free both (default 1)
//     stack              bytes of stack that are left; without it, all
//     cancel             the number of the progress call that returns 0
import { readFileSync, writeFileSync } from 'node:fs';
import { load } from './wasm_memory.mjs';

const [file, text] = process.argv.slice(2), job = JSON.parse(text);
const report = { progress: [], memory: [] };
const progress = (done) => (report.progress.push(done), report.progress.length !== job.cancel);
const { limn, view, put, putText, putInts, pixels, textAt } = await load(file, progress);
if (job.stack) limn.__stack_pointer.value = job.stack;

function write(image, source) {
  if (job.output.endsWith('.raw')) {
    writeFileSync(job.output, pixels(image));
    return true;
  }
  const name = putText(job.output), bytes = limn.limn_image_encode(image, name, 92, source, 0);
  if (bytes) writeFileSync(job.output, view(bytes, limn.limn_encoded_size()));
  limn.limn_bytes_free(bytes), limn.limn_bytes_free(name);
  return bytes !== 0;
}

function make(model, source) {
  const hints = putInts((job.hints ?? []).flat());
  const images = job.picture ? [source] : [], more = job.call === 'colorize' ? [hints, (job.hints ?? []).length] : [];
  const image = limn[`limn_image_${job.call}`](model, ...images, ...more, ...job.options);
  limn.limn_bytes_free(hints);
  return image;
}

function run() {
  const bytes = readFileSync(job.weights), weights = put(bytes), name = putText(job.weights);
  const picture = job.picture ? readFileSync(job.picture) : new Uint8Array(0), coded = put(picture);
  const model = limn.limn_model_open(weights, bytes.length, name);
  const source = model && job.picture ? limn.limn_image_decode(coded, picture.length, name) : 0;
  const image = model && (source || !job.picture) ? make(model, source) : 0;
  const done = image !== 0 && write(image, source);
  if (!done) report.failure = [limn.limn_failure_status(), textAt(limn.limn_failure_message())];
  if (model) report.network = textAt(limn.limn_model_name(model));
  const count = limn.limn_classes_count(model);
  report.classes = [...Array(count).keys()].map((i) => [
    textAt(limn.limn_class_name(model, i)), limn.limn_class_colour(model, i)]);
  limn.limn_image_free(image), limn.limn_image_free(source), limn.limn_model_free(model);
  [weights, name, coded].forEach(limn.limn_bytes_free);
  report.memory.push(limn.memory.buffer.byteLength);
}

try {
  for (let i = 0; i < (job.times ?? 1); i++) run();
} catch (error) {
  report.trap = String(error);
}
console.log(JSON.stringify(report));
