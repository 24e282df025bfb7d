import { HangdogError } from '../errors.js'
import { longestLimit } from '../time.js'
import { shortestLimit } from '../watch/policy.js'
import { channelPattern } from '../watch/sign-of-life.js'
import { findTarget, Link } from './link.js'
import { findModuleFile } from './module-file.js'
import { openPageBeat } from './page-client.js'

/** How a program tells hangdog about itself. No call ever waits; none but `channel` throws. */
export interface Heartbeat {
  /** Whether hangdog watches this program. When not, every call does nothing. */
  readonly available: boolean
  readonly connected: boolean
  /** Calls whose message did not leave this program: hangdog was away, or did not read. */
  readonly dropped: number
  /** Start-up is finished. */
  ready(): void
  /** A sign of life. Call it where the work is done, not from a timer of its own. */
  beat(): void
  /** One line for `hangdog status`; at most 1,000 characters are sent. */
  status(text: string): void
  /** An orderly end has begun; silence is no hang from here on. */
  stopping(): void
  /** Asks to be treated as hung, now. */
  trigger(): void
  /** Asks for this much more time, once. @param ms from now; more than 0 */
  extend(ms: number): void
  /**
   * Opens a channel: a part of the program with a heartbeat and a limit of its own. The program is alive only while all its channels are.
   * @param name letters, digits and `._:-`, at most 64, not ending in `:idle` or a colon and digits
   * @throws HangdogError `usage` for a name or limit that cannot be used
   */
  channel(name: string, options?: ChannelOptions): HeartbeatChannel
}

export interface ChannelOptions {
  /** Longest silence, in ms; at least 20. Default: the limit of the service. */
  readonly timeout?: number
}

export interface HeartbeatChannel {
  readonly name: string
  beat(): void
  /** A beat that counts only when the number differs from the last one. @param done a whole number, 0 or more; others are dropped */
  progress(done: number): void
  /** Nothing to do: no countdown until the next beat. */
  idle(): void
  /** Ends the channel in order. Calls after that do nothing. */
  close(): void
}

const longestStatus = 1000

/** The client that `import { heartbeat } from 'hangdog'` gives. It connects at the first call. */
export class HeartbeatClient implements Heartbeat {
  readonly #target: ReturnType<typeof findTarget>
  readonly #environment: NodeJS.ProcessEnv
  /** Null when there is no shared memory to beat in; undefined before the first beat, which looks for it. */
  #pageBeat: (() => void) | null | undefined
  readonly #beatKernel: () => void
  readonly #channels = new Map<string, OpenChannel>()
  #link: Link | undefined
  #ready = false
  #stopping = false
  #status: string | undefined
  #invalid = 0

  constructor(environment: NodeJS.ProcessEnv) {
    this.#target = findTarget(environment)
    this.#environment = environment
    this.#beatKernel = findModuleFile(environment)
  }

  get available(): boolean {
    return this.#target !== undefined
  }

  get connected(): boolean {
    return this.#link?.connected ?? false
  }

  get dropped(): number {
    return this.#invalid + (this.#link?.dropped ?? 0)
  }

  ready(): void {
    this.#say('READY=1\n')
    this.#ready = true
  }

  beat(): void {
    if (this.#pageBeat === undefined) this.#pageBeat = openPageBeat(this.#environment) ?? null
    if (this.#pageBeat === null) this.#say('WATCHDOG=1\n')
    else this.#pageBeat()
    this.#beatKernel()
  }

  status(text: string): void {
    const status = `STATUS=${String(text).slice(0, longestStatus).replaceAll('\n', ' ')}\n`
    this.#say(status)
    this.#status = status
  }

  stopping(): void {
    this.#say('STOPPING=1\n')
    this.#stopping = true
  }

  trigger(): void {
    this.#say('WATCHDOG=trigger\n')
  }

  extend(ms: number): void {
    if (ms > 0 && ms <= longestLimit) this.#say(`EXTEND_TIMEOUT_USEC=${Math.round(ms * 1000)}\n`)
    else this.#invalid++
  }

  channel(name: string, options: ChannelOptions = {}): HeartbeatChannel {
    checkChannel(name, options)
    const channel = new OpenChannel(name, options, {
      say: (line) => this.#say(line),
      refuse: () => this.#invalid++,
      closed: (closed) => {
        if (this.#channels.get(name) === closed) this.#channels.delete(name)
      },
    })
    this.#say(channel.greeting())
    this.#channels.set(name, channel)
    return channel
  }

  #say(lines: string): void {
    if (this.#target === undefined) return
    this.#link ??= new Link(this.#target, () => this.#greeting())
    this.#link.send(lines)
  }

  /** What a hangdog that was restarted has to be told. */
  #greeting(): string {
    const channels = [...this.#channels.values()].map((channel) => channel.greeting())
    return [this.#ready ? 'READY=1\n' : '', this.#status ?? '', ...channels, this.#stopping ? 'STOPPING=1\n' : ''].join(
      '',
    )
  }
}

interface ChannelOwner {
  say(line: string): void
  refuse(): void
  closed(channel: OpenChannel): void
}

class OpenChannel implements HeartbeatChannel {
  readonly name: string
  readonly #options: ChannelOptions
  readonly #owner: ChannelOwner
  readonly #beatLine: string
  #idle = false
  #open = true

  constructor(name: string, options: ChannelOptions, owner: ChannelOwner) {
    this.name = name
    this.#options = options
    this.#owner = owner
    this.#beatLine = `HEARTBEAT=${name}\n`
  }

  beat(): void {
    this.#beat(this.#beatLine)
  }

  progress(done: number): void {
    if (Number.isSafeInteger(done) && done >= 0) this.#beat(`HEARTBEAT=${this.name}:${done}\n`)
    else this.#owner.refuse()
  }

  idle(): void {
    this.#beat(`HEARTBEAT=${this.name}:idle\n`)
    this.#idle = true
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#owner.say(`CHANNEL_CLOSE=${this.name}\n`)
    this.#owner.closed(this)
  }

  greeting(): string {
    const { timeout } = this.#options
    const limit = timeout === undefined ? '' : `:${Math.round(timeout * 1000)}`
    return `CHANNEL=${this.name}${limit}\n${this.#idle ? `HEARTBEAT=${this.name}:idle\n` : ''}`
  }

  #beat(line: string): void {
    if (!this.#open) return
    this.#idle = false
    this.#owner.say(line)
  }
}

function checkChannel(name: string, { timeout }: ChannelOptions): void {
  if (typeof name !== 'string' || !channelPattern.test(name) || /:(?:idle|\d+)$/.test(name)) {
    throw new HangdogError(
      'usage',
      `cannot open channel "${String(name)}": expected 1 to 64 letters, digits or ._:- that do not end in :idle or a colon and digits`,
    )
  }
  if (timeout === undefined) return
  if (typeof timeout !== 'number' || !(timeout >= shortestLimit && timeout <= longestLimit)) {
    throw new HangdogError(
      'usage',
      `cannot open channel "${name}": expected a timeout from ${shortestLimit} to ${longestLimit} ms, not ${String(timeout)} (${typeof timeout})`,
    )
  }
}
