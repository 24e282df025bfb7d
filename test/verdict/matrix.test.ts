import t from 'tap'
import { disturbances } from './disturbances.js'
import { hangdogWatcher } from './hangdog-watcher.js'
import { attempt } from './matrix.js'
import { disturbanceScenario } from './scenarios.js'

/** The whole table, with more limits and many runs, is `npm run test:verdict`. */
const limitMs = 2000

/** Other tests run at the same time, and these take the whole machine. */
const tooHeavy = new Set(['busy-32', 'busy-64'])

t.jobs = 6

for (const disturbance of disturbances.filter(({ name }) => !tooHeavy.has(name))) {
  const { name, what, lack } = disturbance
  const missing = lack?.()
  const options = {
    buffered: true,
    ...(missing !== undefined && { skip: `skipped: ${missing}` }),
  }
  t.test(`a healthy service is not touched: ${what}`, options, async (t) => {
    const outcome = await attempt(disturbanceScenario(hangdogWatcher, disturbance), limitMs)
    t.comment(`${name}: ${JSON.stringify(outcome)}`)
    t.match(outcome.kind, disturbance.expects === 'held' ? 'held' : /^(held|unharmed)$/)
  })
}
