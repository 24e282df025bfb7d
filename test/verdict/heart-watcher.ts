import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lackOfProgram } from './disturbances/machine.js'
import { isAlive, listTree, processName, RunningCommand, until } from './running-command.js'
import type { Action, OwnService, Watched, Watcher } from './watched.js'

/** HEART_BEAT_TIMEOUT has to be more than 10 s. */
const shortestLimitMs = 11_000

const onlyItsOwn = 'it only watches the Erlang virtual machine that it belongs to'

/** Erlang's heart: a program beside the virtual machine, which beats to it every 5 s over a pipe. */
export const heartWatcher: Watcher = {
  name: 'Erlang heart',
  lack: lackOfProgram('erl'),
  refuses: (limitMs) => (limitMs < shortestLimitMs ? 'its timeout is 11 s at least' : undefined),
  refusesHang: ({ kind }) => (kind === 'stopped' || kind === 'endless-loop' ? undefined : onlyItsOwn),
  refusesDisturbance: ({ onlyHangdog, orders }) => onlyHangdog ?? (orders === true ? onlyItsOwn : undefined),
  ownService: (directory) => makeService(directory, 'stopped'),
  ownHang: (directory, { kind }) => makeService(directory, kind === 'stopped' ? 'stopped' : 'endless-loop'),
  start: async ({ service, limitMs }) => {
    const watched = new WatchedByHeart(service.command, service.environment, limitMs)
    await watched.armed()
    return watched
  },
}

/** A virtual machine that does nothing, or has a process that spins as soon as there is a file. */
function makeService(directory: string, how: 'stopped' | 'endless-loop'): OwnService {
  const trigger = join(directory, 'spin')
  const acted = join(directory, 'acted')
  const wait = `W = fun W() -> case file:delete("${trigger}") of ok -> (fun F() -> F() end)(); _ -> timer:sleep(20), W() end end, spawn(W).`
  return {
    service: {
      heartbeat: 'heart',
      command: ['erl', '-noinput', '-heart', '-eval', wait],
      environment: {
        HEART_COMMAND: `date +%s%3N > ${acted}.new; mv ${acted}.new ${acted}`,
        HANGDOG_VERDICT_ACTED: acted,
      },
    },
    hang: async (watched) => {
      if (how === 'stopped') process.kill(watched.servicePid, 'SIGSTOP')
      else {
        writeFileSync(trigger, '')
        await until(() => (existsSync(trigger) ? undefined : true), 'hang')
      }
      return Date.now()
    },
  }
}

class WatchedByHeart implements Watched {
  readonly command: RunningCommand
  readonly #acted: string

  constructor(command: readonly string[], environment: Readonly<Record<string, string>>, limitMs: number) {
    this.#acted = environment.HANGDOG_VERDICT_ACTED ?? ''
    this.command = new RunningCommand(command, { ...environment, HEART_BEAT_TIMEOUT: String(limitMs / 1000) })
  }

  /** The virtual machine has started its heart, and the first beat was sent. */
  async armed(): Promise<void> {
    await until(() => this.supervisorPid || undefined, 'heart')
    await sleep(6000)
  }

  get supervisorPid(): number {
    return listTree(this.command.pid).find((pid) => processName(pid) === 'heart') ?? 0
  }

  get servicePid(): number {
    return this.command.pid
  }

  get serviceLines(): readonly string[] {
    return this.command.lines
  }

  action(): Action | undefined {
    if (!existsSync(this.#acted)) return undefined
    // It runs its command when it has killed the virtual machine.
    const at = Number(readFileSync(this.#acted, 'utf8'))
    return { what: 'heart killed the virtual machine and ran its command', at, goneAt: () => at }
  }

  holds(): readonly string[] {
    return []
  }

  async end(): Promise<void> {
    const pids = listTree(this.command.pid)
    for (const pid of [...pids].reverse()) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    await this.command.exited
  }
}
