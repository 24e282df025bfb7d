// A service that is well until the file of that name is there: it takes that as an order, and its event loop turns no more. Then it
// does not hear SIGTERM either.
import { existsSync, rmSync } from 'node:fs'

const order = process.argv[2] ?? ''
process.on('SIGTERM', () => process.exit(0))
setInterval(() => {
  if (!existsSync(order)) return
  rmSync(order)
  for (;;);
}, 100)
