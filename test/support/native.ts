import { type Addon, loadAddon } from '../../src/platform/addon.js'
import { type Guard, openGuard } from '../../src/platform/guard.js'
import { milliseconds } from '../../src/time.js'
import type { EngineTime } from '../contract/countdown-engine.js'
import { FakeClock } from './fake-clock.js'

/** The native part, or why tests of it are skipped. */
export type NativeAddon =
  | { readonly addon: Addon; readonly skip: false }
  | { readonly addon: undefined; readonly skip: string }

export function nativeAddon(): NativeAddon {
  const loaded = loadAddon()
  return loaded.kind === 'loaded' ? { addon: loaded.addon, skip: false } : { addon: undefined, skip: loaded.reason }
}

/** A guard without a thread. Its time passes by hand, as the JavaScript engine's does in its tests: to the point, and without waiting. */
export function guardByHand(addon: Addon): { readonly guard: Guard; readonly time: EngineTime } {
  const guard = openGuard(addon, { countdowns: 4096, processes: 64, byHand: true })
  return { guard, time: timeByHand(guard) }
}

/** The time of a guard without a thread, wherever it is. */
export function timeByHand(guard: Guard): EngineTime {
  let now = 1000
  const set = (to: number): void => {
    now = Math.max(now, to)
    guard.native.handSet(milliseconds(now))
  }
  set(now)
  const pass = async (ms: number): Promise<void> => {
    const end = now + ms
    for (let next = guard.native.handNext(); next <= end; next = guard.native.handNext()) {
      set(next)
      guard.native.handTurn()
      guard.deliver()
    }
    set(end)
  }
  const stall = async (ms: number): Promise<void> => set(now + ms)
  return { clock: new FakeClock(), tolerance: 0, pass, stall }
}
