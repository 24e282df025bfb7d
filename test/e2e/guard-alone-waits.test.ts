import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { nativeAddon } from '../support/native.js'
import { blockable, client, limits, pidOf } from './blocked-hangdog.js'
import { fixture, freePort, isAlive, runService } from './hangdog.js'

const { skip: withoutAddon } = nativeAddon()
const needs = {
  skip: withoutAddon || (existsSync('/usr/bin/python3') ? false : 'skipped: there is no /usr/bin/python3'),
}

t.test('what also speaks by the stream, which the guard cannot hear, is left to JavaScript', needs, async (t) => {
  const { directory, environment, block } = blockable(t)
  const page = ['--heartbeat', 'page', ...limits.slice(2), '--restart', 'never'] as const
  const ran = runService(t, page, [process.execPath, fixture('page.mjs')], directory, environment)
  await ran.event('service-armed')
  await sleep(1000)
  const pid = pidOf(ran)
  await block(ran, 6000)
  process.kill(pid, 'SIGUSR2')
  t.equal((await ran.finished).code, 124)
  t.notOk(ran.has('guard-acted'))
})

t.test('hangdog is stopped for longer than the limit and the budget: nothing is ended', needs, async (t) => {
  const { directory } = blockable(t)
  const ran = runService(t, [...limits, '--restart', 'never'], client, directory)
  await ran.event('service-armed')
  await sleep(1000)
  ran.child.kill('SIGSTOP')
  await sleep(6000)
  ran.child.kill('SIGCONT')
  await sleep(4000)
  t.notOk(ran.has('guard-acted'))
  t.notOk(ran.has('hang-recovery'))
  t.ok(isAlive(pidOf(ran)))
})

t.test('a service that is stopped while hangdog is blocked is left alone', needs, async (t) => {
  const { directory, environment, block } = blockable(t)
  const ran = runService(t, [...limits, '--restart', 'never'], client, directory, environment)
  await ran.event('service-armed')
  await sleep(1000)
  const pid = pidOf(ran)
  await block(ran, 8000)
  process.kill(pid, 'SIGSTOP')
  await sleep(6000)
  process.kill(pid, 'SIGCONT')
  await ran.event('guard-held')
  await sleep(3000)
  t.ok(isAlive(pid))
  t.notOk(ran.has('guard-acted'))
})

t.test('a service whose beats only JavaScript can read is left to it', needs, async (t) => {
  const { directory, environment, block } = blockable(t)
  const options = ['--heartbeat', 'stream', ...limits.slice(2), '--restart', 'never']
  const beating = ['python3', fixture('service.py')]
  const ran = runService(t, options, beating, directory, { ...environment, PORT: String(await freePort()) })
  await ran.event('service-armed')
  await sleep(500)
  await block(ran, 6000)
  await sleep(9000)
  t.ok(isAlive(pidOf(ran)), 'its beats waited in the socket')
  t.notOk(ran.has('guard-acted'))
})
