import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { ServiceStatus } from '../../src/watch/status.js'
import { nativeAddon } from '../support/native.js'
import { endAtLast, needed, pidOf, supervise, writeFile } from './guard-process-stage.js'
import { fixture, type Hangdog, hangdog, isAlive, runService, stateDirectory, until } from './hangdog.js'

const { skip } = nativeAddon()
const python = { skip: skip || (existsSync('/usr/bin/python3') ? false : 'skipped: there is no /usr/bin/python3') }
const options = ['--heartbeat', 'notify', '--timeout', '2s', '--action', 'terminate', '--restart', 'never'] as const
const service = (...args: string[]): readonly string[] => ['/usr/bin/python3', fixture('handover.py'), ...args]

async function status(t: Parameters<typeof hangdog>[0], directory: string): Promise<ServiceStatus> {
  const { stdout } = await hangdog(t, ['status', '--json', '--state-dir', directory])
  return JSON.parse(stdout)
}

async function workerOf(ran: Hangdog): Promise<number> {
  const { parameters } = await ran.event('service-status')
  return Number(/worker (\d+)/.exec(String(parameters.text))?.[1])
}

for (const how of ['child', 'daemon'] as const) {
  t.test(`a service that hands over to a ${how} and ends goes on; a hang of the other is found`, python, async (t) => {
    const directory = stateDirectory(t)
    const ran = runService(t, options, service(how), directory)
    const worker = await workerOf(ran)
    const { parameters } = await ran.event('service-handed-over')
    const pid = Number(parameters.pid)
    t.equal(parameters.before, (await ran.event('service-started')).parameters.pid)
    await until(() => !isAlive(Number(parameters.before)) || undefined, 'end of the first process')
    await sleep(4500)
    t.ok(isAlive(pid), 'it was not touched for two limits')
    for (const name of ['service-ended', 'silence-warning', 'beat-refused'] as const) t.notOk(ran.has(name), name)
    t.match(await status(t, directory), { pid, state: 'armed' })
    process.kill(pid, 'SIGUSR1')
    t.equal((await ran.finished).code, 124)
    const hung = await ran.event('hang-recovery')
    t.notOk(isAlive(pid))
    t.notOk(isAlive(worker), 'what the first process had started is ended too')
    const shown = await hangdog(t, ['incident', 'show', String(hung.incident), '--state-dir', directory])
    t.match(shown.stdout, new RegExp(`\\b${pid}\\b`), 'the incident names it')
  })
}

t.test('the end of the process that was handed over to is the end of the service', python, async (t) => {
  const ran = runService(t, options, service('child'))
  const worker = await workerOf(ran)
  const { parameters } = await ran.event('service-handed-over')
  process.kill(Number(parameters.pid), 'SIGUSR2')
  t.match(await ran.event('service-ended'), { parameters: { outcome: /exit code unknown/ } })
  await ran.finished
  t.notOk(isAlive(worker))
})

t.test('a service that was handed over to is stopped in order, with all of it', python, async (t) => {
  const ran = runService(t, options, service('daemon'))
  const worker = await workerOf(ran)
  const { parameters } = await ran.event('service-handed-over')
  ran.child.kill('SIGTERM')
  await ran.finished
  t.notOk(isAlive(Number(parameters.pid)))
  t.notOk(isAlive(worker))
})

t.test('a process of somebody else is refused, and so are pid 1 and hangdog itself', python, async (t) => {
  const other = runService(t, options, service('claim', '1'))
  const stranger = Number((await other.event('service-started')).parameters.pid)
  const pids = [stranger, other.child.pid ?? 0, 2 ** 22 - 1]
  const claims = pids.map((pid) => runService(t, options, service('claim', String(pid))))
  for (const ran of [other, ...claims]) {
    await ran.event('hand-over-refused')
    t.notOk(ran.has('service-handed-over'))
  }
  await sleep(3000)
  for (const ran of claims) t.notOk(ran.has('silence-warning'), 'the one that claims is watched as before')
})

t.test('with a guard process, the next hangdog adopts the one that was handed over to', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, { heartbeat: 'notify', command: service('daemon') })
  const first = supervise(t, directory, file)
  const worker = await workerOf(first)
  const pid = Number((await first.event('service-handed-over')).parameters.pid)
  endAtLast(t, directory, pid, worker)
  await until(async () => (await pidOf(t, directory)) === pid || undefined, 'the new pid in the status')
  first.child.kill('SIGKILL')
  await first.finished
  await sleep(4500)
  t.ok(isAlive(pid), 'it was not touched for two limits')
  const second = supervise(t, directory, file)
  t.match(await second.event('service-adopted'), { parameters: { pid } })
  await sleep(3000)
  t.notOk(second.has('silence-warning'), 'its beats are heard on')
  process.kill(pid, 'SIGUSR1')
  await second.event('hang-recovery')
  await second.event('terminate-proven')
  t.notOk(isAlive(pid))
  t.notOk(isAlive(worker), 'what the first process had started is ended too')
})
