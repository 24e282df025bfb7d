import { setTimeout as sleep } from 'node:timers/promises'
import { readStat } from './linux-proc.js'
import { isSame, signalGroup, stoppingSignals } from './linux-signal.js'
import { hasEnded } from './linux-tree.js'
import type { ProcessIdentity, SignalOutcome } from './platform.js'

/** Processes that were a service's own before it handed over, the first one first; those in the middle are forgotten beyond this. */
const longest = 16

/** How soon the end of a process that is no child of ours is noticed where nobody tells us, in ms. */
const lookMs = 100

/** The same where somebody does, and could be lost. */
const besideMs = 2000

/**
 * The processes that one run has had as the service's own. The group and session of one that handed over are still those of the run, but
 * only while the kernel cannot give its number to somebody else: while it is there itself, or the present one is in its group or session.
 */
export class Lineage {
  readonly former: readonly ProcessIdentity[]
  readonly #own: ProcessIdentity
  /** Group and session of the present one when it took over: while it was there, nobody else could get these numbers. */
  readonly #joined: ReadonlySet<number>

  constructor(own: ProcessIdentity, former: readonly ProcessIdentity[]) {
    this.#own = own
    this.former = former
    const stat = former.length === 0 ? undefined : readStat(own.pid)
    this.#joined = new Set(stat?.startTime === own.startTime ? [stat.group, stat.session] : [])
  }

  followedBy(successor: ProcessIdentity): Lineage {
    const [first = this.#own, ...others] = [...this.former, this.#own].filter(({ pid }) => pid !== successor.pid)
    return new Lineage(successor, [first, ...others.slice(1 - longest)])
  }

  /** When the run began: nothing of it is older. */
  get since(): string {
    const oldest = Math.min(...[this.#own, ...this.former].map(({ startTime }) => Number(startTime)))
    return Number.isNaN(oldest) ? this.#own.startTime : String(oldest)
  }

  /** Of those that handed over: whose group and session are surely still the run's. */
  held(): readonly ProcessIdentity[] {
    if (this.former.length === 0) return []
    const stat = readStat(this.#own.pid)
    const joined = stat === undefined ? this.#joined : new Set(this.#isOwn(stat) ? [stat.group, stat.session] : [])
    return this.former.filter((one) => isSame(one) || (joined.has(one.pid) && readStat(one.pid) === undefined))
  }

  /** Sends to the groups of those that handed over. A stopped process is woken to take it. */
  signalFormer(signal: NodeJS.Signals): SignalOutcome {
    const sent = this.held().map((one) => {
      const outcome = signalGroup(one, signal)
      if (outcome.kind === 'sent' && !stoppingSignals.has(signal)) signalGroup(one, 'SIGCONT')
      return outcome
    })
    return sent.find(({ kind }) => kind === 'sent') ?? sent.find(({ kind }) => kind === 'refused') ?? { kind: 'gone' }
  }

  /** The present one is in the group of one that handed over, and gets what is sent to that. */
  get sharesGroup(): boolean {
    const group = this.former.length === 0 ? undefined : readStat(this.#own.pid)?.group
    return group !== this.#own.pid && this.held().some(({ pid }) => pid === group)
  }

  #isOwn({ startTime }: { readonly startTime: string }): boolean {
    return startTime === this.#own.startTime
  }
}

/** Resolves when the process has ended, by looking again and again. Never rejects. @param beside somebody else tells it as well, and sooner */
export async function pollEnd({ pid, startTime }: ProcessIdentity, beside = false): Promise<void> {
  for (;;) {
    const stat = readStat(pid)
    if (stat === undefined || stat.startTime !== startTime || hasEnded(stat)) return
    await sleep(beside ? besideMs : lookMs, undefined, { ref: !beside })
  }
}
