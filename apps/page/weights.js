// The weights in use, {bytes, name}: the included ones, or those that the person chose, which are kept.
import { Engine, includedWeights, LimnError } from './engine.js';

const COLORIZER = 'siggraph17-photos', ENLARGER = 'enhancenet';
const COLORIZERS = ['eccv16', 'siggraph17', 'vae'];

export const own = { colorizer: null, enlarger: null };

export const colorizerWeights = () => own.colorizer ?? includedWeights(COLORIZER);
export const enlargerWeights = () => own.enlarger ?? includedWeights(ENLARGER);

// As -m of the program.
export const colorizerName = () => own.colorizer?.name ?? COLORIZER;
export const enlargerName = () => own.enlarger?.name ?? ENLARGER;

// What weights are for: 'colorizer' or 'enlarger', and the name of their network. Checks them as a whole.
export async function roleOf(weights) {
  const checker = await Engine.create();
  const network = await checker.call('network', weights).finally(() => checker.terminate());
  if (network === 'enhancenet') return { role: 'enlarger', network };
  if (COLORIZERS.includes(network)) return { role: 'colorizer', network };
  const text = `${weights.name}: expected weights of ${COLORIZERS.join(', ')} or enhancenet, found ${network}`;
  throw new LimnError({ status: 0, reason: 0, text });
}
