import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findNames } from '../../src/cli/completion-names.js'
import { callControl } from '../../src/control/client.js'
import { isAlive, thisProcess } from '../../src/process-identity.js'
import { openFileStore } from '../../src/property/file-store.js'
import { systemClock } from '../../src/system-clock.js'
import { serve, temporaryDirectory, temporaryState } from '../control/support.js'

const controlOf = (state: string, instance: string): string => join(state, 'control', `${instance}.sock`)

/** Takes connections and never answers, as a hangdog that was stopped. */
async function serveSilently(t: Test, path: string): Promise<void> {
  const connections: Socket[] = []
  const server = createServer((socket) => connections.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => {
    for (const each of connections) each.destroy()
    server.close()
  })
}

function leaveIncident(state: string, id: string): void {
  mkdirSync(join(state, 'incidents', id))
}

t.test('services that are watched are known with their state', async (t) => {
  const state = temporaryState(t)
  await serve(t, controlOf(state, 'main'))
  t.same(await findNames(state).services(), [
    { value: 'web', description: 'armed' },
    { value: 'db', description: 'armed' },
  ])
})

t.test('services that left an incident or have properties are known when nothing runs, and only once', async (t) => {
  const state = temporaryState(t)
  for (const id of ['20250131T120000123Z-old-one-a1b2c3', '20250201T120000123Z-old-one-a1b2c4', 'no-id']) {
    leaveIncident(state, id)
  }
  const identity = { self: thisProcess, isAlive }
  const value = { format: 'DWORD', value: 1 } as const
  const changes = [{ service: 'cache', name: 'HangRecoveryAction', value }]
  await openFileStore({ directory: state, clock: systemClock, identity }).change(changes, { uid: 0, pid: process.pid })
  // A control socket that a hangdog left when it was killed.
  writeFileSync(controlOf(state, 'dead'), '')
  t.same(await findNames(state).services(), [
    { value: 'cache', description: 'not watched now' },
    { value: 'old-one', description: 'not watched now' },
  ])
})

t.test('properties of a service that no definition names are known with their format', async (t) => {
  const state = temporaryState(t)
  const identity = { self: thisProcess, isAlive }
  const stored = [
    { service: 'web', name: 'HangRecoveryAction', value: { format: 'DWORD', value: 1 } },
    { service: 'web', name: 'Note', value: { format: 'SZ', value: 'x' } },
    { service: 'db', name: 'Other', value: { format: 'SZ', value: 'x' } },
  ] as const
  await openFileStore({ directory: state, clock: systemClock, identity }).change(stored, { uid: 0, pid: process.pid })
  t.same(await findNames(state).ownProperties('web'), [{ value: 'Note', description: 'of web: SZ' }])
  t.same(await findNames(state).ownProperties('cache'), [])
  writeFileSync(join(state, 'properties.json'), 'torn')
  t.same(await findNames(state).ownProperties('web'), [], 'nor from a damaged store')
})

t.test('a hangdog that does not answer costs less than the usual limit and hides no other', async (t) => {
  const state = temporaryState(t)
  await serveSilently(t, controlOf(state, 'stopped'))
  await serve(t, controlOf(state, 'main'))
  leaveIncident(state, '20250131T120000123Z-cache-a1b2c3')
  const usual = callControl(controlOf(state, 'stopped'), 'status', {}).catch(() => 'the usual limit')
  const services = findNames(state).services()
  t.not(await Promise.race([usual, services]), 'the usual limit')
  t.same(
    (await services).map(({ value }) => value),
    ['cache', 'web', 'db'],
  )
  await usual
})

t.test('incidents are known newest first, and not too many', async (t) => {
  const state = temporaryState(t)
  const ids = Array.from({ length: 120 }, (_, index) => `20250131T120000${100 + index}Z-web-a1b2c3`)
  for (const id of ids) leaveIncident(state, id)
  const incidents = await findNames(state).incidents()
  t.equal(incidents.length, 100)
  t.same(incidents[0], { value: ids.at(-1), description: 'web' })
})

t.test('a state directory that is not there has no names', async (t) => {
  const names = findNames(join(temporaryDirectory(t), 'missing'))
  t.same(await names.services(), [])
  t.same(await names.incidents(), [])
})
