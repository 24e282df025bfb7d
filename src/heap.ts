import { setFlagsFromString } from 'node:v8'

/**
 * Asks V8 not to widen the space for young objects. A supervisor allocates much at start and next to nothing for a heartbeat; without this
 * the space that the start took stays taken: about 100 instead of under 60 MB above idle with 10,000 services (bench/scale.mjs), and no
 * less CPU time a beat. Called first, before the heap has grown.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
