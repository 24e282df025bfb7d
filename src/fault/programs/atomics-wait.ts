import { serve } from './fault-service.js'

const turn = new Int32Array(new SharedArrayBuffer(4))

await serve((order) => {
  if (order.isDue()) waitForTurn()
})

/** Whoever should notify has ended. */
function waitForTurn(): void {
  Atomics.wait(turn, 0, 0)
}
