// limn in a Worker. An engine holds one picture and one colorizer; terminate() frees all of its memory at once, also in
// the middle of a call, which is how work is cancelled: a Worker reads no messages while a network runs.

const inPage = (id) => document.getElementById(id).textContent;

function bytesOf(id) {
  const text = inPage(id);
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// What build.py put into the page.
let workerAddress, module;
const included = {};

export function includedWeights(name) {
  return (included[name] ??= { bytes: bytesOf(name), name: inPage(`${name}-name`) });
}

// The smallest module with an instruction of WebAssembly SIMD: v128.const is in the body of its function.
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 22, 1, 20, 0, 253, 12,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11,
]);
export const hasSimd = () => typeof WebAssembly === 'object' && WebAssembly.validate(SIMD_PROBE);

// A call of limn that failed. status and reason are those of limn.h; status 0 is a failure of the page.
export class LimnError extends Error {
  constructor({ status, reason, text }) {
    super(text);
    Object.assign(this, { status, reason });
  }
}

export class Engine {
  // Resolves to an engine without a picture or colorizer.
  static async create() {
    workerAddress ??= URL.createObjectURL(new Blob([inPage('worker')], { type: 'text/javascript' }));
    module ??= WebAssembly.compile(bytesOf('wasm'));
    const engine = new Engine();
    await engine.call('start', { module: await module });
    return engine;
  }

  constructor() {
    this.worker = new Worker(workerAddress);
    this.waiting = new Map();
    this.last = 0;
    this.worker.onmessage = ({ data }) => this.answer(data);
    this.worker.onerror = ({ message }) => this.fail(message || 'the worker stopped');
  }

  // Calls a function of worker.js. onProgress is called with 0 to 1 while a network runs.
  call(call, argument, onProgress) {
    return new Promise((resolve, reject) => {
      const id = ++this.last;
      this.waiting.set(id, { resolve, reject, onProgress });
      this.worker.postMessage({ id, call, argument });
    });
  }

  answer({ id, result, failure, done }) {
    const { resolve, reject, onProgress } = this.waiting.get(id);
    if (done !== undefined) {
      onProgress?.(done);
      return;
    }
    this.waiting.delete(id);
    if (failure) reject(new LimnError(failure));
    else resolve(result);
  }

  fail(text) {
    for (const { reject } of this.waiting.values()) reject(new LimnError({ status: 0, reason: 0, text }));
    this.waiting.clear();
  }

  terminate() {
    this.worker.terminate();
    this.fail('cancelled');
  }
}
