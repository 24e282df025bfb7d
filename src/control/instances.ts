import { join } from 'node:path'
import { describeError, systemCode } from '../errors.js'
import { checkInstanceName, listNames, type StateDirectory } from '../state-directory.js'
import { callControl } from './client.js'
import type { InstanceDescription } from './protocol.js'

/** A hangdog that runs, and where to ask it. */
export interface LiveInstance {
  readonly name: string
  /** Its control socket. */
  readonly path: string
  readonly description: InstanceDescription
}

export interface Instances {
  /** By name. */
  readonly live: readonly LiveInstance[]
  /** Names of those that take a connection and do not answer, or may not be asked, with the reason. Dead ones are in neither list. */
  readonly silent: readonly { readonly name: string; readonly reason: string }[]
}

const extension = '.sock'

/**
 * The control socket of an instance.
 * @throws HangdogError `usage` when the name cannot be part of a file name
 */
export function controlPath(directory: Pick<StateDirectory, 'control'>, instance: string): string {
  return join(directory.control, `${checkInstanceName(instance)}${extension}`)
}

/**
 * Finds the hangdogs that run with a state directory, by asking at all control sockets.
 * @param timeoutMs for each to answer; default 2000
 * @throws HangdogError `permission` or `unavailable` when the directory cannot be read
 */
export async function liveInstances(
  directory: Pick<StateDirectory, 'control'>,
  timeoutMs?: number,
): Promise<Instances> {
  const names = await instanceNames(directory)
  const asked = await Promise.all(names.map((name) => ask(name, controlPath(directory, name), timeoutMs)))
  return {
    live: asked.flatMap((each) => (each.kind === 'live' ? [each.instance] : [])),
    silent: asked.flatMap((each) => (each.kind === 'silent' ? [{ name: each.name, reason: each.reason }] : [])),
  }
}

/**
 * The names that the control sockets have; some may be of hangdogs that have ended.
 * @throws HangdogError as `liveInstances`
 */
export function instanceNames({ control }: Pick<StateDirectory, 'control'>): Promise<readonly string[]> {
  return listNames(control, extension, 'control sockets')
}

type Asked =
  | { readonly kind: 'live'; readonly instance: LiveInstance }
  | { readonly kind: 'silent'; readonly name: string; readonly reason: string }
  | { readonly kind: 'dead' }

async function ask(name: string, path: string, timeoutMs: number | undefined): Promise<Asked> {
  try {
    return { kind: 'live', instance: { name, path, description: await callControl(path, 'describe', {}, timeoutMs) } }
  } catch (error) {
    const code = error instanceof Error ? systemCode(error.cause) : undefined
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return { kind: 'dead' }
    return { kind: 'silent', name, reason: describeError(error) }
  }
}

/** A proposed name, made unique beside a hangdog that has it already. */
export async function freeInstanceName(directory: Pick<StateDirectory, 'control'>, proposed: string): Promise<string> {
  const { live, silent } = await liveInstances(directory)
  const taken = [...live, ...silent].some(({ name }) => name === proposed)
  return taken ? `${proposed}-${process.pid}` : proposed
}
