import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RecordedEvent } from '../../src/event/event.js'
import { isAlive, RunningCommand, until } from './running-command.js'
import type { Action, Watched, Watcher, WatchRequest } from './watched.js'

const program = fileURLToPath(new URL('../../dist/cli/hangdog.js', import.meta.url))

/** The built hangdog, with all its defaults but the limit. */
export const hangdogWatcher: Watcher = {
  name: 'hangdog',
  lack: undefined,
  refuses: () => undefined,
  refusesHang: () => undefined,
  refusesDisturbance: () => undefined,
  async start(request) {
    const watched = new WatchedByHangdog(request)
    await watched.armed()
    return watched
  },
}

/** What hangdog says when it takes a service for hung, or acts on it. None of it may come while the service is well. */
const alarms = new Set([
  'hang-recovery',
  'hang-logged',
  'start-hung',
  'terminate-requested',
  'kill-requested',
  'ended-unowned',
])

class WatchedByHangdog implements Watched {
  command: RunningCommand
  readonly #request: WatchRequest
  #events: RecordedEvent[] = []
  #earlier: RecordedEvent[] = []

  constructor(request: WatchRequest) {
    this.#request = request
    this.command = this.#launch()
  }

  get supervisorPid(): number {
    return this.command.pid
  }

  get servicePid(): number {
    const started = this.#all().findLast(({ name }) => name === 'service-started')
    return Number(started?.parameters.pid ?? 0)
  }

  get serviceLines(): readonly string[] {
    return this.command.lines
  }

  async armed(): Promise<void> {
    await this.#event('service-armed')
  }

  action(): Action | undefined {
    const alarm = this.#all().find(({ name }) => alarms.has(name))
    if (alarm === undefined) return undefined
    const goneAt = (): number | undefined => {
      const gone = this.#all().find(({ name }) => name === 'terminate-proven')
      return gone === undefined ? undefined : Date.parse(gone.time)
    }
    return { what: `${alarm.name}: ${alarm.message}`, at: Date.parse(alarm.time), goneAt }
  }

  holds(): readonly string[] {
    return this.#all().flatMap(({ name, parameters }) => {
      if (name === 'hold-started') return [String(parameters.reason)]
      return name === 'supervisor-stalled' ? ['supervisor-stalled'] : []
    })
  }

  async restart(): Promise<void> {
    this.#earlier = this.#all()
    this.#events = []
    this.command = this.#launch()
    await this.armed()
  }

  async end(): Promise<void> {
    const { servicePid } = this
    await this.command.end()
    if (this.#request.setting.guardProcess === true) {
      // The guard goes with the last hangdog that ends in order.
      this.command = this.#launch()
      await this.#event('supervisor-started').catch(() => undefined)
      await this.command.end()
    }
    if (servicePid > 0 && isAlive(servicePid)) process.kill(servicePid, 'SIGKILL')
  }

  #all(): RecordedEvent[] {
    return [...this.#earlier, ...this.#events]
  }

  async #event(name: string): Promise<void> {
    await until(() => {
      if (this.#events.some((event) => event.name === name)) return true
      if (!this.command.hasExited) return undefined
      throw new Error(`hangdog ended without "${name}": ${this.command.lines.slice(-20).join('\n')}`)
    }, `event "${name}"`)
  }

  #launch(): RunningCommand {
    const { service, setting, directory } = this.#request
    const state = setting.stateDirectory ?? join(directory, 'state')
    mkdirSync(state, { recursive: true })
    const preload = setting.preload === undefined ? [] : ['--import', setting.preload]
    const common = ['--state-dir', state, '--log-format', 'json']
    const rest = setting.guardProcess === true ? this.#superviseArguments() : this.#runArguments()
    return new RunningCommand(
      [process.execPath, ...preload, program, ...rest.slice(0, 1), ...common, ...rest.slice(1)],
      { ...service.environment, ...setting.environment },
      (line) => this.#lineSaid(line),
    )
  }

  #runArguments(): string[] {
    const { service, setting, limitMs } = this.#request
    const options = ['--name', 'subject', '--timeout', `${limitMs}ms`, '--heartbeat', service.heartbeat]
    return ['run', ...options, ...(setting.options ?? []), '--', ...service.command]
  }

  #superviseArguments(): string[] {
    const { service, limitMs, directory } = this.#request
    const { command, heartbeat } = service
    const file = join(directory, 'hangdog.yaml')
    const subject = { command, heartbeat, heartbeatTimeout: `${limitMs}ms`, action: 'terminate' }
    writeFileSync(file, JSON.stringify({ guard: 'process', services: { subject } }))
    return ['supervise', '--config', file]
  }

  #lineSaid(line: string): void {
    try {
      const event: unknown = JSON.parse(line)
      if (isEvent(event)) this.#events.push(event)
    } catch {
      // A line of the service, not of the log.
    }
  }
}

function isEvent(value: unknown): value is RecordedEvent {
  return typeof value === 'object' && value !== null && 'name' in value && 'time' in value && 'parameters' in value
}
