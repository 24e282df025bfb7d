import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Disturbance, Stage } from '../disturbance.js'
import { stillFactor } from './signals.js'

const blocker = fileURLToPath(new URL('../../fixtures/hangdog/block.mjs', import.meta.url))

/** Share of the limit that a job takes; with the beats before and after it the silence stays below the limit. */
const jobShare = 0.6

export const workDisturbances: readonly Disturbance[] = [
  {
    name: 'long-job',
    orders: true,
    timed: true,
    what: 'synchronous jobs in Node of 0.6 of the limit each',
    subject: 'node',
    expects: 'unharmed',
    disturb: (stage) => thrice(stage, 'work'),
  },
  {
    name: 'long-collection',
    orders: true,
    timed: true,
    what: 'full garbage collections in Node for 0.6 of the limit each time',
    subject: 'node',
    expects: 'unharmed',
    disturb: (stage) => thrice(stage, 'garbage'),
  },
  {
    name: 'burst-then-quiet',
    orders: true,
    what: 'a thousand beats at once, then none for 0.6 of the limit, three times',
    subject: 'python-stream',
    expects: 'unharmed',
    disturb: async ({ limitMs, order }) => {
      for (let time = 0; time < 3; time++) {
        await order('burst 1000')
        await order(`quiet ${(limitMs / 1000) * jobShare}`)
      }
    },
  },
  {
    name: 'late-beats-in-a-burst',
    what: 'the supervisor reads nothing for longer than the limit; the beats wait and then come all at once',
    subject: 'python-stream',
    expects: 'unharmed',
    onlyHangdog: 'blocks hangdog from within, by a module that is loaded into it',
    prepare: async ({ directory }) => ({
      preload: blocker,
      environment: { HANGDOG_TEST_BLOCK: join(directory, 'block') },
    }),
    disturb: async ({ limitMs, directory }) => {
      writeFileSync(join(directory, 'block'), String(limitMs * stillFactor))
      await sleep(limitMs * stillFactor + 100)
    },
  },
]

/** One job after the other, with time for a beat between them. */
async function thrice({ limitMs, order }: Stage, job: string): Promise<void> {
  for (let time = 0; time < 3; time++) {
    await order(`${job} ${(limitMs / 1000) * jobShare}`)
    await sleep(limitMs)
  }
}
