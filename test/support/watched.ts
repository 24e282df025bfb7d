import type { Emitted } from '../../src/event/event.js'
import { milliseconds } from '../../src/time.js'
import type { CoreRequest, Exhibit } from '../../src/watch/evidence.js'
import type { IncidentOpening, IncidentRecord } from '../../src/watch/incident.js'
import { createJavaScriptEngine } from '../../src/watch/javascript-engine.js'
import { defaultPolicy, type ServicePolicy } from '../../src/watch/policy.js'
import type { Service } from '../../src/watch/service.js'
import { Supervisor } from '../../src/watch/supervisor.js'
import type { BugCheckPermit, Surroundings } from '../../src/watch/surroundings.js'
import { FakeClock, settle } from './fake-clock.js'
import { ScriptedPlatform } from './scripted-platform.js'

export interface Watched {
  readonly clock: FakeClock
  readonly platform: ScriptedPlatform
  readonly events: Emitted[]
  readonly incidents: string[]
  /** What they were opened with. */
  readonly opened: IncidentOpening[]
  /** What became of records written ahead. */
  readonly prepared: string[]
  readonly supervisor: Supervisor
  readonly service: Service
  /** Called while waiting beats are drained. */
  onDrain: () => void
  permit: BugCheckPermit
  captured: () => Promise<readonly Exhibit[]>
  core: (request: CoreRequest) => Promise<Exhibit>
  /** The light capture. */
  light: () => Promise<readonly Exhibit[]>
  /** A debugger has halted the program. */
  halted: boolean
  names(): string[]
  start(): Promise<void>
}

const ms = milliseconds

export const testPolicy: ServicePolicy = {
  ...defaultPolicy,
  heartbeatTimeout: ms(1000),
  startTimeout: ms(3000),
  terminateTimeout: ms(500),
  killTimeout: ms(1000),
  evidenceTimeout: ms(0),
  restart: { ...defaultPolicy.restart, mode: 'on-failure' },
}

/** One service under a supervisor whose time and platform are scripted. */
export function watched(
  policy: Partial<ServicePolicy> = {},
  options: { committed?: boolean; dryRun?: boolean } = {},
): Watched {
  const clock = new FakeClock()
  const platform = new ScriptedPlatform(options.dryRun === true ? 'dry-run' : 'linux')
  const events: Emitted[] = []
  const incidents: string[] = []
  const prepared: string[] = []
  const opened: IncidentOpening[] = []
  const openRecord = (opening: IncidentOpening): IncidentRecord => {
    const { hang } = opening
    opened.push(opening)
    const id = `i${incidents.filter((line) => line.includes('opened')).length + 1}`
    incidents.push(`${id} opened ${hang.kind}`)
    return {
      id,
      directory: `/incidents/${id}`,
      step: async (text) => void incidents.push(`${id} ${text}`),
      attach: async (exhibits, early) => {
        const names = exhibits.map(({ name }) => name).join(', ')
        if (early !== undefined) incidents.push(`${id} early after ${early.silentMs} ms: ${names}`)
        else incidents.push(`${id} ${exhibits.length} exhibits`)
      },
      close: async (outcome) => void incidents.push(`${id} closed ${outcome}`),
    }
  }
  const parts: Surroundings = {
    clock,
    platform,
    enders: platform,
    engine: createJavaScriptEngine(clock),
    emit: (event) => void events.push(event),
    incidents: {
      open: async (opening) => openRecord(opening),
      prepare: async () => {
        prepared.push('prepared')
        return {
          open: (opening) => {
            prepared.push('opened')
            return openRecord(opening)
          },
          discard: async () => void prepared.push('discarded'),
        }
      },
    },
    evidence: {
      captureLight: () => result.light(),
      capture: () => result.captured(),
      captureCore: (request) => result.core(request),
      isHalted: async () => result.halted,
    },
    bugCheckGate: { permit: () => result.permit },
    drain: async () => {
      result.onDrain()
      await Promise.resolve()
    },
    random: () => 0.5,
  }
  const supervisor = new Supervisor(parts)
  const service = supervisor.add({
    name: 'web',
    command: 'node',
    args: ['server.js'],
    environment: {},
    output: 'inherit',
    ownGroup: false,
    policy: { ...testPolicy, ...policy },
    heartbeat: 'stream',
    committed: options.committed ?? true,
  })
  const result: Watched = {
    clock,
    platform,
    events,
    incidents,
    opened,
    prepared,
    supervisor,
    service,
    onDrain: () => {},
    permit: { kind: 'refused', reason: 'no consent' },
    captured: async () => [],
    core: async () => ({ kind: 'missing', name: 'core', tookMs: 0, reason: 'none is scripted' }),
    light: async () => [],
    halted: false,
    names: () => events.map(({ name }) => name),
    start: async () => {
      await service.start()
      await settle()
    },
  }
  return result
}

/** Beats every `interval` for `span`. */
export async function beatFor(w: Watched, span: number, interval: number): Promise<void> {
  for (let spent = 0; spent < span; spent += interval) {
    await w.clock.run(interval)
    w.service.beat()
  }
}
