import { closeSync } from 'node:fs'
import { HangdogError } from '../errors.js'
import type { Emit } from '../event/event.js'
import type { Clock, Milliseconds } from '../time.js'
import { type BeatReceiver, mainChannel } from '../watch/sign-of-life.js'
import type { NotifySurroundings } from './notify-source.js'
import type { PageServer } from './page-server.js'
import type { RareReport } from './rare-report.js'
import { ReadyGate } from './ready-gate.js'
import { type Refusal, reportRefusals } from './refusal.js'
import type { HeartbeatSource, StartedProcess } from './source.js'

/** Lines of a page of 4 KiB, without its head. The first is that of the main channel. */
export const linesPerPage = 63

/** The first that is free beside standard input, output and errors. */
const fileInService = 3

type LineNamed = NonNullable<NotifySurroundings['lineNamed']>

export interface PageSurroundings {
  /** What names the countdown of a channel in the guard; undefined when there is no such channel. */
  readonly countdownOf: (channel: string) => number | undefined
  /** All that a service says beside its beats comes in here, and goes to `receiver`. */
  readonly beside: (receiver: BeatReceiver, lineNamed: LineNamed) => HeartbeatSource
  /** Any process of the service may beat for it, not only the one that was started. */
  readonly admitsAll: boolean
  readonly clock: Clock
  readonly emit: Emit
}

interface BoundLine {
  readonly line: number
  readonly countdown: number
  /** Beats that were delivered to the receiver. */
  delivered: number
}

interface Page {
  readonly page: number
  /** Ours; undefined once the service has it. */
  file: number | undefined
  /** Whose beats count; 0 for anybody's. */
  pid: number
  readonly lines: Map<string, BoundLine>
}

/**
 * The service beats by shared memory: the guard sees a beat when it looks for one, and JavaScript hears only of those that change something.
 * Each run has a page of its own, so that nothing of an earlier run can beat for it.
 */
export class PageSource implements HeartbeatSource {
  readonly description = 'page'
  readonly #server: PageServer
  readonly #receiver: BeatReceiver
  readonly #countdownOf: PageSurroundings['countdownOf']
  readonly #beside: HeartbeatSource
  readonly #admitsAll: boolean
  readonly #refusals: RareReport<Refusal>
  #page: Page | undefined
  /** Of channels and runs that are over. */
  readonly #beatsBefore = new Map<string, number>()

  constructor(
    server: PageServer,
    receiver: BeatReceiver,
    { countdownOf, beside, admitsAll, clock, emit }: PageSurroundings,
  ) {
    this.#admitsAll = admitsAll
    this.#server = server
    this.#receiver = receiver
    this.#countdownOf = countdownOf
    this.#refusals = reportRefusals(emit, clock, receiver.service)
    const gate = new ReadyGate(
      receiver,
      () => this.#isOpened(),
      () => this.#refusals.note('unopened', ''),
    )
    this.#beside = beside(gate, (channel, line) => this.#bind(channel, line))
  }

  /** @throws HangdogError `unavailable` when there is no room for another page */
  environment(): Readonly<Record<string, string>> {
    this.#leavePage()
    const { page, file } = this.#server.keeper.openPage(linesPerPage)
    this.#page = { page, file, pid: 0, lines: new Map() }
    return { ...this.#beside.environment(), HANGDOG_PAGE: `${fileInService}:0:${linesPerPage}` }
  }

  files(): readonly number[] {
    return this.#page?.file === undefined ? [] : [this.#page.file]
  }

  serviceStarted(process: StartedProcess): void {
    this.#closeFile()
    if (this.#page !== undefined) this.#page.pid = this.#admitsAll ? 0 : process.pid
    this.#bind(mainChannel, 0)
    this.#beside.serviceStarted(process)
  }

  /** Whose beats count is another one now, unless anybody's do. */
  processReplaced(process: StartedProcess): void {
    const page = this.#page
    if (page !== undefined && !this.#admitsAll) {
      page.pid = process.pid
      for (const [channel, { line }] of [...page.lines]) this.#bind(channel, line)
    }
    this.#beside.processReplaced?.(process)
  }

  lastWords(): Promise<void> | undefined {
    return this.#beside.lastWords?.()
  }

  serviceEnded(): void {
    this.#beside.serviceEnded()
    this.#leavePage()
  }

  limitChanged(): void {
    this.#beside.limitChanged?.()
  }

  get guardedProcess(): number | undefined {
    return this.#beside.guardedProcess
  }

  async close(): Promise<void> {
    await this.#beside.close()
    this.#leavePage()
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#beside.counters(), ...this.#refusals.totals() }
  }

  beatsBeside(channel?: string): number {
    const names = channel === undefined ? this.#names() : [channel]
    let beats = 0
    for (const name of names)
      beats += (this.#beatsBefore.get(name) ?? 0) + this.#undelivered(this.#page?.lines.get(name))
    return beats
  }

  #names(): ReadonlySet<string> {
    return new Set([...this.#beatsBefore.keys(), ...(this.#page?.lines.keys() ?? [])])
  }

  /** A service counts its beats itself; what it says may be anything. */
  #undelivered(line: BoundLine | undefined): number {
    if (line === undefined) return 0
    return Math.max(0, this.#server.keeper.pageReading(line.countdown).beats - line.delivered)
  }

  #isOpened(): boolean {
    const page = this.#page
    const main = page?.lines.get(mainChannel)
    if (page === undefined || main === undefined) return false
    const { beater } = this.#server.keeper.pageReading(main.countdown)
    return page.pid === 0 ? beater !== 0 : beater === page.pid
  }

  #bind(channel: string, line: number): boolean {
    const page = this.#page
    const countdown = this.#countdownOf(channel)
    // The first line is that of the service itself.
    if (page === undefined || countdown === undefined || (line === 0) !== (channel === mainChannel)) return false
    this.#unbind(page, channel)
    const bound: BoundLine = { line, countdown, delivered: 0 }
    try {
      this.#server.bind(page.page, line, countdown, {
        beaten: (silent) => this.#beaten(channel, bound, silent),
        gapsSeen: (gap, count) => this.#receiver.gapsSeen(channel, gap, count),
        openedByOther: (pid) => channel === mainChannel && this.#refusals.note('other-beater', `pid ${pid}`),
        pid: page.pid,
      })
    } catch (error) {
      if (error instanceof HangdogError) return false
      throw error
    }
    page.lines.set(channel, bound)
    return true
  }

  #beaten(channel: string, bound: BoundLine, silent: Milliseconds | undefined): void {
    bound.delivered++
    if (channel === mainChannel) this.#receiver.beat(silent)
    else this.#receiver.beatChannel(channel, undefined, silent)
  }

  #unbind(page: Page, channel: string): void {
    const bound = page.lines.get(channel)
    if (bound === undefined) return
    this.#beatsBefore.set(channel, (this.#beatsBefore.get(channel) ?? 0) + this.#undelivered(bound))
    page.lines.delete(channel)
    this.#server.unbind(bound.countdown)
  }

  #leavePage(): void {
    const page = this.#page
    if (page === undefined) return
    for (const channel of [...page.lines.keys()]) this.#unbind(page, channel)
    this.#closeFile()
    this.#page = undefined
    this.#server.keeper.closePage(page.page)
  }

  #closeFile(): void {
    if (this.#page?.file === undefined) return
    closeSync(this.#page.file)
    this.#page.file = undefined
  }
}
