// Runs limn-cli.wasm under node: node wasm_program.mjs PROGRAM GRANTED WORDS... It sees the current folder as "." and
// the folder GRANTED under its own name.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [program, granted, ...words] = process.argv.slice(2);
const preopens = { '.': '.', [granted]: granted };
const args = ['limn', ...words];
const wasi = new WASI({ version: 'preview1', args, env: process.env, preopens, returnOnExit: true });
const { instance } = await WebAssembly.instantiate(readFileSync(program), wasi.getImportObject());
process.exitCode = wasi.start(instance);
