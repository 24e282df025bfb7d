import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../platform/support.js'
import { blockable, count, incidents } from './blocked-hangdog.js'
import { endAtLast, needed, pidOf, python, supervise, writeFile } from './guard-process-stage.js'
import { isAlive } from './hangdog.js'

t.test(
  'while hangdog is blocked the guard process ends what hangs, and hangdog takes it from there',
  needed,
  async (t) => {
    const { directory, environment, block } = blockable(t)
    const file = writeFile(directory, python, { restart: { mode: 'always' } })
    const ran = supervise(t, directory, file, environment)
    await ran.event('service-armed')
    await sleep(1500)
    const pid = await pidOf(t, directory)
    endAtLast(t, directory, pid)
    await block(ran, 15_000)
    process.kill(pid, 'SIGUSR1')
    await until('the guard has ended it', () => !isAlive(pid), 40_000)
    t.match(await ran.event('guard-acted'), { parameters: { pid, outcome: 'terminated' } })
    t.match(await incidents(t, directory), [{ outcome: /terminated|recovered/ }])
    await until('it is started again', () => count(ran, 'service-armed') === 2, 40_000)
    await ran.end()
    t.same(readdirSync(join(directory, 'guard')), [])
  },
)
