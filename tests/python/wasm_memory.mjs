// limn.wasm under node: its functions, and bytes and texts in its memory.
import { readFileSync } from 'node:fs';

export async function load(file, progress) {
  const { instance } = await WebAssembly.instantiate(readFileSync(file), { limn: { progress } });
  const limn = instance.exports;
  limn._initialize();
  const view = (at, size) => new Uint8Array(limn.memory.buffer, at >>> 0, size);
  const put = (bytes) => {
    const at = limn.limn_bytes_create(bytes.length);
    if (at) view(at, bytes.length).set(bytes);
    return at;
  };
  const textAt = (at) => {
    const rest = view(at, limn.memory.buffer.byteLength - (at >>> 0));
    return new TextDecoder().decode(rest.slice(0, rest.indexOf(0)));
  };
  const pixels = (image) => view(limn.limn_image_pixels(image),
    limn.limn_image_width(image) * limn.limn_image_height(image) * limn.limn_image_channels(image));
  return { limn, view, put, textAt, pixels, putText: (words) => put(new TextEncoder().encode(words + '\0')),
    putInts: (numbers) => put(new Uint8Array(new Int32Array(numbers).buffer)) };
}
