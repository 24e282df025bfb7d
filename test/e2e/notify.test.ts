import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { ServiceStatus } from '../../src/watch/status.js'
import { nativeAddon } from '../support/native.js'
import { fixture, freePort, hangdog, isAlive, runService, stateDirectory, until } from './hangdog.js'

const { skip } = nativeAddon()
const needs = (program: string): { skip: string | false } => ({
  skip: skip || (existsSync(program) ? false : `skipped: there is no ${program}`),
})
const python = needs('/usr/bin/python3')
const limits = ['--timeout', '1s', '--action', 'terminate', '--restart', 'never'] as const
const client = (...args: string[]): readonly string[] => ['python3', fixture('notify.py'), ...args]

async function status(t: Parameters<typeof hangdog>[0], directory: string): Promise<ServiceStatus> {
  const { stdout } = await hangdog(t, ['status', '--json', '--state-dir', directory])
  return JSON.parse(stdout)
}

t.test('a service that beats by sd_notify lives, and is ended when it falls silent', python, async (t) => {
  const directory = stateDirectory(t)
  const ran = runService(t, ['--heartbeat', 'notify', ...limits], client('inf'), directory)
  await ran.event('service-armed')
  t.match(await ran.event('service-status'), { parameters: { text: 'serving' } })
  await sleep(3000)
  t.notOk(ran.has('silence-warning'), 'nothing was wrong for three limits')
  const { pid, heartbeat } = await status(t, directory)
  t.equal(heartbeat, 'notify')
  process.kill(pid ?? 0, 'SIGUSR1')
  t.equal((await ran.finished).code, 124)
  t.ok(ran.has('hang-recovery'))
  t.notOk(isAlive(pid ?? 0))
})

t.test('a supervisor that was stopped for longer than the limit ends nobody', python, async (t) => {
  const ran = runService(t, ['--heartbeat', 'notify', ...limits], client('inf'))
  await ran.event('service-armed')
  // The one between us and hangdog is env, which became hangdog.
  ran.child.kill('SIGSTOP')
  await sleep(3000)
  ran.child.kill('SIGCONT')
  await sleep(2500)
  t.notOk(ran.has('hang-recovery'))
  ran.child.kill('SIGTERM')
  t.notOk((await ran.finished).stderr.includes('hang-recovery'))
})

t.test('an own copy of the socket that a dead hangdog left is taken over', python, async (t) => {
  const directory = stateDirectory(t)
  const options = ['--name', 'same', '--heartbeat', 'notify', ...limits]
  const first = runService(t, options, client('inf'), directory)
  await first.event('service-armed')
  const { pid } = await status(t, directory)
  first.child.kill('SIGKILL')
  await first.finished
  process.kill(pid ?? 0, 'SIGKILL')
  t.ok(existsSync(join(directory, 'beat', 'same.notify')), 'it is still there')
  const second = runService(t, options, client('inf'), directory)
  await second.event('service-armed')
  second.child.kill('SIGTERM')
  await second.finished
  t.notOk(existsSync(join(directory, 'beat', 'same.notify')), 'an orderly end removes it')
})

t.test('what is only offered takes a beat for a promise, and READY for none', python, async (t) => {
  const silent = runService(t, [...limits, '--start-timeout', '1s'], client('0'))
  await silent.event('service-unwatched')
  const beating = runService(t, limits, client('4'))
  await beating.event('service-armed')
  t.equal((await beating.finished).code, 124, 'it was ended when it fell silent')
  t.notOk(silent.exited)
})

t.test('tor beats by itself, and is ended when it was stopped for too long', needs('/usr/bin/tor'), async (t) => {
  const directory = stateDirectory(t)
  const options = ['--heartbeat', 'notify', '--timeout', '2s', '--hold', 'stopped=1s', ...limits.slice(2)]
  writeFileSync(join(directory, 'torrc'), '')
  const args = ['--DisableNetwork', '1', '--SocksPort', '0', '--DataDirectory', join(directory, 'tor')]
  const ran = runService(t, options, ['tor', ...args, '--RunAsDaemon', '0', '-f', join(directory, 'torrc')], directory)
  await ran.event('service-armed')
  await sleep(5000)
  const { pid } = await status(t, directory)
  t.notOk(ran.has('hang-recovery'))
  process.kill(pid ?? 0, 'SIGSTOP')
  t.equal((await ran.finished).code, 124)
  t.match(await ran.event('hang-recovery'), { parameters: { cause: /stopped/ } })
  t.notOk(isAlive(pid ?? 0))
})

t.test(
  'redis-server says that it is ready and that it stops, and is left alone',
  needs('/usr/bin/redis-server'),
  async (t) => {
    const directory = stateDirectory(t)
    const args = ['--supervised', 'systemd', '--port', '0', '--unixsocket', join(directory, 'r'), '--save', '']
    const ran = runService(t, [...limits, '--start-timeout', '1s'], ['redis-server', ...args], directory)
    await ran.event('service-unwatched')
    t.match(await status(t, directory), { statusText: /Ready to accept/, state: 'unwatched' })
    ran.child.kill('SIGTERM')
    t.equal((await ran.finished).code, 0)
  },
)

t.test('etcd says that it is ready', needs('/usr/bin/etcd'), async (t) => {
  const directory = stateDirectory(t)
  const [clients, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
  const urls = ['--listen-client-urls', clients, '--advertise-client-urls', clients, '--listen-peer-urls', peers]
  const args = ['--data-dir', join(directory, 'etcd'), ...urls]
  const options = ['--heartbeat', 'notify', '--timeout', '1h', '--restart', 'never']
  const ran = runService(t, options, ['etcd', ...args], directory)
  await ran.event('service-armed')
  ran.child.kill('SIGTERM')
  await ran.finished
})

t.test('where the socket cannot be made, it is not offered, and that is said', python, async (t) => {
  const directory = stateDirectory(t)
  mkdirSync(join(directory, 'beat', 'same.notify'), { recursive: true })
  const ran = runService(t, ['--name', 'same', ...limits], ['true'], directory)
  t.equal((await ran.finished).code, 0)
  t.match(await ran.event('source-lost'), { parameters: { reason: /same\.notify.*only the stream is offered/ } })
  const asked = runService(t, ['--name', 'same', '--heartbeat', 'notify', ...limits], ['true'], directory)
  t.equal((await asked.finished).code, 73)
})

t.test('with --notify-access all a child may speak, else not', python, async (t) => {
  // The shell does not become the program, as it has something left to do.
  const command = ['sh', '-c', `python3 ${fixture('notify.py')} inf; true`]
  const options = ['--heartbeat', 'notify', '--timeout', '3s', '--start-timeout', '3s', ...limits.slice(2)]
  const open = runService(t, [...options, '--notify-access', 'all'], command)
  const closed = runService(t, options, command)
  await open.event('service-armed')
  t.equal((await closed.finished).code, 124)
  t.ok(closed.has('beat-refused'))
  t.notOk(closed.has('service-armed'))
  t.notOk(open.has('hang-recovery'))
})

t.test('systemd-notify, which lives no longer than it must, is heard', needs('/usr/bin/systemd-notify'), async (t) => {
  const script = 'while :; do systemd-notify READY=1 WATCHDOG=1; sleep 0.2; done'
  const options = ['--heartbeat', 'notify', '--notify-access', 'all', '--timeout', '4s', ...limits.slice(2)]
  const ran = runService(t, options, ['sh', '-c', script])
  await ran.event('service-armed')
  await sleep(6000)
  t.notOk(ran.has('beat-refused'))
  t.notOk(ran.has('hang-recovery'))
})

t.test('beats are counted, whoever counts them', python, async (t) => {
  const directory = stateDirectory(t)
  const ran = runService(t, ['--heartbeat', 'notify', '--timeout', '10s'], client('40', '0.05'), directory)
  await ran.event('service-armed')
  const last = await until(async () => {
    const { beats } = await status(t, directory)
    return beats >= 40 ? beats : undefined
  }, 'count of all beats')
  t.equal(last, 40)
})
