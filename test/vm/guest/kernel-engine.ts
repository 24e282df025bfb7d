// Run in the machine under test: the contract of countdown engines, with the countdowns that the kernel module keeps, in real time.
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { loadAddon } from '../../../src/platform/addon.js'
import { KernelCountdowns } from '../../../src/platform/kernel-countdowns.js'
import type { KernelAddon } from '../../../src/platform/kernel-module.js'
import { thisProcess } from '../../../src/process-identity.js'
import { createNativeEngine } from '../../../src/watch/native-engine.js'
import { countdownEngineContract, type EngineTime } from '../../contract/countdown-engine.js'
import { FakeClock } from '../../support/fake-clock.js'

/** All takes this much longer than the suite says: a machine in software is slow to answer. */
const dilation = 2
/** In the suite's time, ms. */
const tolerance = 200

const loaded = loadAddon()
const kernel = loaded.kind === 'loaded' ? loaded.addon.kernel : undefined
if (kernel === undefined) throw new Error('expected the addon')

let stalls = 0

const time: EngineTime = {
  clock: new FakeClock(),
  tolerance,
  pass: (ms) => sleep(ms * dilation),
  // Only the host can keep the kernel from running.
  stall: async (ms) => {
    stalls++
    writeFileSync(`/mnt/out/stall-${stalls}`, `${ms * dilation}\n`)
    while (!existsSync(`/mnt/out/stalled-${stalls}`)) await sleep(5)
  },
}

countdownEngineContract(t, 'kernel engine', () => {
  const countdowns = new KernelCountdowns(dilated(kernel), { process: thisProcess(), action: 'log', name: 'contract' })
  const engine = createNativeEngine(countdowns)
  t.teardown(() => countdowns.close())
  return { engine, time }
})

function dilated(addon: KernelAddon): KernelAddon {
  const shown = <T extends { readonly span: number }>(event: T): T => ({ ...event, span: event.span / dilation })
  return {
    ...addon,
    arm: (fd, timeout, warning, ...others) => addon.arm(fd, timeout * dilation, warning * dilation, ...others),
    extend: (fd, span) => addon.extend(fd, span * dilation),
    beat: (fd) => shorter(addon.beat(fd)),
    state: (fd) => {
      const state = addon.state(fd)
      if (typeof state === 'number') return state
      return { ...state, spent: state.spent / dilation, remaining: state.remaining / dilation }
    },
    event: (fd) => {
      const event = addon.event(fd)
      return typeof event === 'object' ? shown(event) : event
    },
  }
}

/** Errors are kept as they are. */
function shorter(span: number): number {
  return span > 0 ? span / dilation : span
}
