import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { HangdogError } from '../errors.js'
import { type Addon, type AddonGuardProcess, addonFolder } from './addon.js'
import { runCommand } from './command.js'
import { Guard } from './guard.js'
import { GuardHeir } from './guard-heir.js'
import { type GuardOptions, openNative } from './guard-opening.js'
import { errorName } from './guard-result.js'
import { readStat } from './linux-proc.js'
import type { ProcessIdentity } from './platform.js'

/** What the guard process may take to be ready, in ms. It has little to do; the machine may be busy. */
const startLimitMs = 15_000

export interface GuardProcessOptions extends GuardOptions {
  /** Of its socket, in a directory of ours. */
  readonly path: string
  /** Seconds without an owner and without anything to watch, after which it ends. Default 60. */
  readonly idleSeconds?: number
  /** Told once, when the guard process is gone. @param why there is no other guard; undefined when one in this process has taken over */
  readonly lost: (why: string | undefined) => void
}

/** A process that the guard kept watched while it had no owner. */
export interface Resident {
  /** What names it in the guard. */
  readonly process: number
  readonly identity: ProcessIdentity
  /** The countdown that its beats reset, with what is known of it; undefined for none. */
  readonly countdown: number | undefined
  /** It has given beats since it was labelled. */
  readonly hasBeaten: boolean
  readonly ended: boolean
  /** The guard is just at ending it. */
  readonly isActedOn: () => boolean
  /** The guard ended it, because it was silent and nobody else was there. */
  readonly acted: boolean
  readonly label: string
}

/** GUARD_BUSY. */
const busyState = 4

/** A guard that is a process of its own. */
export interface GuardProcess {
  readonly guard: Guard
  readonly pid: number
  /** Those that an owner before us left behind; each is ours from now on, to adopt or to forget. */
  readonly residents: readonly Resident[]
  /** Keeps a process watched when we are gone. @param beatsHere its beats reach the guard without us */
  label(process: number, beatsHere: boolean, label: string): void
  /** We leave in order: it ends, and nothing is watched any more. */
  end(): void
}

/** Finds the program beside what node-gyp-build would load: what was built on this machine, then what came with a release. */
export function findGuardProgram(folder = addonFolder()): string | undefined {
  const places = [join('build', 'Release'), join('prebuilds', `${process.platform}-${process.arch}`)]
  return places.map((place) => join(folder, place, 'hangdog-guard')).find((file) => existsSync(file))
}

/** Why there is no program to run; undefined when there is one. */
export function lackOfGuardProgram(folder = addonFolder()): string | undefined {
  return findGuardProgram(folder) === undefined
    ? `the guard program is not built for this machine: there is none in ${folder}`
    : undefined
}

/**
 * Becomes the owner of the guard process at this path, which is started when there is none.
 * @throws HangdogError `unavailable` when it cannot be started, `create` when another hangdog owns it
 */
export async function openGuardProcess(addon: Addon, options: GuardProcessOptions): Promise<GuardProcess> {
  let deliver = (): void => {}
  const connected = await connect(addon, options, () => deliver())
  const heir = new GuardHeir(
    connected,
    () => openNative(addon, options, () => deliver()),
    (opened) => options.lost(typeof opened === 'number' ? errorName(opened) : undefined),
  )
  const guard = new Guard((woken) => {
    deliver = woken
    return heir
  })
  return {
    guard,
    pid: heir.guardPid,
    residents: readResidents(heir, guard),
    label: (process, beatsHere, label) => {
      const result = heir.processLabel(process, beatsHere ? 1 : 0, label)
      if (result < 0) throw new HangdogError('unavailable', `cannot label a process: ${errorName(result)}`)
    },
    end: () => void heir.end(),
  }
}

async function connect(addon: Addon, options: GuardProcessOptions, woken: () => void): Promise<AddonGuardProcess> {
  const { path } = options
  let result = addon.connect(path, woken)
  if (result === -constants.errno.ENOENT || result === -constants.errno.ECONNREFUSED) {
    await startProgram(options)
    result = addon.connect(path, woken)
  }
  if (typeof result !== 'number') return result
  if (result > 0) {
    throw new HangdogError('create', `cannot use the guard process at "${path}": hangdog with pid ${result} owns it`)
  }
  const why = result === -constants.errno.EPROTO ? 'it is of another version of hangdog' : errorName(result)
  throw new HangdogError('unavailable', `cannot use the guard process at "${path}": ${why}`)
}

/** Resolves when it listens. It leaves our session and outlives us. */
async function startProgram(options: GuardProcessOptions): Promise<void> {
  const command = findGuardProgram()
  const lack = lackOfGuardProgram()
  if (command === undefined) throw new HangdogError('unavailable', `cannot start the guard process: ${lack}`)
  const done = await runCommand({ command, args: toArguments(options), timeoutMs: startLimitMs, environment: {} })
  if (done.kind === 'done' && done.exit.kind === 'code' && done.exit.code === 0) return
  throw new HangdogError('unavailable', `cannot start the guard process "${command}": ${describe(done)}`)
}

function toArguments(options: GuardProcessOptions): readonly string[] {
  const number = (name: string, value: number | undefined): readonly string[] =>
    value === undefined ? [] : [`--${name}`, String(value)]
  return [
    '--socket',
    options.path,
    ...number('countdowns', options.countdowns),
    ...number('processes', options.processes),
    ...number('ring', options.ringBytes),
    ...number('idle', options.idleSeconds),
    ...(options.byHand === true ? ['--by-hand'] : []),
    ...(options.realtime === false ? ['--no-realtime'] : []),
    ...(options.lockMemory === false ? ['--no-lock'] : []),
  ]
}

function describe(result: Awaited<ReturnType<typeof runCommand>>): string {
  if (result.kind === 'not-started') return result.error
  if (result.kind === 'timed-out') return `it was not ready within ${startLimitMs / 1000} s`
  const said = result.stderr.trim()
  if (said !== '') return said
  return result.exit.kind === 'code' ? `exit code ${result.exit.code}` : 'it was ended by a signal'
}

function readResidents(heir: GuardHeir, guard: Guard): readonly Resident[] {
  const residents: Resident[] = []
  for (let next = heir.inventory(0); next !== undefined; next = heir.inventory(next.next)) {
    const { process, pid, countdown, label } = next
    const identity = { pid, startTime: readStat(pid)?.startTime ?? 'unknown' }
    // Asked after looking: while it has not ended, its number is nobody else's.
    const ended = next.ended === 1 || heir.processEnded(process) !== 0
    const reading = countdown === 0 ? undefined : heir.countdownReading(countdown)
    heir.know(process, pid, Number(identity.startTime) || 0)
    if (!ended) guard.knowProcess(pid, process)
    residents.push({
      process,
      identity,
      countdown: reading === undefined ? undefined : countdown,
      hasBeaten: reading !== undefined && reading.beats > 0,
      ended,
      isActedOn: () => reading !== undefined && heir.countdownReading(countdown)?.state === busyState,
      acted: next.acted === 1,
      label,
    })
  }
  return residents
}
