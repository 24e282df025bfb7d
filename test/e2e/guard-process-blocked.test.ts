import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { lackOfGuardProgram } from '../../src/platform/guard-process.js'
import type { ServiceStatus } from '../../src/watch/status.js'
import { until } from '../platform/support.js'
import { nativeAddon } from '../support/native.js'
import { blockable, count, incidents } from './blocked-hangdog.js'
import { fixture, Hangdog, hangdog, isAlive } from './hangdog.js'

const { skip } = nativeAddon()
const lack = lackOfGuardProgram()
const needed = { skip: skip || (lack === undefined ? false : `skipped: ${lack}`) }

interface Service {
  readonly heartbeat: string
  readonly command: readonly string[]
}

const python: Service = { heartbeat: 'notify', command: ['/usr/bin/python3', fixture('notify-by-path.py')] }

/** A file of one service; its limit is short, and it is ended when it hangs. */
function writeFile(
  directory: string,
  { heartbeat, command }: Service,
  more: Readonly<Record<string, unknown>> = {},
): string {
  const path = join(directory, 'hangdog.yaml')
  const service = { command, heartbeat, heartbeatTimeout: '2s', action: 2, evidenceTimeout: '1s', ...more }
  writeFileSync(path, JSON.stringify({ guard: 'process', services: { subject: service } }))
  return path
}

const supervise = (t: Test, directory: string, file: string, environment: NodeJS.ProcessEnv = {}): Hangdog =>
  new Hangdog(t, ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json'], environment)

async function status(t: Test, directory: string): Promise<ServiceStatus> {
  const { stdout } = await hangdog(t, ['status', '--json', '--state-dir', directory])
  return JSON.parse(stdout)
}

async function pidOf(t: Test, directory: string): Promise<number> {
  return (await status(t, directory)).pid ?? 0
}

/** What the service and the guard would leave behind, if a test fails in the middle. */
function endAtLast(t: Test, directory: string, ...pids: number[]): void {
  t.teardown(async () => {
    for (const pid of pids) if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL')
    const file = join(directory, 'hangdog.yaml')
    const last = supervise(t, directory, file)
    await last.event('supervisor-started')
    await last.end()
  })
}

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
