import { serve } from './fault-service.js'

await serve((order) => {
  addUp(order.isDue() ? -1 : 1000)
})

/** The bug: nobody thought of a negative number. */
function addUp(last: number): number {
  return last < 0 ? addUpForEver(last) : (last * (last + 1)) / 2
}

function addUpForEver(last: number): number {
  let sum = 0
  for (let next = 0; next !== last; next++) sum = (sum + next) % 1_000_003
  return sum
}
