import { readFile, rm } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { writeDurably } from './durable-file.js'
import { HangdogError, systemCode } from './errors.js'
import { listIncidents } from './incident/incident-reader.js'
import type { StateDirectory } from './state-directory.js'
import { type Clock, formatDuration, type Milliseconds, type Scheduled, seconds } from './time.js'
import type { BugCheckGate, BugCheckPermit } from './watch/surroundings.js'

/** Limits against a machine that stops itself again and again (design: the machine is not taken by surprise). */
export interface BugCheckLimits {
  /** The machine must have been up for this long. Default 10 min. */
  readonly minimumUptime: Milliseconds
  /** Bugchecks per period. Default 2 in 24 h. */
  readonly limit: number
  readonly period: Milliseconds
}

export const defaultBugCheckLimits: BugCheckLimits = { minimumUptime: seconds(600), limit: 2, period: seconds(86_400) }

const refreshInterval = seconds(5)

/** What the incident log says when the machine is about to be stopped; recovery.ts writes it. */
const bugCheckStep = /^bugcheck by /

/**
 * Keeps what decides whether this machine may be stopped, read ahead of time: the decision itself must not wait for a file system.
 * The consent is read again every few seconds, so that giving or withdrawing it takes effect without a restart.
 */
export class BugCheckConsent implements BugCheckGate {
  readonly #path: string
  readonly #incidents: string
  readonly #clock: Clock
  readonly #limits: BugCheckLimits
  #given = false
  #earlier = 0
  #timer: Scheduled | undefined

  constructor(state: StateDirectory, clock: Clock, limits: BugCheckLimits = defaultBugCheckLimits) {
    this.#path = consentPath(state)
    this.#incidents = state.incidents
    this.#clock = clock
    this.#limits = limits
  }

  /** Reads everything once, and the consent again from time to time. Not called, the machine is never stopped. */
  async open(): Promise<void> {
    this.#earlier = await countBugChecks(this.#incidents, this.#clock, this.#limits.period)
    await this.#refresh()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  permit(): BugCheckPermit {
    const { minimumUptime, limit, period } = this.#limits
    if (!this.#given) return refused('no consent on this machine (hangdog prop set BugCheckConsent=1, as root)')
    if (uptime() * 1000 < minimumUptime) {
      return refused(
        `the machine has been up for ${Math.round(uptime())} s only; BugCheckMinimumUptime is ${formatDuration(minimumUptime)}`,
      )
    }
    if (this.#earlier >= limit) {
      return refused(`${this.#earlier} bugchecks in the last ${formatDuration(period)}; BugCheckLimit is ${limit}`)
    }
    return { kind: 'granted' }
  }

  async #refresh(): Promise<void> {
    this.#given = (await readConsent(this.#path)) === 1
    this.#timer = this.#clock.schedule(refreshInterval, () => void this.#refresh())
  }
}

function refused(reason: string): BugCheckPermit {
  return { kind: 'refused', reason }
}

function consentPath(state: StateDirectory): string {
  return join(state.root, 'BugCheckConsent')
}

async function readConsent(path: string): Promise<0 | 1> {
  try {
    return (await readFile(path, 'utf8')).trim() === '1' ? 1 : 0
  } catch {
    return 0
  }
}

export function getConsent(state: StateDirectory): Promise<0 | 1> {
  return readConsent(consentPath(state))
}

/**
 * Gives or withdraws the consent to stop this machine.
 * @throws HangdogError `permission` when not root, `create` when it cannot be written
 */
export async function setConsent(state: StateDirectory, value: 0 | 1): Promise<void> {
  if (process.geteuid !== undefined && process.geteuid() !== 0) {
    throw new HangdogError(
      'permission',
      `cannot set property "BugCheckConsent": expected to be run by root, not by user ${process.geteuid()}`,
    )
  }
  const path = consentPath(state)
  try {
    if (value === 1) await writeDurably(path, '1\n')
    else await rm(path, { force: true })
  } catch (error) {
    const reason = systemCode(error) ?? 'it cannot be written'
    throw new HangdogError('create', `cannot set property "BugCheckConsent" in "${path}": ${reason}`, error)
  }
}

async function countBugChecks(directory: string, clock: Clock, period: Milliseconds): Promise<number> {
  const since = clock.wallNow().getTime() - period
  const incidents = await listIncidents(directory).catch(() => [])
  const recent = incidents.filter(
    (incident) => incident.kind === 'whole' && new Date(incident.opened.openedAt).getTime() >= since,
  )
  return recent.filter(
    (incident) => incident.kind === 'whole' && incident.steps.some(({ text }) => bugCheckStep.test(text)),
  ).length
}
