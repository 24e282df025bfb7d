import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../durable-file.js'
import { describeError, systemCode } from '../errors.js'
import { listNames } from '../state-directory.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'
import { formatGapFile, parseGapFile } from './gap-file.js'

const extension = '.json'

/** What was found of one service. */
export type StoredGaps =
  | { readonly kind: 'none' }
  | { readonly kind: 'kept'; readonly records: readonly BeatGapsRecord[] }
  /** Torn, not to be read, or of another version. */
  | { readonly kind: 'damaged'; readonly file: string; readonly reason: string }

/**
 * Where beat gaps are kept while no hangdog runs: one file for each service. Two hangdogs that watch services of the same name share
 * one, and the last to write it wins.
 */
export class GapStore {
  readonly #directory: string

  /** @param directory is made by `openStateDirectory`; for reading it may be missing */
  constructor(directory: string) {
    this.#directory = directory
  }

  async read(service: string): Promise<StoredGaps> {
    const file = this.#fileOf(service)
    try {
      return { kind: 'kept', records: parseGapFile(await readFile(file, 'utf8'), service) }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return { kind: 'none' }
      return { kind: 'damaged', file, reason: describeError(error) }
    }
  }

  /** The services that have a file, in order. @throws HangdogError `permission` or `unavailable` when that cannot be seen */
  services(): Promise<readonly string[]> {
    return listNames(this.#directory, extension, 'beat gaps in')
  }

  /** When it resolves, what is kept survives a loss of power. Otherwise the old file is still there. @throws the system error */
  async write(service: string, records: readonly BeatGapsRecord[]): Promise<void> {
    await writeDurably(this.#fileOf(service), formatGapFile(records))
  }

  /** Puts a damaged file out of the way, in place of an earlier one. @returns its new name @throws the system error */
  async setAside(file: string): Promise<string> {
    const aside = `${file}.damaged`
    await rename(file, aside)
    return aside
  }

  #fileOf(service: string): string {
    return join(this.#directory, `${service}${extension}`)
  }
}
