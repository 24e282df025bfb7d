import t from 'tap'
import type { ServiceProcess } from '../../src/platform/platform.js'
import type { RunCompanion } from '../../src/watch/service-spec.js'
import { settle } from '../support/fake-clock.js'
import { alive } from '../support/scripted-platform.js'
import { beatFor, type Watched, watched } from '../support/watched.js'

/** A run of before, as a guard process hands it on. */
function runOfBefore(w: Watched): { readonly process: ServiceProcess; readonly ended: () => void } {
  let ended = (): void => {}
  const exited = new Promise<void>((resolve) => {
    ended = resolve
  })
  const startedAt = new Date(0).toISOString()
  const identity = { pid: 77, startTime: 'before' }
  return { process: w.platform.adopt({ identity, startedAt, command: 'node', marker: '' }, exited), ended }
}

t.test('a service that is adopted is not started, and its sources learn what they had given it', async (t) => {
  const w = watched()
  const heard: string[] = []
  const companion: RunCompanion = {
    environment: () => ({}),
    adopted: ({ TOKEN }) => void heard.push(`adopted ${TOKEN}`),
    serviceStarted: ({ pid }) => void heard.push(`started ${pid}`),
    serviceEnded: () => void heard.push('ended'),
    counters: () => ({}),
  }
  w.service.accompany(companion)
  w.service.adopt(runOfBefore(w).process, { given: { TOKEN: 'secret' }, beats: false })
  await w.service.start()
  t.same(w.platform.calls, ['adopt'], 'there is no second copy')
  t.same(heard, ['adopted secret', 'started 77'])
  t.same(w.names(), ['service-adopted'])
  t.equal(w.service.state.kind, 'starting')
})

t.test('one that had beaten has its whole limit from now on, and is acted on when it is silent', async (t) => {
  const w = watched()
  w.platform.reading = alive('running')
  w.service.adopt(runOfBefore(w).process, { given: {}, beats: true })
  t.equal(w.service.state.kind, 'armed')
  await beatFor(w, 5000, 400)
  t.same(w.platform.calls, ['adopt'])
  await w.clock.run(500)
  w.platform.reading = alive('running')
  await w.clock.run(600)
  t.same(w.platform.calls.slice(0, 2), ['adopt', 'SIGTERM'])
  t.ok(w.names().includes('hang-recovery'))
})

t.test('its end is known, though not how, and counts as unexpected', async (t) => {
  const w = watched()
  const { process, ended } = runOfBefore(w)
  w.service.adopt(process, { given: {}, beats: true })
  ended()
  await settle()
  await w.clock.run(1)
  t.match(w.events.find(({ name }) => name === 'service-ended')?.parameters, { outcome: /exit code unknown/ })
  t.ok(w.names().includes('ended-unexpectedly') || w.names().includes('ended-unattended'))
})

t.test('one that runs already is not replaced by another', async (t) => {
  const w = watched()
  await w.start()
  w.service.adopt(runOfBefore(w).process, { given: {}, beats: true })
  t.equal(w.service.process?.identity.pid, 100)
})
