import { constants, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { serve } from './fault-service.js'
import { makeFifo } from './fifo.js'

await serve((order) => {
  if (order.isDue()) readOrders(order.folder)
  else statSync(order.folder)
})

/** Both ends are open in this process, so that opening does not wait; nobody writes. */
function readOrders(folder: string): number {
  const fifo = openSync(makeFifo(join(folder, 'orders')), constants.O_RDWR)
  return readSync(fifo, Buffer.alloc(100))
}
