import type { Exhibit } from '../watch/evidence.js'
import { toRecord } from './protocol-channel.js'

/** What the main thread was doing when the light capture was taken, on one line; undefined when that was not captured. */
export function describeBeginning(exhibits: readonly Exhibit[]): string | undefined {
  const found = exhibits.find(({ name }) => name === 'process')
  if (found?.kind !== 'captured') return undefined
  const { threads } = toRecord(found.content)
  const { count, threads: list } = toRecord(threads)
  const [first] = Array.isArray(list) ? list : []
  if (first === undefined) return undefined
  const { state, syscall, on, waitChannel } = toRecord(first)
  const others = typeof count === 'number' && count > 1 ? `, ${count - 1} other threads` : ''
  return `main thread ${describeDoing(String(state), syscall, toRecord(on).path, waitChannel)}${others}`
}

function describeDoing(state: string, syscall: unknown, path: unknown, waitChannel: unknown): string {
  const call = typeof syscall === 'string' && syscall.includes('(') ? `in ${syscall}` : stateNames[state]
  const target = typeof path === 'string' && path !== '' && call?.includes(path) === false ? ` on ${path}` : ''
  const wait = typeof waitChannel === 'string' && waitChannel !== '' ? `, waiting in ${waitChannel}` : ''
  return `${call ?? 'in an unknown state'}${target}${wait} (${state})`
}

const stateNames: Readonly<Record<string, string>> = {
  R: 'on CPU or ready for it',
  S: 'asleep',
  D: 'blocked in the kernel',
  T: 'stopped',
  t: 'stopped by a debugger',
  Z: 'ended',
}
