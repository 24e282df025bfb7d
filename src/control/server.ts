import { createServer, type Server, type Socket } from 'node:net'
import type { DrillOrder, TellDrill } from '../drill/drill-report.js'
import type { AppliedProperties, EffectiveProperty, ExplanationWithProperties } from '../effective-property.js'
import { isPipe, listenAt } from '../endpoint.js'
import { describeError, HangdogError } from '../errors.js'
import type { Emit } from '../event/event.js'
import { systemClock } from '../system-clock.js'
import { type Clock, elapsed, type Instant, seconds } from '../time.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'
import type { ServiceStatus } from '../watch/status.js'
import { callControl } from './client.js'
import { Connection } from './connection.js'
import { readDrillOrder } from './drill-order.js'
import { type MaintenanceHandlers, readMaintenanceRequest } from './maintenance-order.js'
import type { Answer, ControlMethods, ControlStreams, InstanceDescription, Request } from './protocol.js'
import { StatusWatch } from './status-watch.js'

/**
 * What the control server asks of the daemon. What gives no promise must answer at once. What it throws, or rejects with, is told to the
 * client.
 */
export interface ControlHandlers {
  describe(): InstanceDescription
  status(): readonly ServiceStatus[]
  /** @throws HangdogError `usage` when there is no such service */
  explain(service: string): ExplanationWithProperties
  /** Has what is stored now take effect. */
  applyProperties(): Promise<AppliedProperties>
  /** What a service goes by, or all. */
  properties(service: string | undefined): readonly EffectiveProperty[]
  /** How far beats were apart, of one service or of all. @throws HangdogError `usage` when there is no such service */
  gaps(service: string | undefined): readonly BeatGapsRecord[]
  /** Holds a drill and tells what is seen; settles when it is over. Rejects with a HangdogError when it is not held at all. */
  drill(order: DrillOrder, tell: TellDrill): Promise<unknown>
  /** Default: maintenance cannot be asked for. */
  readonly maintenance?: MaintenanceHandlers
}

export interface ControlServerOptions {
  /** A Unix socket, or a named pipe on Windows. */
  readonly path: string
  readonly handlers: ControlHandlers
  /** Default the system's. */
  readonly clock?: Clock
  /** Told when connections cannot be taken, at most once a minute. */
  readonly emit?: Emit
}

export interface ControlServer {
  readonly path: string
  /** Ends all connections and removes the socket. Never rejects; may be called twice. */
  close(): Promise<void>
}

const mostConnections = 32
/** When all places are taken, one that was quiet for this long makes room. */
const quietAfter = seconds(2)
const reportEvery = seconds(60)

/**
 * Opens the local API (see protocol.ts), for the user who runs hangdog alone.
 * @throws HangdogError `create` when the path is too long, cannot be made, or is served by a live hangdog
 */
export async function openControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const server = new SocketServer(options)
  await server.listen()
  return server
}

class SocketServer implements ControlServer {
  readonly path: string
  readonly #options: ControlServerOptions
  readonly #clock: Clock
  readonly #watch: StatusWatch
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  #reportedAt: Instant | undefined
  /** What begins a method that goes on. It refuses by throwing, before anything is promised. */
  readonly #streams: {
    readonly [Name in keyof ControlStreams]: (id: Answer['id'], params: Request['params'], client: Connection) => void
  } = {
    'watch-status': (id, params, client) => this.#startWatching(id, readService(params), client),
    drill: (id, params, client) => this.#startDrill(id, readDrillOrder(params), client),
  }

  constructor(options: ControlServerOptions) {
    this.path = options.path
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#watch = new StatusWatch(() => options.handlers.status(), this.#clock)
    this.#server = createServer((socket) => this.#connected(socket))
  }

  async listen(): Promise<void> {
    await listenAt(this.#server, this.path, { thing: 'the control socket', whoServes: describeHolder })
    this.#server.on('error', (error) => this.#failed(error))
  }

  close(): Promise<void> {
    this.#watch.close()
    for (const connection of this.#connections) connection.close()
    // An error says that it was closed already.
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #connected(socket: Socket): void {
    const connection = new Connection(socket, this.#clock, (request, client) => this.#serve(request, client))
    if (this.#connections.size >= mostConnections && !this.#makeRoom()) {
      const message = `cannot serve more than ${mostConnections} connections at once`
      connection.send({ id: null, error: { code: 'unavailable', message } })
      socket.destroySoon()
      return
    }
    this.#connections.add(connection)
    connection.onEnd(() => this.#connections.delete(connection))
  }

  /** Those that connect and then say nothing must not keep others out. */
  #makeRoom(): boolean {
    let quietest: Connection | undefined
    for (const connection of this.#connections) {
      if (quietest === undefined || connection.lastActive < quietest.lastActive) quietest = connection
    }
    if (quietest === undefined || elapsed(quietest.lastActive, this.#clock.now()) < quietAfter) return false
    this.#connections.delete(quietest)
    quietest.close()
    return true
  }

  #serve({ id, method, params }: Request, client: Connection): void {
    const { handlers } = this.#options
    if (this.#isStream(method)) this.#streams[method](id, params, client)
    else if (isMethod(method)) answer(client, id, methods[method](handlers, params))
    else {
      const known = [...Object.keys(methods), ...Object.keys(this.#streams)].join(', ')
      throw new HangdogError('usage', `cannot do "${method}": expected one of ${known}`)
    }
  }

  #isStream(method: string): method is keyof ControlStreams {
    return Object.hasOwn(this.#streams, method)
  }

  #startDrill(id: Answer['id'], order: DrillOrder, client: Connection): void {
    const drill = this.#options.handlers.drill(order, (result) => client.send({ id, result, more: true }))
    drill.then(
      () => client.send({ id, done: true }),
      (error: unknown) => client.refuse(id, error),
    )
  }

  #startWatching(id: Answer['id'], service: string | undefined, client: Connection): void {
    // Refuses a service that does not exist before anything is promised.
    selectStatus(this.#options.handlers.status(), service)
    const stop = this.#watch.add((all) => {
      const result = service === undefined ? all : all.filter((status) => status.service === service)
      client.sendIfReady({ id, result, more: true })
    })
    client.onEnd(stop)
  }

  #failed(error: unknown): void {
    const now = this.#clock.now()
    if (this.#reportedAt !== undefined && elapsed(this.#reportedAt, now) < reportEvery) return
    this.#reportedAt = now
    this.#options.emit?.({ name: 'control-failed', parameters: { error: describeError(error) } })
  }
}

const methods: {
  readonly [Name in keyof ControlMethods]: (
    handlers: ControlHandlers,
    params: Readonly<Record<string, unknown>>,
  ) => ControlMethods[Name]['result'] | Promise<ControlMethods[Name]['result']>
} = {
  describe: (handlers) => handlers.describe(),
  status: (handlers, params) => selectStatus(handlers.status(), readService(params)),
  explain: (handlers, params) => {
    const service = readService(params)
    if (service === undefined) throw new HangdogError('usage', 'cannot explain: expected the name of a "service"')
    return handlers.explain(service)
  },
  'apply-properties': (handlers) => handlers.applyProperties(),
  properties: (handlers, params) => handlers.properties(readService(params)),
  gaps: (handlers, params) => handlers.gaps(readService(params)),
  'maintenance-start': (handlers, params) => maintenanceOf(handlers).start(readMaintenanceRequest(params)),
  'maintenance-stop': (handlers, params) => maintenanceOf(handlers).stop(readService(params)),
  'maintenance-status': (handlers) => maintenanceOf(handlers).status(),
}

function maintenanceOf({ maintenance }: ControlHandlers): MaintenanceHandlers {
  if (maintenance !== undefined) return maintenance
  throw new HangdogError('unavailable', 'cannot ask for maintenance: this hangdog keeps none')
}

/** What takes time is answered when it is there. */
function answer(client: Connection, id: Answer['id'], result: unknown): void {
  if (result instanceof Promise) {
    result.then(
      (settled: unknown) => client.send({ id, result: settled }),
      (error: unknown) => client.refuse(id, error),
    )
  } else client.send({ id, result })
}

function isMethod(method: string): method is keyof ControlMethods {
  return Object.hasOwn(methods, method)
}

function readService({ service }: Readonly<Record<string, unknown>>): string | undefined {
  if (service === undefined || typeof service === 'string') return service
  throw new HangdogError('usage', `cannot read "service": expected a text, got ${typeof service}`)
}

function selectStatus(all: readonly ServiceStatus[], service: string | undefined): readonly ServiceStatus[] {
  if (service === undefined) return all
  const found = all.filter((status) => status.service === service)
  if (found.length > 0) return found
  const known = all.map((status) => status.service).join(', ')
  throw new HangdogError('usage', `cannot find service "${service}": expected one of ${known}`)
}

async function describeHolder(path: string): Promise<string> {
  // A pipe cannot be told from one that is only being closed; the answer tells.
  const what = isPipe(path) ? 'another process' : 'a process that does not answer (a hangdog that hangs or is stopped?)'
  const holder = await callControl(path, 'describe', {}, 1000).catch(() => undefined)
  return holder === undefined ? what : `a live hangdog (pid ${holder.pid})`
}
