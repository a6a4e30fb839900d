// Calls functions of limn.wasm under node: node wasm_calls.mjs MODULE < CALLS, where CALLS is a JSON list of lists:
//
//     [name, function, argument, ...]   argument: a number, a list of ints, the name of an earlier result, or a text
//     [name, "read", file]              the file's bytes, and their number as "name.size"
//     ["", "write", image, file]        the pixels, or with .png a PNG with the image's metadata
//     ["", "cancel", number]            that progress call from now on returns 0
//
// Prints a report of each call: what it returned, the failure if that is 0, its progress calls, and the memory.
import { readFileSync, writeFileSync } from 'node:fs';
import { load } from './wasm_memory.mjs';

let progress = [], cancel = 0;
const show = (done) => (progress.push(done), --cancel !== 0);
const { limn, view, put, putText, putInts, pixels, textAt } = await load(process.argv[2], show);
const results = {};

function call(name, ...values) {
  const lent = [], lend = (at) => (lent.push(at), at);
  const given = (value) => typeof value === 'number' ? value
    : Array.isArray(value) ? lend(putInts(value)) : results[value] ?? lend(putText(value));
  const result = limn[name](...values.map(given));
  lent.forEach(limn.limn_bytes_free);
  return result;
}

const special = {
  read: (name, file) => put(readFileSync(file)),
  cancel: (name, number) => (cancel = number),
  write: (name, image, file) => {
    const png = file.endsWith('.png') && call('limn_image_encode', image, file, 0, image, 0);
    writeFileSync(file, png ? view(png, limn.limn_encoded_size()) : pixels(results[image]));
    if (png) limn.limn_bytes_free(png);
    return 1;
  },
};

const reports = JSON.parse(readFileSync(0, 'utf8')).map(([name, what, ...values]) => {
  progress = [];
  const value = special[what]?.(name, ...values) ?? call(what, ...values);
  results[name] = value;
  if (what === 'read') results[`${name}.size`] = readFileSync(values[0]).length;
  const failure = value === 0 ? [limn.limn_failure_status(), textAt(limn.limn_failure_message())] : undefined;
  return { value, failure, progress, memory: limn.memory.buffer.byteLength };
});
console.log(JSON.stringify(reports));
