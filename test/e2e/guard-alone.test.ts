import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { nativeAddon } from '../support/native.js'
import { blockable, client, count, incidents, limits, pidOf } from './blocked-hangdog.js'
import { fixture, Hangdog, hangdog, isAlive, runService, until } from './hangdog.js'

const { skip: withoutAddon } = nativeAddon()
const needs = {
  skip: withoutAddon || (existsSync('/usr/bin/python3') ? false : 'skipped: there is no /usr/bin/python3'),
}
const compiles = {
  skip: withoutAddon || (spawnSync('gcc', ['--version']).status === 0 ? false : 'skipped: there is no gcc'),
}

t.test('beats by shared memory are seen while hangdog is blocked, and so is their end', compiles, async (t) => {
  const { directory, environment, block } = blockable(t)
  const program = join(directory, 'page')
  const built = spawnSync('gcc', ['-O2', '-pthread', '-o', program, fixture('page.c')], { encoding: 'utf8' })
  t.equal(built.status, 0, built.stderr)
  const page = ['--heartbeat', 'page', ...limits.slice(2), '--restart', 'never'] as const
  const ran = runService(t, page, [program, 'deadlock'], directory, environment)
  await ran.event('service-armed')
  await sleep(1000)
  const pid = pidOf(ran)
  await block(ran, 15_000)
  await sleep(5000)
  t.ok(isAlive(pid), 'it beats')
  process.kill(pid, 'SIGUSR1')
  t.equal((await ran.finished).code, 124)
  t.match(await ran.event('guard-acted'), { parameters: { pid, outcome: 'terminated' } })
})

t.test('two services hang at once while hangdog is blocked', needs, async (t) => {
  const { directory, environment, block } = blockable(t)
  const file = join(directory, 'services.yaml')
  const service = `{ command: [python3, ${client[1]}, inf], heartbeat: notify }`
  writeFileSync(
    file,
    `defaults: { heartbeatTimeout: 1s, action: terminate, restart: { mode: always } }
services: { one: ${service}, two: ${service}, healthy: ${service} }
`,
  )
  const args = ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json']
  const ran = new Hangdog(t, args, environment)
  await until(() => (count(ran, 'service-armed') === 3 ? true : undefined), 'three services')
  await sleep(1000)
  const pids = ['one', 'two'].map((name) => pidOf(ran, name))
  await block(ran, 10_000)
  for (const pid of pids) process.kill(pid, 'SIGUSR1')
  await until(() => (pids.some(isAlive) ? undefined : true), 'end of both')
  await until(() => (count(ran, 'service-armed') === 5 ? true : undefined), 'second life of both')
  t.equal(count(ran, 'guard-acted'), 2)
  t.equal(count(ran, 'service-ended'), 2)
  t.ok(isAlive(pidOf(ran, 'healthy')), 'the healthy one was left alone')
  t.equal((await incidents(t, directory)).length, 2)
})

t.test('hangdog dies while the guard has acted: its record is an incident at the next start', needs, async (t) => {
  const { directory, environment, block } = blockable(t)
  const first = runService(t, [...limits, '--restart', 'never'], client, directory, environment)
  await first.event('service-armed')
  await sleep(1000)
  const pid = pidOf(first)
  await block(first, 60_000)
  process.kill(pid, 'SIGUSR1')
  await until(() => (isAlive(pid) ? undefined : true), 'end of the service')
  await until(() => (recordFile(directory).includes('outcome=terminated') ? true : undefined), 'whole record')
  first.child.kill('SIGKILL')
  await first.finished
  const second = runService(t, [...limits, '--restart', 'never'], client, directory)
  const kept = await second.event('guard-record-kept')
  t.match(await incidents(t, directory), [{ id: kept.incident, outcome: 'terminated' }])
  second.child.kill('SIGTERM')
  await second.finished
  t.same(readdirSync(join(directory, 'guard')), [])
})

function recordFile(directory: string): string {
  const [name] = readdirSync(join(directory, 'guard'))
  return name === undefined ? '' : readFileSync(join(directory, 'guard', name), 'latin1')
}

t.test('what is to be logged only is recorded by the guard, and gone on with', needs, async (t) => {
  const { directory, environment, block } = blockable(t)
  const ran = runService(
    t,
    [...limits.slice(0, 4), '--action', 'log', '--restart', 'never'],
    client,
    directory,
    environment,
  )
  await ran.event('service-armed')
  await sleep(1000)
  const pid = pidOf(ran)
  await block(ran, 6000)
  process.kill(pid, 'SIGUSR1')
  await ran.event('hang-logged')
  await sleep(1000)
  t.ok(isAlive(pid))
  const found = await incidents(t, directory)
  t.equal(found.length, 1)
  const shown = await hangdog(t, ['incident', 'show', String(found[0]?.id), '--state-dir', directory])
  t.match(shown.stdout, /the guard acts/)
  t.match(shown.stdout, /reported only/)
})

t.test('on a full disk it acts all the same', needs, async (t) => {
  const { directory, environment, block } = blockable(t)
  const folder = join(directory, 'guard')
  mkdirSync(folder, { mode: 0o700 })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,mode=0700', 'none', folder], { encoding: 'utf8' })
  if (mounted.status !== 0) {
    t.comment(`skipped: no small file system can be mounted here: ${mounted.stderr}`)
    return
  }
  t.teardown(() => {
    spawnSync('umount', ['-l', folder])
  })
  const ran = runService(t, [...limits, '--restart', 'never'], client, directory, environment)
  await ran.event('service-armed')
  await sleep(1000)
  const pid = pidOf(ran)
  await block(ran, 6000)
  process.kill(pid, 'SIGUSR1')
  t.equal((await ran.finished).code, 124)
  t.match(await ran.event('guard-acted'), { parameters: { steps: 'not recorded', outcome: 'terminated' } })
  t.match(await ran.event('guard-unrecorded'), { parameters: { error: /ENOSPC/ } })
  t.equal((await incidents(t, directory)).length, 1, 'hangdog itself could record it')
  spawnSync('umount', ['-l', folder])
})
