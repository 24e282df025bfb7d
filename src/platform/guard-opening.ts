import type { Addon, AddonGuard } from './addon.js'
import { errorName } from './guard-result.js'

export interface GuardOptions {
  /** Default 131,072. Memory is taken as they are made. */
  readonly countdowns?: number
  /** Default 131,072. */
  readonly processes?: number
  /** Bytes of notices and messages that may wait for us; a power of two. Default 4 MiB. */
  readonly ringBytes?: number
  /** Run by SCHED_FIFO where permitted. Default true. */
  readonly realtime?: boolean
  /** Keep its memory from being swapped out, where permitted. Default true. */
  readonly lockMemory?: boolean
  /** No thread: time and turns are moved by hand. For tests. */
  readonly byHand?: boolean
}

/** Of native/guard/guard.h. */
const flag = { byHand: 1, realtime: 2, lockOwn: 4 } as const

/** @returns a negative errno value when it cannot be opened */
export function openNative(addon: Addon, options: GuardOptions, woken: () => void): AddonGuard | number {
  const { countdowns = 1 << 17, processes = 1 << 17, ringBytes = 1 << 22 } = options
  const flags =
    (options.byHand === true ? flag.byHand : 0) |
    ((options.realtime ?? true) ? flag.realtime : 0) |
    ((options.lockMemory ?? true) ? flag.lockOwn : 0)
  return addon.open(countdowns, processes, ringBytes, flags, 0, woken)
}

/** How much the guard got of what makes it strong; each is true, or why not. */
export interface GuardStrength {
  readonly realtime: true | string
  readonly memoryLocked: true | string
}

/** @returns what the native guard has got, by the guard that was opened */
export function strengthOf(native: AddonGuard): GuardStrength {
  const got = native.strength()
  return {
    realtime: granted(got?.realtime),
    memoryLocked: granted(got?.lockedOwn === -1 ? got.lockedAll : got?.lockedOwn),
  }
}

function granted(result: number | undefined): true | string {
  if (result === 0) return true
  return result === undefined || result < 0 ? 'not asked for' : errorName(-result)
}
