import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { nativeAddon } from '../support/native.js'
import { program, runService, stateDirectory, until } from './hangdog.js'

const { skip } = nativeAddon()
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const forever = ['node', '-e', 'setInterval(() => {}, 1000)']

interface Told {
  readonly pid: number
  readonly text: string
  readonly at: number
}

/** A service manager that only listens. */
async function listen(t: Test, name: string): Promise<Told[]> {
  const told: Told[] = []
  const receiver = spawn('python3', [fixture('notify-receiver.py'), name], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => receiver.kill('SIGKILL'))
  createInterface({ input: receiver.stdout }).on('line', (line) => {
    const { pid, text }: { pid: number; text: string } = JSON.parse(line)
    told.push({ pid, text, at: Date.now() })
  })
  await until(() => told[0], 'receiver')
  return told
}

const isBeat = ({ text }: Told): boolean => text.split('\n').includes('WATCHDOG=1')

t.test('hangdog as a service', { skip: skip && `skipped: ${skip}` }, async (t) => {
  t.test('tells its manager that it is ready, how it is, that it lives, and that it ends', async (t) => {
    const socket = join(stateDirectory(t), 'notify')
    const told = await listen(t, socket)
    const hangdog = runService(t, [], forever, undefined, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1000000' })
    await until(() => (told.filter(isBeat).length >= 5 ? true : undefined), 'five beats')
    const ready = told.find(({ text }) => text.includes('READY=1'))
    t.match(ready?.text, /^READY=1\nSTATUS=1 service: 1 (starting|armed)$/)
    t.ok(told.some(({ text }) => /^STATUS=1 service: 1 armed$/m.test(text)))
    t.same([...new Set(told.slice(1).map(({ pid }) => pid))], [hangdog.child.pid], 'all of it from its own pid')
    hangdog.child.kill('SIGTERM')
    await hangdog.finished
    const end = told.findIndex(({ text }) => text.startsWith('STOPPING=1'))
    t.ok(end > 0)
    t.notOk(told.slice(end).some(({ text }) => text.includes('READY=1')))
  })

  t.test('beats by an abstract socket, and not for another process', async (t) => {
    const socket = `@hangdog-test-${process.pid}-${Date.now()}`
    const told = await listen(t, socket)
    const hangdog = runService(t, [], forever, undefined, {
      NOTIFY_SOCKET: socket,
      WATCHDOG_USEC: '200000',
      WATCHDOG_PID: '1',
    })
    await until(() => told.find(({ text }) => text.includes('READY=1')), 'READY')
    await sleep(2000)
    t.notOk(told.some(isBeat))
    await hangdog.end()
  })

  t.test('does not beat while it is stopped, and beats again afterwards', async (t) => {
    const socket = join(stateDirectory(t), 'notify')
    const told = await listen(t, socket)
    const hangdog = runService(t, [], forever, undefined, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' })
    await until(() => told.find(isBeat), 'a beat')
    hangdog.child.kill('SIGSTOP')
    await sleep(1000)
    const before = told.filter(isBeat).length
    await sleep(3000)
    t.equal(told.filter(isBeat).length, before)
    hangdog.child.kill('SIGCONT')
    await until(() => (told.filter(isBeat).length > before ? true : undefined), 'another beat')
  })

  t.test('says once when its manager cannot be reached, and goes on', async (t) => {
    const socket = join(stateDirectory(t), 'nobody')
    const hangdog = runService(t, [], forever, undefined, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' })
    t.match(await hangdog.event('service-manager-unreached'), { parameters: { error: 'ENOENT' } })
    await hangdog.event('service-armed')
    await sleep(1500)
    t.equal(hangdog.events.filter(({ name }) => name === 'service-manager-unreached').length, 1)
  })

  t.test('says when what its manager wants makes no sense', async (t) => {
    const hangdog = runService(t, [], forever, undefined, { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '2s' })
    const { parameters } = await hangdog.event('service-manager-unanswered')
    t.match(parameters.reason, /expected WATCHDOG_USEC to be microseconds, more than 0, not "2s"/)
    await hangdog.event('service-armed')
  })

  t.test('its manager is not the manager of its services', async (t) => {
    const socket = join(stateDirectory(t), 'notify')
    const told = await listen(t, socket)
    const show = 'console.log("service has", process.env.NOTIFY_SOCKET, process.env.WATCHDOG_PID)'
    const hangdog = runService(t, ['--heartbeat', 'stream'], ['node', '-e', show], undefined, {
      NOTIFY_SOCKET: socket,
      WATCHDOG_USEC: '1000000',
    })
    await hangdog.finished
    t.match(hangdog.stdout, /service has undefined undefined/)
    t.ok(told.length > 1)
  })
})

/** In seconds, of the unit. Long enough for a machine that is busy with other tests. */
const watchdogSeconds = 4

interface Shown {
  readonly healthy: string
  readonly ended: string
}

/** Runs hangdog under a systemd of its own, which is sent a signal in the end. */
function runUnderSystemd(t: Test, signal: string, endState: string, imports: readonly string[] = []): Shown {
  const directory = stateDirectory(t)
  const state = stateDirectory(t)
  const hangdog = [...imports.flatMap((file) => ['--import', file]), program]
  const command = [
    process.execPath,
    ...hangdog,
    'supervise',
    '--state-dir',
    state,
    '--config',
    join(directory, 'h.yaml'),
  ]
  const unit = [
    '[Service]',
    'Type=notify',
    `WatchdogSec=${watchdogSeconds}`,
    'TimeoutStartSec=60',
    // What systemd ends by SIGABRT would leave its memory on the disk.
    'LimitCORE=0',
    `Environment=PATH=${process.env.PATH ?? ''}`,
    `ExecStart=${command.join(' ')}`,
  ]
  writeFileSync(join(directory, 'hangdog.service'), `${unit.join('\n')}\n`)
  const service = { command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'] }
  writeFileSync(
    join(directory, 'h.yaml'),
    JSON.stringify({ defaults: { heartbeatTimeout: '60s' }, services: { web: service } }),
  )
  writeFileSync(join(directory, 'all.target'), '[Unit]\nWants=hangdog.service\n')
  const script = [fixture('systemd/watchdog.sh'), directory, String(3 * watchdogSeconds), signal, endState]
  const namespaces = ['--pid', '--fork', '--mount', '--mount-proc', '--kill-child']
  // Through env -i: what the test runner loads into programs catches SIGABRT, by which systemd ends a unit.
  const clean = ['-i', `PATH=${process.env.PATH ?? ''}`, 'LC_ALL=C', 'timeout', '-s', 'KILL', '150', 'unshare']
  const done = spawnSync('env', [...clean, ...namespaces, 'bash', ...script], { encoding: 'utf8' })
  const read = (name: string): string => {
    const path = join(directory, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
  if (done.status !== 0) t.comment(done.status, done.stderr, read('late'), read('systemd.log'))
  t.equal(done.status, 0)
  return { healthy: read('healthy'), ended: read('ended') }
}

const noSystemd =
  process.getuid?.() !== 0 || !existsSync('/lib/systemd/systemd')
    ? 'needs root and systemd, for a manager of its own'
    : skip

t.test('under a real systemd', { skip: noSystemd && `skipped: ${noSystemd}` }, async (t) => {
  const healthy = /ActiveState=active\n(.*\n)*StatusText=1 service: 1 armed\n/
  const sorted = (text: string): string => `${text.split('\n').sort().join('\n')}\n`

  t.test('a hangdog that is well lives longer than WatchdogSec, and ends in order', async (t) => {
    const shown = runUnderSystemd(t, 'TERM', 'inactive')
    t.match(sorted(shown.healthy), healthy)
    t.match(shown.ended, /Result=success/)
  })

  t.test('a hangdog whose JavaScript blocks is ended by systemd', async (t) => {
    const shown = runUnderSystemd(t, 'USR2', 'failed', [fixture('block-on-signal.mjs')])
    t.match(sorted(shown.healthy), healthy)
    t.match(shown.ended, /Result=watchdog/)
  })

  t.test('a hangdog that is stopped is ended by systemd', async (t) => {
    const shown = runUnderSystemd(t, 'STOP', 'failed')
    t.match(shown.ended, /Result=watchdog/)
  })
})
