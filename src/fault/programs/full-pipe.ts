import { writeSync } from 'node:fs'
import { serve } from './fault-service.js'

const standardOutput = 1

/** Far more than a pipe holds. */
const manyLines = 'debug: order 4711 priced\n'.repeat(10_000)

await serve((order) => {
  if (order.isDue()) writeLog()
})

/** Synchronously, as loggers do that lose nothing. */
function writeLog(): void {
  writeSync(standardOutput, manyLines)
}
