import { type Milliseconds, milliseconds } from '../time.js'
import type { BeatReceiver } from '../watch/sign-of-life.js'
import { longestIntervalMs } from './beat-interval.js'
import type { StreamServer } from './stream-server.js'
import { StreamSource } from './stream-source.js'

/** The built preload, next to this file. A URL writes a space as %20, so that NODE_OPTIONS needs no quotes. */
const registerUrl = new URL('./register.js', import.meta.url).href

/** A Node program that is made to beat by a preload, without a change to its code. */
export class NodeSource extends StreamSource {
  override readonly description = 'node'
  readonly slowestPace = milliseconds(longestIntervalMs)
  readonly #options: string | undefined

  /** @param options NODE_OPTIONS the service would have had; the preload is added to them */
  constructor(server: StreamServer, receiver: BeatReceiver, limit: () => Milliseconds, options: string | undefined) {
    super(server, receiver, limit)
    this.#options = options
  }

  override environment(): Readonly<Record<string, string>> {
    return { ...super.environment(), NODE_OPTIONS: withPreload(this.#options, registerUrl) }
  }
}

/** Adds `--import URL` to the options of a Node program, unless they have it. */
export function withPreload(options: string | undefined, url: string): string {
  const addition = `--import ${url}`
  if (options === undefined || options.trim() === '') return addition
  return options.includes(addition) ? options : `${options} ${addition}`
}
