import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Calls back, soon, after a file of this name in the directory was made, replaced or removed; several changes at once make one call.
 * The system tells of changes where it can. Where it cannot, or while the directory does not exist, the file is looked at every few
 * seconds. Never throws and never keeps the process alive. @returns ends it; may be called twice
 */
export function watchFile(directory: string, name: string, changed: () => void): () => void {
  const watching = new FileWatch(directory, name, changed)
  watching.listen()
  return () => watching.end()
}

/** One replacement of a file makes several notices, and they come well within this. */
const gatherMs = 10

/** How often a file is looked at of which the system does not tell. */
const pollMs = 3000

/** Its timers are Node's own, because those of a Clock keep the process alive. */
class FileWatch {
  readonly #directory: string
  readonly #name: string
  readonly #changed: () => void
  #watcher: FSWatcher | undefined
  #poll: NodeJS.Timeout | undefined
  #gather: NodeJS.Timeout | undefined
  /** What the file was like when it was last looked at. */
  #seen: string | undefined
  #ended = false

  constructor(directory: string, name: string, changed: () => void) {
    this.#directory = directory
    this.#name = name
    this.#changed = changed
  }

  listen(): void {
    try {
      this.#watcher = watch(this.#directory, { persistent: false })
    } catch {
      // No such directory yet, no more watches to be had, or a file system that cannot.
      this.#poll ??= setInterval(() => void this.#look(), pollMs).unref()
      return
    }
    this.#watcher.on('change', (_, file) => {
      // Some systems do not name the file.
      if (file === null || String(file) === this.#name) this.#notice()
    })
    this.#watcher.on('error', () => this.#lost())
    clearInterval(this.#poll)
    this.#poll = undefined
  }

  end(): void {
    this.#ended = true
    this.#watcher?.close()
    clearInterval(this.#poll)
    clearTimeout(this.#gather)
  }

  #notice(): void {
    if (this.#ended) return
    this.#gather ??= setTimeout(() => {
      this.#gather = undefined
      this.#changed()
    }, gatherMs).unref()
  }

  #lost(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    if (!this.#ended) this.#poll ??= setInterval(() => void this.#look(), pollMs).unref()
  }

  async #look(): Promise<void> {
    // Listening again comes first, so that what happens after the look is heard.
    if (this.#watcher === undefined && !this.#ended) this.listen()
    const found = await describeFile(join(this.#directory, this.#name))
    if (found !== this.#seen) this.#notice()
    this.#seen = found
  }
}

/** Differs whenever the file was replaced, which is the only way in which it changes. */
async function describeFile(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch {
    return 'none'
  }
}
