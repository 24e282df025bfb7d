// A healthy Node service that knows nothing of hangdog: the preload beats for it. It does odd but legal things on order.
// usage: subject.mjs ORDERS, a socket to make for orders, one line each. With PORT it also answers HTTP.
import { createServer as createWeb } from 'node:http'
import { createServer } from 'node:net'

const deeds = {
  pid: () => undefined,
  hang: () => {
    for (;;);
  },
  work: spin,
  garbage: collectGarbage,
}

createServer((client) => {
  client.on('error', () => undefined)
  client.once('data', (line) => {
    const [order, number] = line.toString().trim().split(' ')
    const deed = deeds[order]
    if (deed === undefined) throw new Error(`no such order: ${order}`)
    // The answer leaves before the deed begins.
    client.end(`${process.pid} ${Date.now()}`, () => setTimeout(() => deed(Number(number)), 5))
  })
}).listen(process.argv[2])

if (process.env.PORT !== undefined) {
  createWeb((_request, response) => response.end('well')).listen(Number(process.env.PORT), '127.0.0.1')
}

// What it was asked to do may take longer than it should on a machine that is busy. It tells when it is ended for that.
const limitMs = Number(process.env.WATCHDOG_USEC ?? 4_000_000) / 1000
let longestMs = 0
let last = performance.now()
setInterval(() => {
  const now = performance.now()
  longestMs = Math.max(longestMs, now - last)
  last = now
}, limitMs / 12)
process.on('SIGTERM', () => {
  process.stderr.write(`longest silence: ${Math.round(longestMs)} ms\n`)
  process.exit(143)
})

function spin(seconds) {
  const end = performance.now() + seconds * 1000
  while (performance.now() < end);
}

/** Full collections, one after the other in one turn of the event loop, of a heap that is worth collecting. */
function collectGarbage(seconds) {
  const end = performance.now() + seconds * 1000
  const heap = Array.from({ length: 100_000 }, (_, index) => ({ index, next: [index] }))
  while (performance.now() < end) globalThis.gc()
  return heap.length
}
