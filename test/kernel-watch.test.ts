import t from 'tap'
import { KernelWatch } from '../src/kernel-watch.js'
import type { KernelAddon } from '../src/platform/kernel-module.js'
import { milliseconds as ms } from '../src/time.js'
import { beatFor, type Watched, watched } from './support/watched.js'

// The kernel itself is tried in a virtual machine: test/vm/module-watch.test.ts. Here is what it is told, and when.

/** What hangdog may take beyond the limit, by the policy of these tests: 500 ms and 1 s for the end, and the margin. */
const ladder = 3500

/** Answers as the module does, by the time of the test. */
class ScriptedKernel {
  readonly told: string[] = []
  beats = 0
  now: () => number = () => 0
  #end: number | undefined

  readonly addon: KernelAddon = {
    version: () => ({ api: 1, nowayout: 0, bugcheckConsent: 0, countdowns: 1024 }),
    arm: (_fd, timeout, _warning, _pid, _startTime, action) => {
      this.#end = action === 0 ? undefined : this.now() + timeout
      return this.told.push(action === 0 ? 'known' : `armed ${timeout}`)
    },
    disarm: () => {
      this.#end = undefined
      this.told.push('off')
      return 0
    },
    extend: (_fd, span) => {
      if (this.#end === undefined) return -61
      this.#end += span
      this.told.push(`extended ${span}`)
      return 0
    },
    beat: () => 0,
    state: () => ({ state: 1, arming: 1, beats: this.beats, spent: 0, remaining: this.remaining ?? 0 }),
    event: () => undefined,
    watch: () => -38,
  }

  get remaining(): number | undefined {
    return this.#end === undefined ? undefined : this.#end - this.now()
  }

  /** What it was told since it was asked last. */
  news(): string[] {
    return this.told.splice(0)
  }
}

/** A service that beats, also in the kernel. */
async function kernelWatched(): Promise<Watched & { kernel: ScriptedKernel }> {
  const w = watched()
  const kernel = new ScriptedKernel()
  kernel.now = () => w.clock.now()
  const addon = { kind: 'loaded', addon: { kernel: kernel.addon } } as const
  const emit = (event: Parameters<typeof w.events.push>[0]) => void w.events.push(event)
  w.service.accompany(new KernelWatch({ addon, clock: w.clock, emit, device: '/dev/null' }, w.service, () => 0))
  await w.start()
  kernel.beats++
  await beatFor(w, 300, 100)
  return Object.assign(w, { kernel })
}

t.test('the kernel is armed with the limit and all that hangdog may take', async (t) => {
  const { kernel } = await kernelWatched()
  t.same(kernel.news(), ['known', `armed ${1000 + ladder}`])
})

t.test('it follows the limit that the service sets for itself', async (t) => {
  const { kernel, service } = await kernelWatched()
  kernel.news()
  service.signOfLife({ kind: 'limit', limit: ms(60_000) })
  t.same(kernel.news(), [`armed ${60_000 + ladder}`])
  service.signOfLife({ kind: 'limit', limit: ms(60_000) })
  t.same(kernel.news(), [], 'the same limit again changes nothing')
  service.signOfLife({ kind: 'channel-opened', channel: 'b', limit: ms(400) })
  t.same(kernel.news(), [], 'nor does the limit of another channel')
})

t.test('more time for the service is more time from the kernel', async (t) => {
  const { kernel, service, clock } = await kernelWatched()
  kernel.news()
  service.signOfLife({ kind: 'extend', span: ms(500) })
  t.same(kernel.news(), [], 'it has that much left')
  service.signOfLife({ kind: 'extend', span: ms(30_000) })
  t.equal(kernel.remaining, 30_000 + ladder)
  kernel.news()
  await clock.run(20_000)
  t.equal(service.state.kind, 'armed')
  service.changePolicy({ ...service.policy, heartbeatTimeout: ms(2000) })
  t.ok((kernel.remaining ?? 0) >= 10_000 + ladder, 'a change of the policy does not take it away')
})

t.test('the kernel is never asked for more than it takes', async (t) => {
  const w = await kernelWatched()
  await beatFor(w, 2000, 100)
  w.kernel.news()
  w.service.signOfLife({ kind: 'extend', span: ms(0xffffffff * 1000) })
  t.same(w.kernel.news(), [`extended ${0xffffffff * 1000}`])
})

t.test('while the service is idle the kernel is off, and its next beat turns it on', async (t) => {
  const { kernel, service, clock } = await kernelWatched()
  kernel.news()
  service.signOfLife({ kind: 'channel-idle', channel: 'main' })
  t.same(kernel.news(), ['off'])
  service.signOfLife({ kind: 'extend', span: ms(30_000) })
  await clock.run(10_000)
  t.equal(service.state.kind, 'armed')
  t.same(kernel.news(), [])
  service.beat()
  t.same(kernel.news(), [`armed ${1000 + ladder}`])
  service.beat()
  t.same(kernel.news(), [])
})
