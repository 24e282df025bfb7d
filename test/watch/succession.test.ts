import t from 'tap'
import type { RunCompanion } from '../../src/watch/service-spec.js'
import { settle } from '../support/fake-clock.js'
import { alive } from '../support/scripted-platform.js'
import { beatFor, type Watched, watched } from '../support/watched.js'

const mainProcess = (pid: number) => ({ kind: 'main-process', pid }) as const

/** A service that beats, and has a member that it may hand over to. */
async function armed(policy: Parameters<typeof watched>[0] = {}): Promise<Watched> {
  const w = watched(policy)
  await w.start()
  w.service.beat()
  w.platform.members.set(200, alive('sleeping'))
  return w
}

function companion(w: Watched, lastWords?: () => Promise<void> | undefined): string[] {
  const heard: string[] = []
  const added: RunCompanion = {
    environment: () => ({}),
    serviceStarted: ({ pid }) => void heard.push(`started ${pid}`),
    processReplaced: ({ pid }) => void heard.push(`replaced ${pid}`),
    serviceEnded: () => void heard.push('ended'),
    counters: () => ({}),
    ...(lastWords !== undefined && { lastWords }),
  }
  w.service.accompany(added)
  return heard
}

t.test('a member that is announced is the service from then on, and the end of the first one is no end', async (t) => {
  const w = watched()
  const heard = companion(w)
  await w.start()
  const first = w.platform.current
  w.service.beat()
  await w.clock.run(900)
  w.platform.members.set(200, alive('sleeping'))
  t.equal(w.service.signOfLife(mainProcess(200)), true)
  t.equal(w.service.process?.identity.pid, 200)
  t.match(
    w.events.find(({ name }) => name === 'service-handed-over'),
    { parameters: { pid: 200, before: first.identity.pid } },
  )
  first.exit()
  await w.clock.run(500)
  t.equal(w.service.state.kind, 'armed', 'the whole limit ran anew from the hand-over')
  t.notOk(w.names().includes('service-ended'))
  t.same(heard, [`started ${first.identity.pid}`, 'replaced 200'])
  await beatFor(w, 5000, 400)
  t.same(w.platform.calls, ['spawn', 'succeed 200'])
  w.platform.current.exit({ kind: 'unknown', handedOver: true })
  await settle()
  await w.clock.run(1)
  t.match(
    w.events.find(({ name }) => name === 'service-ended'),
    { parameters: { outcome: /exit code unknown.*MAINPID/ } },
  )
  t.equal(heard[2], 'ended')
})

t.test('a hang of the new process is one of the service, and is acted on', async (t) => {
  const w = await armed({ restart: { ...watched().service.policy.restart, mode: 'never' } })
  w.service.signOfLife(mainProcess(200))
  w.platform.processes[0]?.exit()
  w.platform.reading = alive('running')
  await w.clock.run(3000)
  t.ok(w.names().includes('hang-recovery'))
  t.match(w.opened[0], { pid: 200 })
  t.same(w.platform.calls.slice(0, 3), ['spawn', 'succeed 200', 'SIGTERM'])
  t.ok(w.platform.processes[1]?.gone)
})

t.test('before the first sign of life a hand-over is none; the start timeout runs anew', async (t) => {
  const w = watched()
  await w.start()
  w.platform.members.set(200, alive('sleeping'))
  await w.clock.run(2500)
  t.equal(w.service.signOfLife(mainProcess(200)), true)
  await w.clock.run(2500)
  t.equal(w.service.state.kind, 'starting')
  await w.clock.run(5000)
  t.notOk(w.service.state.kind === 'armed')
  t.notOk(w.names().includes('service-armed'))
})

t.test(
  'one that only its mark shows to be of the service is taken too, also when the first one has ended',
  async (t) => {
    const w = await armed()
    w.platform.marked.add(300)
    const first = w.platform.current
    t.equal(w.service.signOfLife(mainProcess(300)), true)
    first.exit()
    await settle()
    await w.clock.run(1)
    t.ok(w.names().includes('hand-over-refused'), 'what was read of it says that it is not there')
    t.ok(w.names().includes('service-ended'))
    const other = await armed()
    other.platform.marked.add(300)
    other.platform.identifySuccessor = async (_, pid) => {
      other.platform.members.set(pid, alive('sleeping'))
      return { pid, startTime: 'marked' }
    }
    other.service.signOfLife(mainProcess(300))
    other.platform.current.exit()
    await settle()
    await other.clock.run(1)
    t.equal(other.service.process?.identity.pid, 300)
    t.notOk(other.names().includes('service-ended'))
  },
)

t.test('an end waits for what was said before it, but not for ever', async (t) => {
  const w = watched()
  let told = (): void => {}
  const heard = companion(
    w,
    () =>
      new Promise<void>((resolve) => {
        told = resolve
      }),
  )
  await w.start()
  w.service.beat()
  w.platform.members.set(200, alive('sleeping'))
  const first = w.platform.current
  first.exit()
  await settle()
  t.equal(w.service.state.kind, 'armed')
  w.service.signOfLife(mainProcess(200))
  told()
  await settle()
  t.same(heard, [`started ${first.identity.pid}`, 'replaced 200'])
  t.equal(w.service.state.kind, 'armed')
  w.platform.current.exit()
  await w.clock.run(499)
  t.notOk(w.names().includes('service-ended'))
  await w.clock.run(2)
  t.ok(w.names().includes('service-ended'))
})

const refusals: readonly [string, (w: Watched) => void, RegExp][] = [
  ['a process of somebody else', (w) => w.platform.members.delete(200), /none of this service/],
  ['one that has ended', (w) => w.platform.members.set(200, { kind: 'gone' }), /has ended/],
  ['a zombie', (w) => w.platform.members.set(200, alive('zombie')), /has ended/],
  ['any while the service is stopping', (w) => w.service.signOfLife({ kind: 'stopping' }), /stopping/],
]
for (const [what, prepare, reason] of refusals) {
  t.test(`${what} is refused, and the service is watched as before`, async (t) => {
    const w = await armed()
    prepare(w)
    w.service.signOfLife(mainProcess(200))
    await settle()
    t.match(w.events.find(({ name }) => name === 'hand-over-refused')?.parameters, { pid: 200, reason })
    t.equal(w.service.process?.identity.pid, 100)
    t.notOk(w.names().includes('service-handed-over'))
    w.platform.current.exit()
    await settle()
    await w.clock.run(1)
    t.ok(w.names().includes('service-ended'))
  })
}

t.test('a service that hands over to and fro is refused after ten times, and told of once', async (t) => {
  const w = await armed()
  for (let pid = 200; pid < 230; pid++) {
    w.platform.members.set(pid, alive('sleeping'))
    w.service.signOfLife(mainProcess(pid))
  }
  t.equal(w.names().filter((name) => name === 'service-handed-over').length, 10)
  t.equal(w.names().filter((name) => name === 'hand-over-refused').length, 1)
  t.equal(w.service.process?.identity.pid, 209)
})
