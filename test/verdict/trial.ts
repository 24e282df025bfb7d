import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance, Obeyed, Preparation, Stage } from './disturbance.js'
import { freePort } from './free-port.js'
import { isAlive, patienceMs } from './running-command.js'
import { giveOrder, makeSubject } from './subject.js'
import type { Action, Watched, Watcher } from './watched.js'

/** How one run of one scenario went. */
export type Outcome =
  /** A hang, found and ended. Times in ms after the end of the limit. */
  | { readonly kind: 'detected'; readonly verdictMs: number; readonly endMs: number }
  /** A disturbance: noticed, and nothing was done to the service. It was still watched: a hang after it was found. */
  | {
      readonly kind: 'held'
      readonly reasons: readonly string[]
      readonly verdictMs: number
      readonly endMs: number
    }
  /** A disturbance: nothing was done to the service, nor noticed. A hang after it was found. */
  | { readonly kind: 'unharmed'; readonly verdictMs: number; readonly endMs: number }
  /** A hang that was not found. */
  | { readonly kind: 'missed'; readonly detail: string }
  /** A healthy service was taken for hung, or touched. */
  | { readonly kind: 'false'; readonly detail: string }
  /** It proves nothing: the disturbance itself did not work. */
  | { readonly kind: 'broken'; readonly detail: string }

/** Puts a healthy service through a disturbance, and then hangs it to see that it is watched still. */
export async function tryDisturbance(watcher: Watcher, disturbance: Disturbance, limitMs: number): Promise<Outcome> {
  return await withDirectory(async (preparation) => {
    const setting = (await disturbance.prepare?.({ ...preparation, limitMs })) ?? {}
    const { directory } = preparation
    const own = watcher.ownService?.(directory)
    const service = own?.service ?? makeSubject(disturbance.subject, directory, await freePort())
    const watched = await watcher.start({ service, limitMs, directory, setting })
    preparation.cleanUp(() => watched.end())
    const order = async (text: string): Promise<Obeyed> => {
      const obeyed = await giveOrder(directory, text)
      // Another watchdog may leave behind what is not its own child.
      preparation.cleanUp(() => isAlive(obeyed.pid) && process.kill(obeyed.pid, 'SIGKILL'))
      return obeyed
    }
    const stage: Stage = { ...preparation, limitMs, watched, order }
    // Some beats first, so that it is no start that is disturbed.
    await sleep(limitMs / 2)
    await disturbance.disturb(stage)
    // What the disturbance has led to shows within a limit after it.
    await sleep(limitMs * 1.25 + 250)
    const action = watched.action()
    if (action !== undefined) {
      const detail = action.what
      return disturbance.timed === true ? await judgeAlarm(watched, action, limitMs) : { kind: 'false', detail }
    }
    if (watched.command.hasExited) return { kind: 'false', detail: 'the service was ended' }
    const reasons = [...new Set(watched.holds())]
    if (disturbance.expects === 'held' && reasons.length === 0) {
      return { kind: 'broken', detail: 'nothing was held: the disturbance did not reach it' }
    }
    const after = await hang(watched, limitMs, async () =>
      own === undefined ? await stage.order('hang') : { at: await own.hang(watched) },
    )
    if (after.kind !== 'detected') return after
    const times = { verdictMs: after.verdictMs, endMs: after.endMs }
    return reasons.length > 0 ? { kind: 'held', reasons, ...times } : { kind: 'unharmed', ...times }
  })
}

/**
 * A false alarm, unless the service itself says, when it is ended, that it was silent for longer than the limit: then the machine
 * was too busy for what was asked of the service.
 */
async function judgeAlarm(watched: Watched, action: Action, limitMs: number): Promise<Outcome> {
  await waitFor(() => action.goneAt(), patienceMs)
  const said = watched.serviceLines.map((line) => /^longest silence: (\d+) ms/.exec(line)?.[1])
  const silentMs = Number(said.find((text) => text !== undefined) ?? 0)
  if (silentMs < limitMs) return { kind: 'false', detail: action.what }
  return { kind: 'broken', detail: `the service was silent for ${silentMs} ms, not for less than ${limitMs} ms` }
}

/** Hangs a service that was well until now. @param order has it hang; its last beat comes right before */
export async function hang(
  watched: Watched,
  limitMs: number,
  order: () => Promise<Pick<Obeyed, 'at'>>,
): Promise<Outcome> {
  const { at: lastBeatAt } = await order()
  const action = await waitFor(() => watched.action(), limitMs + patienceMs)
  if (action === undefined) return { kind: 'missed', detail: `no verdict ${limitMs + patienceMs} ms after it hung` }
  // Some give a service half a minute to end by itself.
  const goneAt = await waitFor(() => action.goneAt(), 1.5 * patienceMs)
  if (goneAt === undefined) return { kind: 'missed', detail: `${action.what}: and it is not gone` }
  const late = (at: number): number => at - lastBeatAt - limitMs
  return { kind: 'detected', verdictMs: late(action.at), endMs: late(goneAt) }
}

/** A directory for one run, which is cleaned up whatever happens. */
export async function withDirectory(
  run: (preparation: Omit<Preparation, 'limitMs'>) => Promise<Outcome>,
): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-verdict-'))
  const tasks: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 })]
  try {
    return await run({ directory, cleanUp: (task) => tasks.push(task) })
  } catch (error) {
    return { kind: 'broken', detail: error instanceof Error ? error.message : String(error) }
  } finally {
    for (const task of tasks.reverse()) await Promise.resolve().then(task).catch(reportLeftover)
  }
}

function reportLeftover(error: unknown): void {
  console.error('verdict: something of a run is left behind:', error)
}

async function waitFor<T>(look: () => T | undefined, withinMs: number): Promise<T | undefined> {
  const end = performance.now() + withinMs
  for (;;) {
    const found = look()
    if (found !== undefined || performance.now() > end) return found
    await sleep(10)
  }
}
