import { lstatSync, unlinkSync } from 'node:fs'
import { HangdogError } from './errors.js'
import type { Emit } from './event/event.js'
import { NotifyServer } from './heartbeat/notify-server.js'
import { PageServer } from './heartbeat/page-server.js'
import { type LoadedAddon, lackOf } from './platform/addon.js'
import { type Guard, openGuard } from './platform/guard.js'
import type { Clock } from './time.js'
import { createNativeEngine, type NativeEngine } from './watch/native-engine.js'

/** The guard, with what stands on it. */
export interface OpenGuard {
  readonly guard: Guard
  /** Keeps the countdowns of services whose beats the guard hears by itself. */
  readonly engine: NativeEngine
  readonly notify: NotifyServer
  readonly pages: PageServer
}

export interface GuardParts {
  readonly addon: LoadedAddon
  /** Of the notify socket. No other live hangdog has this path. */
  readonly notifyPath: string
  readonly clock: Clock
  readonly emit: Emit
}

/** Opens the guard with the first service that needs it: most hangdogs watch one service, and many of these do without. */
export class GuardDesk {
  readonly #parts: GuardParts
  #open: OpenGuard | undefined

  constructor(parts: GuardParts) {
    this.#parts = parts
  }

  /** Why there is no guard; undefined when there is one. */
  get lacks(): string | undefined {
    return lackOf(this.#parts.addon)
  }

  /** @throws HangdogError `unavailable` without the native part, `create` or `permission` when the notify socket cannot be made */
  obtain(): OpenGuard {
    this.#open ??= this.#assemble()
    return this.#open
  }

  /** Hands on what the guard has heard and not told yet. */
  deliver(): void {
    this.#open?.guard.deliver()
  }

  /** To be called when nothing is watched any more. */
  close(): void {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) return
    open.pages.close()
    open.notify.close()
    open.guard.close()
    removeSocket(this.#parts.notifyPath)
  }

  #assemble(): OpenGuard {
    const { addon, notifyPath, clock, emit } = this.#parts
    if (addon.kind === 'absent') throw new HangdogError('unavailable', `cannot open the guard: ${addon.reason}`)
    const guard = openGuard(addon.addon)
    try {
      removeSocket(notifyPath)
      const notify = new NotifyServer(guard, { path: notifyPath, clock, emit })
      return { guard, engine: createNativeEngine(guard), notify, pages: new PageServer(guard, clock) }
    } catch (error) {
      guard.close()
      throw error
    }
  }
}

/** What a dead hangdog of the same name left; anything else is not ours to remove, and making the socket will say so. */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path)
}
