import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { nativeAddon } from '../support/native.js'
import { blockable, client, count, incidents, limits, pidOf } from './blocked-hangdog.js'
import { hangdog, isAlive, runService, until } from './hangdog.js'

const { skip } = nativeAddon()
const needs = { skip: skip || (existsSync('/usr/bin/python3') ? false : 'skipped: there is no /usr/bin/python3') }

t.test('hangdog is blocked for a minute: the guard acts on time, and hangdog goes on from there', needs, async (t) => {
  const { directory, environment, block } = blockable(t)
  const ran = runService(t, [...limits, '--restart', 'always'], client, directory, environment)
  await ran.event('service-armed')
  await sleep(1000)
  const pid = pidOf(ran)
  await block(ran, 60_000)
  const blockedAt = Date.now()
  process.kill(pid, 'SIGUSR1')
  await until(() => (isAlive(pid) ? undefined : true), 'end of the service')
  t.ok(Date.now() - blockedAt < 45_000, 'it was ended while hangdog was blocked')
  t.notOk(ran.has('guard-acted'), 'of which hangdog does not know yet')
  await sleep(Math.max(0, blockedAt + 60_000 - Date.now()))
  const acted = await ran.event('guard-acted')
  t.match(acted, {
    parameters: { pid, outcome: 'terminated', steps: /the guard acts.*terminate pid \d+; gone after \d+ ms/ },
  })
  t.match(await ran.event('hang-recovery'), { parameters: { pid, cause: /hangdog did not answer/ } })
  await ran.event('service-restarted')
  await until(() => (count(ran, 'service-armed') === 2 ? true : undefined), 'second life')
  await ran.event('incident-closed')
  t.equal(count(ran, 'service-ended'), 1)
  t.equal(count(ran, 'hang-recovery'), 1)
  t.equal(count(ran, 'guard-acted'), 1)
  t.notOk(ran.has('kill-requested'), 'nothing was killed twice')
  const found = await incidents(t, directory)
  t.match(found, [{ id: acted.incident, outcome: 'recovered' }])
  t.equal(found.length, 1)
  const shown = await hangdog(t, ['incident', 'show', String(acted.incident), '--state-dir', directory])
  t.match(shown.stdout, /the guard acts: hangdog did not answer/)
  t.match(shown.stdout, /nothing is left of it/)
  ran.child.kill('SIGTERM')
  await ran.finished
  t.same(readdirSync(join(directory, 'guard')), [], 'what was kept is not in the file of the guard any more')
})
