import { isAlive, RunningCommand, until } from './running-command.js'
import type { Action, Watched } from './watched.js'

type News =
  | { readonly kind: 'armed'; readonly pid: number }
  | { readonly kind: 'acted'; readonly what: string; readonly at: number }
  | { readonly kind: 'gone'; readonly at: number }

/** A service under another watchdog than hangdog, which tells what it does in lines of JSON. */
export class WatchedByPeer implements Watched {
  readonly command: RunningCommand
  #armed: Extract<News, { kind: 'armed' }> | undefined
  #acted: Extract<News, { kind: 'acted' }> | undefined
  #gone: Extract<News, { kind: 'gone' }> | undefined

  private constructor(command: readonly string[], environment: Readonly<Record<string, string>>) {
    this.command = new RunningCommand(command, environment, (line) => this.#lineSaid(line))
  }

  /** Resolves when the first beat was heard. */
  static async start(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<WatchedByPeer> {
    const watched = new WatchedByPeer(command, environment)
    await until(() => {
      if (watched.command.hasExited) throw new Error(`it ended at once: ${watched.command.lines.slice(-10).join('\n')}`)
      return watched.#armed
    }, 'first beat').catch(async (error: unknown) => {
      await watched.end()
      throw error
    })
    return watched
  }

  get supervisorPid(): number {
    return this.command.pid
  }

  get servicePid(): number {
    return this.#armed?.pid ?? 0
  }

  get serviceLines(): readonly string[] {
    return this.command.lines
  }

  action(): Action | undefined {
    return this.#acted === undefined ? undefined : { ...this.#acted, goneAt: () => this.#gone?.at }
  }

  /** None of them holds back. */
  holds(): readonly string[] {
    return []
  }

  async end(): Promise<void> {
    await this.command.end()
    if (this.servicePid > 0 && isAlive(this.servicePid)) process.kill(this.servicePid, 'SIGKILL')
  }

  #lineSaid(line: string): void {
    const news = parseNews(line)
    if (news?.kind === 'armed') this.#armed ??= news
    if (news?.kind === 'acted') this.#acted ??= news
    if (news?.kind === 'gone') this.#gone ??= news
  }
}

function parseNews(line: string): News | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null || !('kind' in value && 'at' in value)) return undefined
    const at = Number(value.at)
    if (value.kind === 'armed' && 'pid' in value) return { kind: 'armed', pid: Number(value.pid) }
    if (value.kind === 'acted' && 'what' in value) return { kind: 'acted', what: String(value.what), at }
    return value.kind === 'gone' ? { kind: 'gone', at } : undefined
  } catch {
    // A line of the service.
    return undefined
  }
}
