import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InstanceDescription } from '../../src/control/protocol.js'
import {
  type ControlHandlers,
  type ControlServer,
  type ControlServerOptions,
  openControlServer,
} from '../../src/control/server.js'
import type { AppliedProperties, EffectiveProperty, ExplanationWithProperties } from '../../src/effective-property.js'
import { HangdogError } from '../../src/errors.js'
import type { ServiceStatus } from '../../src/watch/status.js'

interface Test {
  teardown(fn: () => unknown): void
}

/** A directory of its own for a test, removed after it; short enough for sockets. */
export function temporaryDirectory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'hangdog-c-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A state directory with all its parts. */
export function temporaryState(t: Test): string {
  const root = temporaryDirectory(t)
  for (const part of ['control', 'beat', 'events', 'incidents', 'output']) mkdirSync(join(root, part), { mode: 0o700 })
  return root
}

export function statusOf(service: string, rest: Partial<ServiceStatus> = {}): ServiceStatus {
  return {
    service,
    state: 'armed',
    detail: 'alive',
    pid: 4242,
    command: `node ${service}.js`,
    heartbeat: 'stream',
    action: 'terminate',
    shadow: false,
    limitMs: 6000,
    remainingMs: 4500,
    startedAt: '2026-01-01T00:00:00.000Z',
    lastBeatAt: '2026-01-01T00:01:00.000Z',
    beats: 60,
    restarts: 1,
    restartMode: 'always',
    holds: 2,
    holdsByReason: { stopped: 2 },
    hangs: 3,
    warnings: 5,
    nearMisses: 4,
    actions: { log: 0, terminate: 3, bugcheck: 0 },
    statusText: '',
    channels: [],
    counters: {},
    ...rest,
  }
}

export function explanationOf(
  service: string,
  rest: Partial<ExplanationWithProperties> = {},
): ExplanationWithProperties {
  const next = ['first this', 'then that']
  const now = { channels: [], holds: [], lastStall: null }
  const misses = { nearMiss: null, nearMisses: 0 }
  return { service, state: 'armed', detail: 'alive', next, last: null, now, ...misses, properties: [], ...rest }
}

/** A daemon whose services are what `services` holds at the time. */
export class FakeDaemon {
  services: readonly ServiceStatus[] = [statusOf('web'), statusOf('db', { pid: 4243 })]
  readonly name: string

  constructor(name = 'main') {
    this.name = name
  }

  describe(): InstanceDescription {
    return {
      instance: this.name,
      version: '1.2.3',
      pid: process.pid,
      startedAt: '2026-01-01T00:00:00.000Z',
      platform: 'linux',
      capabilities: [],
    }
  }

  status(): readonly ServiceStatus[] {
    return this.services
  }

  /** Tells nothing; a test that drills puts another in its place. */
  drill: ControlHandlers['drill'] = () => Promise.resolve()

  gaps: ControlHandlers['gaps'] = () => []

  applyProperties(): Promise<AppliedProperties> {
    return Promise.resolve({ generation: 1, overridden: [], problem: null })
  }

  properties(): readonly EffectiveProperty[] {
    return []
  }

  explain(service: string): ExplanationWithProperties {
    if (this.services.some((status) => status.service === service)) return explanationOf(service)
    throw new HangdogError('usage', `cannot find service "${service}": expected one of web, db`)
  }
}

export async function serve(
  t: Test,
  path: string,
  daemon = new FakeDaemon(),
  rest: Partial<ControlServerOptions> = {},
): Promise<ControlServer> {
  const server = await openControlServer({ path, handlers: daemon, ...rest })
  t.teardown(() => server.close())
  return server
}

/** A client that can misbehave: sends what it is told, keeps what comes back. */
export class RawClient {
  readonly socket: Socket
  text = ''
  closed = false

  constructor(t: Test, path: string) {
    this.socket = connect(path)
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString()
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.closed = true
    })
    t.teardown(() => this.socket.destroy())
  }

  get answers(): readonly { id: unknown; result?: unknown; error?: { code: string; message: string } }[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  }

  send(text: string | Buffer): void {
    this.socket.write(text)
  }
}

/** Looks until it is so, for as long as a busy machine may take. */
export async function eventually(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
