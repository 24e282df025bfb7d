import { serve } from './fault-service.js'

/** Far more than a pipe holds. */
const manyLines = 'debug: order 4711 priced\n'.repeat(10_000)

await serve((order) => {
  if (order.isDue()) writeLog()
})

/** Node writes to a pipe on standard output synchronously. */
function writeLog(): void {
  process.stdout.write(manyLines)
}
