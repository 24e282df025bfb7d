import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { serve } from './fault-service.js'
import { makeFifo } from './fifo.js'

/** As many as libuv's pool has, unless UV_THREADPOOL_SIZE says otherwise. */
const poolSize = Number(process.env.UV_THREADPOOL_SIZE ?? 4)

await serve(async (order) => {
  if (order.isDue()) openFeeds(order.folder)
  await stat(order.folder)
})

/** Opening a FIFO for reading waits until somebody opens it for writing. */
function openFeeds(folder: string): void {
  for (let feed = 0; feed < poolSize; feed++) void open(makeFifo(join(folder, `feed-${feed}`)))
}
