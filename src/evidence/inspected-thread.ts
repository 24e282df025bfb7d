import { HangdogError } from '../errors.js'
import { type InspectorNews, toList, toRecord } from './protocol-channel.js'
import { type Settleable, settleable } from './settleable.js'

/** One call on a stack, as V8 says it. Line and column count from 0. */
export interface RawFrame {
  readonly id: string
  readonly function: string
  readonly scriptId: string
  readonly url: string
  readonly line: number
  readonly column: number
  /** Where the function begins; tells two functions of one name apart. */
  readonly begin: string
}

/** A script that the thread has loaded. */
export interface Script {
  readonly url: string
  /** What its `sourceMappingURL` comment says; empty without one. */
  readonly mapUrl: string
  /** In characters. */
  readonly length: number
}

export type Call = (method: string, parameters?: object) => Promise<Readonly<Record<string, unknown>>>

const lostConnection = 'cannot take the stack: the inspector closed its connection, or the service ended'

/** One JavaScript thread behind an inspector, main thread or worker: its scripts, and its pauses as they come. */
export class InspectedThread {
  readonly call: Call
  /** The thread was paused before: another debugger's pause, and not ours to end. */
  pausedBefore = false
  /** It has answered that it takes commands. */
  enabled = false
  readonly #scripts = new Map<string, Script>()
  #paused: Settleable<readonly RawFrame[]> = settleable()
  readonly #asked = settleable<void>()
  #ended = false

  constructor(call: Call) {
    this.call = call
  }

  hear(news: InspectorNews): void {
    if (news.kind === 'ended') {
      this.#end()
      return
    }
    if (news.kind === 'answer') {
      if (news.to === 'Debugger.enable') this.enabled = true
      if (news.to === 'Debugger.pause') this.#asked.resolve()
      return
    }
    if (news.method === 'Debugger.scriptParsed') this.#scriptParsed(news.parameters)
    if (news.method !== 'Debugger.paused') return
    // A pause that comes before the answer to `enable` was there before.
    this.pausedBefore ||= !this.enabled
    this.#paused.resolve(toList(news.parameters.callFrames).map((frame) => this.#readFrame(toRecord(frame))))
  }

  script(id: string): Script | undefined {
    return this.#scripts.get(id)
  }

  /** The stack of the next pause. Rejects when the connection ends first. */
  get paused(): Promise<readonly RawFrame[]> {
    return this.#paused.promise
  }

  /** Settles when the first `Debugger.pause` was answered: a thread that runs JavaScript has paused by then. */
  get asked(): Promise<void> {
    return this.#asked.promise
  }

  /** Lets the thread run; `paused` is about the next pause from here on. */
  resume(): void {
    this.#paused = settleable()
    if (this.#ended) this.#paused.reject(new HangdogError('unavailable', lostConnection))
    quietly(this.call('Debugger.resume'))
  }

  #end(): void {
    this.#ended = true
    this.#paused.reject(new HangdogError('unavailable', lostConnection))
    this.#asked.reject(new HangdogError('unavailable', lostConnection))
  }

  #scriptParsed(parameters: Readonly<Record<string, unknown>>): void {
    this.#scripts.set(String(parameters.scriptId), {
      url: String(parameters.url ?? ''),
      mapUrl: String(parameters.sourceMapURL ?? ''),
      length: Number(parameters.length ?? Number.POSITIVE_INFINITY),
    })
  }

  #readFrame(frame: Readonly<Record<string, unknown>>): RawFrame {
    const location = toRecord(frame.location)
    const begin = toRecord(frame.functionLocation)
    const scriptId = String(location.scriptId)
    return {
      id: String(frame.callFrameId),
      function: String(frame.functionName ?? ''),
      scriptId,
      url: this.#scripts.get(scriptId)?.url ?? String(frame.url ?? ''),
      line: Number(location.lineNumber ?? 0),
      column: Number(location.columnNumber ?? 0),
      begin: `${begin.lineNumber}:${begin.columnNumber}`,
    }
  }
}

/** For a command whose answer nobody needs. */
export function quietly(call: Promise<unknown>): void {
  call.catch(() => {})
}
