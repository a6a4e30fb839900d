// The limn commands that repeat the page's picture.

const quoted = (word) => (/^[\w./+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

// picture: the file's name; result: that of the picture to write; hints: that of the saved points, or null.
export function commandOf({ picture, hints, result, weights, enlarger, look, detail, factor, quality }) {
  const words = ['limn', 'colorize', '-m', weights, picture];
  if (hints) words.push('--hints', hints);
  if (look.saturation !== 1) words.push('--saturation', String(look.saturation));
  if (look.temperature !== 0) words.push('--temperature', String(look.temperature));
  if (detail) words.push('--network-size', String(detail));
  const isJpeg = /\.jpe?g$/i.test(result), between = factor > 1 ? result.replace(/(-\dx)?\.\w+$/, '.png') : result;
  const format = isJpeg ? ['--quality', String(quality)] : [];
  words.push(...(factor > 1 ? [] : format), '-o', between);
  if (factor === 1) return words.map(quoted).join(' ');
  const more = ['limn', 'upscale', '-m', enlarger, between, '--scale', String(factor), ...format, '-o', result];
  return [words, more].map((line) => line.map(quoted).join(' ')).join('\n');
}
