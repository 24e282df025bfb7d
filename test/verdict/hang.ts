import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, faults, prepareFault } from '../../src/fault/kit.js'
import { until } from './running-command.js'
import { hang, type Outcome, withDirectory } from './trial.js'
import type { OwnService, Setting, Watcher } from './watched.js'

/** The ways to hang that hangdog ships. */
export const hangs: readonly Fault[] = faults

/** Beats within one limit, and the longest time between two, in ms: a hang begins that much after the last beat, which blurs the times. */
const beatsPerLimit = 8
const longestIntervalMs = 10

/** Starts the service of one kind, lets it beat, and hangs it. */
export async function tryHang(watcher: Watcher, fault: Fault, limitMs: number): Promise<Outcome> {
  return await withDirectory(async ({ directory, cleanUp }) => {
    // A hold usually lasts minutes. Here it may last as long as the limit, and the verdict is due after both.
    const held = watcher.name === 'hangdog' ? fault.expected.held : undefined
    const setting: Setting = { options: held === undefined ? [] : ['--hold', `${held}=${limitMs}ms`] }
    const own = watcher.ownHang?.(directory, fault) ?? (await prepareService(fault, directory, limitMs, cleanUp))
    if ('missing' in own) return { kind: 'broken', detail: own.missing }
    const watched = await watcher.start({ service: own.service, limitMs, directory, setting })
    cleanUp(() => watched.end())
    // It works for a while, so that it is no start that hangs.
    await sleep(500)
    const early = watched.action()
    if (early !== undefined) return { kind: 'false', detail: `before it hung: ${early.what}` }
    return await hang(watched, held === undefined ? limitMs : 2 * limitMs, async () => ({
      at: await own.hang(watched),
    }))
  })
}

async function prepareService(
  { kind }: Fault,
  directory: string,
  limitMs: number,
  cleanUp: (task: () => unknown) => void,
): Promise<OwnService | { readonly missing: string }> {
  const folder = join(directory, 'service')
  mkdirSync(folder)
  const intervalMs = Math.round(Math.min(longestIntervalMs, limitMs / beatsPerLimit))
  const prepared = await prepareFault(kind, folder, { intervalMs })
  if ('missing' in prepared) return prepared
  cleanUp(() => prepared.dispose())
  const { heartbeat, command, args, env, trigger } = prepared
  return {
    service: { heartbeat, command: [command, ...args], environment: env },
    hang: async () => {
      writeFileSync(trigger, '')
      await until(() => (existsSync(trigger) ? undefined : true), 'hang')
      return Date.now()
    },
  }
}
