import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { CanaryRun } from '../../src/drill/canary-record.js'
import { DrillDesk } from '../../src/drill/drill-desk.js'
import type { DrillNews } from '../../src/drill/drill-report.js'
import { type Emitted, toRecord } from '../../src/event/event.js'
import type { HeartbeatSource } from '../../src/heartbeat/source.js'
import type { Incident } from '../../src/incident/incident-reader.js'
import { completePolicy, type ServiceSettings } from '../../src/service-settings.js'
import { milliseconds } from '../../src/time.js'
import type { IncidentOpening, IncidentRecord } from '../../src/watch/incident.js'
import { createJavaScriptEngine } from '../../src/watch/javascript-engine.js'
import { defaultPolicy, type ServicePolicy } from '../../src/watch/policy.js'
import { Supervisor } from '../../src/watch/supervisor.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { ScriptedPlatform } from '../support/scripted-platform.js'

const ms = milliseconds
const beatInterval = ms(50)
const directory = mkdtempSync(join(tmpdir(), 'hangdog-drills-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

export const drilledPolicy: ServicePolicy = {
  ...defaultPolicy,
  heartbeatTimeout: ms(1000),
  startTimeout: ms(3000),
  terminateTimeout: ms(500),
  killTimeout: ms(1000),
  evidenceTimeout: ms(300),
}

/** A hangdog with a service "web" and a desk for drills; its canaries, time and disk are scripted, but for the output directory. */
export class DrillStage {
  readonly clock = new FakeClock()
  readonly output = mkdtempSync(join(directory, 'output-'))
  readonly platform: ScriptedPlatform
  readonly events: Emitted[] = []
  readonly news: DrillNews[] = []
  readonly incidents = new Map<string, Incident & { kind: 'whole' }>()
  readonly supervisor: Supervisor
  readonly desk: DrillDesk
  /** Sources of canaries that are open. */
  open = 0
  runs: CanaryRun[] = []
  /** What the canary does, process by process; a missing one beats. */
  manners: readonly ('hangs' | 'hangs-after-a-pause' | 'beats' | 'never-beats' | 'says-so-only' | 'cannot-record')[] = [
    'hangs',
  ]
  stack: readonly string[] | undefined = ['drillBlocked', 'beat']
  incidentsFail = false
  /** Seen from outside hangdog's own count, the process never goes. */
  undead = false
  incidentsVanish = false
  #advancing: Promise<void> = Promise.resolve()

  constructor(policy: Partial<ServicePolicy> = {}, adapter: 'linux' | 'dry-run' = 'linux') {
    this.platform = new ScriptedPlatform(adapter)
    const { clock, platform } = this
    const emit = (event: Emitted): void => {
      this.events.push(event)
      this.desk.sink.record(toRecord(event, clock.wallNow()))
    }
    this.supervisor = new Supervisor({
      clock,
      platform,
      enders: platform,
      emit,
      engine: createJavaScriptEngine(clock),
      incidents: {
        open: async (opening) => this.#open(opening),
        prepare: async (opening) => {
          if (this.incidentsFail) throw new Error('the disk is full')
          return { open: () => this.#open(opening), discard: async () => {} }
        },
      },
      evidence: {
        captureLight: async () => [],
        capture: async () => [{ kind: 'captured', name: 'cause', tookMs: 1, content: 'it waits for nobody' }],
      },
      bugCheckGate: { permit: () => ({ kind: 'refused', reason: 'no consent' }) },
      drain: async () => {},
      random: () => 0.5,
    })
    this.desk = new DrillDesk({
      clock,
      machineTime: () => clock.now(),
      emit,
      supervisor: this.supervisor,
      platform: {
        name: platform.name,
        survivors: (process) => platform.survivors(process),
        readProcess: (identity) => (this.undead ? platform.reading : platform.readProcess(identity)),
      },
      state: { output: this.output },
      addCanary: (settings) => this.#addCanary(settings),
      readings: {
        record: async () => this.runs,
        incident: async (id) => (this.incidentsVanish ? undefined : this.incidents.get(id)),
        stack: async () => this.stack,
      },
      javaScriptStack: true,
    })
    this.supervisor.add({
      name: 'web',
      command: 'node',
      args: ['server.js'],
      environment: {},
      output: 'inherit',
      ownGroup: false,
      policy: { ...drilledPolicy, ...policy },
      heartbeat: 'stream',
      committed: true,
    })
  }

  names(): readonly string[] {
    return this.events.map(({ name }) => name)
  }

  steps(): readonly string[] {
    return this.news.flatMap((news) => (news.kind === 'step' ? [news.step] : []))
  }

  event<Name extends Emitted['name']>(name: Name): (Emitted & { readonly name: Name }) | undefined {
    return this.events.find((event): event is Emitted & { readonly name: Name } => event.name === name)
  }

  /** Moves time, in steps that leave files time to be written, until it is so. @returns how much time that took */
  async runUntil(done: () => boolean, most = 600_000): Promise<number> {
    const from = this.clock.now()
    while (!done()) {
      if (this.clock.now() - from > most) throw new Error(`not so within ${most} ms of the fake clock`)
      await this.#advance()
    }
    return this.clock.now() - from
  }

  /** One at a time: a test may move time while a drill that it does not wait for does so as well. */
  #advance(): Promise<void> {
    this.#advancing = this.#advancing.then(async () => {
      await this.clock.run(50)
      await new Promise((resolve) => setTimeout(resolve, 0))
    })
    return this.#advancing
  }

  /** Holds a drill to its end. */
  async hold(how: 'blocked' | 'busy-loop' = 'blocked') {
    let over = false
    const holding = this.desk
      .drill({ service: 'web', how }, (news) => this.news.push(news))
      .finally(() => {
        over = true
      })
    holding.catch(() => {})
    const tookMs = await this.runUntil(() => over)
    return { outcome: await holding, tookMs }
  }

  #open({ hang, ...opening }: IncidentOpening): IncidentRecord {
    if (this.incidentsFail) throw new Error('the disk is full')
    const id = `i${this.incidents.size + 1}`
    const change = (changed: Partial<Incident & { kind: 'whole' }>): void => {
      const before = this.incidents.get(id)
      if (before !== undefined) this.incidents.set(id, { ...before, ...changed })
    }
    const opened = { ...opening, hang, id, openedAt: '', hostname: '', hangdogVersion: '' }
    this.incidents.set(id, {
      kind: 'whole',
      id,
      path: `/nowhere/${id}`,
      state: 'open',
      // What is prepared at the warning has no verdict; the scripted disk has it at once.
      opened: { ...opened, hang: this.#verdict(), writer: { pid: 1, startTime: '1', bootId: '1' } },
      closed: null,
      steps: [],
      evidence: [],
      damagedLines: 0,
    })
    return {
      id,
      step: async () => {},
      attach: async () => {
        const missing = this.stack === undefined
        const name = 'javascript-stack'
        change({
          evidence: [
            missing
              ? { kind: 'missing', name, tookMs: 1, reason: 'its turn did not come' }
              : { kind: 'captured', name, tookMs: 1, file: 'evidence/01-javascript-stack.json', cut: false },
          ],
        })
      },
      close: async (outcome) => change({ state: 'closed', closed: { outcome, closedAt: '' } }),
    }
  }

  #verdict(): IncidentOpening['hang'] {
    const last = this.supervisor.service('web.drill').silence.lastJudgement?.verdict
    return last?.kind === 'hung' ? last.hang : { kind: 'unknown', detail: 'no verdict' }
  }

  #addCanary(settings: ServiceSettings): HeartbeatSource {
    const service = this.supervisor.add({
      ...settings,
      environment: {},
      output: 'inherit',
      heartbeat: 'stream',
      committed: true,
      policy: completePolicy(defaultPolicy, settings.policy),
    })
    let started = 0
    this.open++
    const source: HeartbeatSource = {
      description: 'scripted',
      environment: () => ({}),
      serviceStarted: ({ pid }) => this.#act(pid, this.manners[started++] ?? 'beats', () => service.beat()),
      serviceEnded: () => {},
      close: async () => {
        this.open--
      },
      counters: () => ({}),
    }
    service.accompany(source)
    return source
  }

  #act(pid: number, manner: DrillStage['manners'][number], beat: () => void): void {
    const process = this.platform.processes.find(({ identity }) => identity.pid === pid)
    let beats = 0
    const tick = (): void => {
      if (process === undefined || process.gone) return
      if (manner === 'cannot-record') {
        process.exit({ kind: 'code', code: 74 })
        return
      }
      beats++
      const hung = beats >= 5 && manner !== 'beats'
      if (manner !== 'never-beats') {
        beat()
        this.runs = [...this.runs.filter((run) => run.pid !== pid), { pid, beats, lastBeat: this.clock.now(), hung }]
      }
      const pauses = manner === 'hangs-after-a-pause' && beats === 3
      if (!hung || manner === 'says-so-only') this.clock.schedule(pauses ? ms(700) : beatInterval, tick)
    }
    this.clock.schedule(beatInterval, tick)
  }
}

export { settle }
