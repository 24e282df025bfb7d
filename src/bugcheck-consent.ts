import { uptime } from 'node:os'
import { listIncidents } from './incident/incident-reader.js'
import type { StateDirectory } from './state-directory.js'
import { type Clock, formatDuration, type Milliseconds } from './time.js'
import type { BugCheckGate, BugCheckPermit } from './watch/surroundings.js'

/** Limits against a machine that stops itself again and again (design: the machine is not taken by surprise). */
export interface BugCheckLimits {
  /** The machine must have been up for this long. Default 10 min. */
  readonly minimumUptime: Milliseconds
  /** Bugchecks per period. Default 2 in 24 h. */
  readonly limit: number
  readonly period: Milliseconds
}

/** What the incident log says when the machine is about to be stopped; recovery.ts writes it. */
const bugCheckStep = /^bugcheck by /

/** What the stored properties say about stopping this machine. */
export interface BugCheckSettings extends BugCheckLimits {
  /** BugCheckConsent. */
  readonly consent: boolean
}

/** Decides whether this machine may be stopped. All it needs is read ahead of time: the decision itself must not wait for a file system. */
export class BugCheckConsent implements BugCheckGate {
  readonly #incidents: string
  readonly #clock: Clock
  readonly #settings: () => BugCheckSettings
  /** Undefined until they are counted. */
  #recent: readonly Date[] | undefined

  /** @param settings asked at each decision */
  constructor(state: Pick<StateDirectory, 'incidents'>, clock: Clock, settings: () => BugCheckSettings) {
    this.#incidents = state.incidents
    this.#clock = clock
    this.#settings = settings
  }

  /** Reads when this machine was stopped before. Until it has, the machine is not stopped. Never rejects. */
  async open(): Promise<void> {
    this.#recent = await findBugChecks(this.#incidents)
  }

  permit(): BugCheckPermit {
    const { consent, minimumUptime, limit, period } = this.#settings()
    if (!consent) return refused('no consent on this machine (hangdog prop set BugCheckConsent=1, as root)')
    if (uptime() * 1000 < minimumUptime) {
      return refused(
        `the machine has been up for ${Math.round(uptime())} s only; BugCheckMinimumUptime is ${formatDuration(minimumUptime)}`,
      )
    }
    if (this.#recent === undefined) return refused('earlier bugchecks have not been counted yet')
    const since = this.#clock.wallNow().getTime() - period
    const earlier = this.#recent.filter((at) => at.getTime() >= since).length
    if (earlier >= limit) {
      return refused(`${earlier} bugchecks in the last ${formatDuration(period)}; BugCheckLimit is ${limit}`)
    }
    return { kind: 'granted' }
  }
}

function refused(reason: string): BugCheckPermit {
  return { kind: 'refused', reason }
}

async function findBugChecks(directory: string): Promise<readonly Date[]> {
  const incidents = await listIncidents(directory).catch(() => [])
  return incidents.flatMap((incident) =>
    incident.kind === 'whole' && incident.steps.some(({ text }) => bugCheckStep.test(text))
      ? [new Date(incident.opened.openedAt)]
      : [],
  )
}
