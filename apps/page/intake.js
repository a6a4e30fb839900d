// Files from a person: what they are, and pictures of formats that limn leaves to the browser.

export const PIXELS_MOST = 40e6;

const starts = (bytes, ...codes) => codes.every((code, i) => bytes[i] === code);
const wordAt = (bytes, at, word) => [...word].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));

// Of a file's first bytes: 'limn' for a picture that limn reads, 'tiff', 'weights', 'text', or 'other', which may be a
// picture that the browser reads.
export function kindOf(bytes) {
  const isPnm = bytes[0] === 80 && bytes[1] >= 49 && bytes[1] <= 55 && (bytes[2] <= 32 || bytes[2] === 35);
  if (starts(bytes, 0x89, 80, 78, 71) || starts(bytes, 0xff, 0xd8) || wordAt(bytes, 0, 'BM') || isPnm) return 'limn';
  if (starts(bytes, 73, 73, 42, 0) || starts(bytes, 77, 77, 0, 42) || starts(bytes, 73, 73, 43, 0)) return 'tiff';
  if (bytes.length > 9 && bytes[8] === 123 && starts(bytes.subarray(4), 0, 0, 0, 0)) return 'weights';
  if (!bytes.some((code) => code < 9 || (code > 13 && code < 32))) return 'text';
  return 'other';
}

function formatOf(bytes) {
  if (wordAt(bytes, 0, 'RIFF') && wordAt(bytes, 8, 'WEBP')) return 'WebP';
  if (wordAt(bytes, 4, 'ftyp')) return { heic: 'HEIC', heix: 'HEIC', mif1: 'HEIC', avif: 'AVIF' }[
    String.fromCharCode(...bytes.subarray(8, 12))] ?? 'a video or picture in an ISO container';
  if (wordAt(bytes, 0, 'GIF8')) return 'GIF';
  if (wordAt(bytes, 0, '%PDF')) return 'PDF';
  return 'an unknown format';
}

// The size of a PNG or JPEG from its header, in pixels; 0 for another file. A large one is refused before it is decoded.
export function pixelsIn(bytes) {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (starts(bytes, 0x89, 80, 78, 71) && bytes.length >= 24) return data.getUint32(16) * data.getUint32(20);
  for (let at = 2; starts(bytes, 0xff, 0xd8) && at + 9 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return data.getUint16(at + 5) * data.getUint16(at + 7);
    at += marker === 0xff ? 1 : 2 + data.getUint16(at + 2);
  }
  return 0;
}

// Decodes with the browser, without colour management: {pixels (RGBA), width, height}. Canvas memory is premultiplied,
// which changes colours of half-transparent pixels by rounding.
export async function decodedByBrowser(file, bytes) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch {
    throw new Error(`${file.name}: not a picture that limn or this browser reads (found ${formatOf(bytes)}); ` +
      'convert it to PNG or JPEG');
  }
  const { width, height } = bitmap;
  checkSize(file.name, width * height);
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { pixels: context.getImageData(0, 0, width, height).data, width, height };
}

export function checkSize(name, pixels) {
  const millions = (count) => Math.round(count / 1e6);
  if (pixels > PIXELS_MOST)
    throw new Error(`${name}: ${millions(pixels)} megapixels; expected at most ${millions(PIXELS_MOST)}. ` +
      'Make it smaller, or use the limn program');
}

// What an engine's call `open` takes for a picture file.
export async function pictureOf(file, bytes) {
  const kind = kindOf(bytes), { name } = file;
  if (bytes.length === 0) throw new Error(`${name}: the file is empty`);
  if (kind === 'tiff') throw new Error(`${name}: limn does not read TIFF; save it as PNG or JPEG with your picture viewer`);
  if (kind === 'text') throw new Error(`${name}: a text; expected a picture`);
  if (kind !== 'limn') return { ...(await decodedByBrowser(file, bytes)), name };
  checkSize(name, pixelsIn(bytes));
  return { file: bytes, name };
}
