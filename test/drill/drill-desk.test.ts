import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { milliseconds } from '../../src/time.js'
import { alive } from '../support/scripted-platform.js'
import { DrillStage } from './scripted-drill.js'

const allSteps = [
  'started',
  'beating',
  'hung',
  'warning',
  'verdict',
  'incident',
  'evidence',
  'signalled',
  'killed',
  'ended',
  'gone',
  'restarted',
  'alive-again',
  'closed',
  'removed',
]

/** Whatever became of a drill, nothing of it is left. */
function nothingIsLeft(t: Test, stage: DrillStage): void {
  t.strictSame(
    stage.supervisor.services.map(({ spec }) => spec.name),
    ['web'],
    'the canary is watched no longer',
  )
  t.notOk(
    stage.platform.processes.some((process) => !process.gone),
    'no process is left',
  )
  t.equal(stage.open, 0, 'its source is closed')
}

t.test('a drill goes through all steps, and says how long after the limit the canary was ended', async (t) => {
  const stage = new DrillStage()
  stage.platform.manner = 'ignores-signal'
  const { outcome } = await stage.hold()
  t.match(outcome, {
    kind: 'passed',
    service: 'web',
    canary: 'web.drill',
    how: 'blocked',
    limitMs: 1000,
    incident: 'i1',
  })
  t.strictSame(stage.steps(), allSteps)
  // Nothing but the grace after SIGTERM takes time here, and the canary is killed when that is over.
  t.match(outcome, { detectionMs: 0, overshootMs: 500 })
  t.match(stage.news.at(-1), { kind: 'passed' })
  nothingIsLeft(t, stage)
})

t.test('the outcome is an event of the service, and what happened to the canary is not', async (t) => {
  const stage = new DrillStage()
  stage.platform.manner = 'ignores-signal'
  await stage.hold()
  const ofService = stage.events.filter(({ service }) => service === 'web').map(({ name }) => name)
  t.strictSame(ofService, ['drill-started', 'drill-passed'])
  t.match(stage.event('drill-passed'), {
    incident: 'i1',
    parameters: { canary: 'web.drill', limit: '1s', overshootMs: 500 },
  })
  t.match(stage.event('drill-passed')?.parameters.steps, /verdict \+1000 ms, .*killed \+1500 ms, ended \+1500 ms/)
  t.equal(stage.event('hang-recovery')?.service, 'web.drill')
})

t.test('times are counted from the last beat; before that there is none', async (t) => {
  const stage = new DrillStage()
  stage.platform.manner = 'ignores-signal'
  await stage.hold()
  const times = stage.news.flatMap((news) => (news.kind === 'step' ? [[news.step, news.sinceLastBeatMs]] : []))
  t.strictSame(times.slice(0, 5), [
    ['started', null],
    ['beating', null],
    ['hung', 0],
    ['warning', 500],
    ['verdict', 1000],
  ])
})

t.test('without a warning, evidence and grace there are no such steps', async (t) => {
  const stage = new DrillStage({
    warningPercent: 0,
    evidenceTimeout: milliseconds(0),
    terminateTimeout: milliseconds(0),
  })
  const { outcome } = await stage.hold()
  t.equal(outcome.kind, 'passed')
  const left = ['warning', 'evidence', 'signalled']
  t.strictSame(
    stage.steps(),
    allSteps.filter((step) => !left.includes(step)),
  )
  nothingIsLeft(t, stage)
})

t.test(
  'the canary is terminated even where the machine would be stopped, or nothing done, for the service',
  async (t) => {
    for (const action of ['bugcheck', 'log'] as const) {
      const stage = new DrillStage({ action, escalation: 'bugcheck' })
      stage.platform.manner = 'ignores-signal'
      t.equal((await stage.hold()).outcome.kind, 'passed')
      t.notOk(stage.platform.calls.some((call) => call.startsWith('bugcheck')))
      t.notOk(stage.names().includes('bugcheck-refused'))
    }
  },
)

t.test('a canary that cannot be killed fails the drill, is left, and may be removed when it has gone', async (t) => {
  const stage = new DrillStage({ action: 'bugcheck', escalation: 'bugcheck' })
  stage.platform.manner = 'survives-kill'
  const { outcome } = await stage.hold()
  t.match(outcome, {
    kind: 'failed',
    step: 'gone',
    detail: /could not be terminated.*the canary could not be ended: .*not stuck/,
  })
  t.match(stage.event('drill-failed'), { service: 'web', parameters: { step: 'gone', canary: 'web.drill' } })
  t.equal(stage.supervisor.service('web.drill').state.kind, 'stuck')
  t.notOk(stage.names().includes('bugcheck-refused'), 'nobody asked whether the machine may be stopped')
  await t.rejects(
    stage.desk.drill({ service: 'web' }, () => {}),
    {
      code: 'unavailable',
      message: /canary of an earlier drill, which could not be ended/,
    },
  )
  stage.platform.current.exit()
  await stage.clock.run(2000)
  stage.platform.manner = 'ignores-signal'
  stage.runs = []
  t.equal((await stage.hold()).outcome.kind, 'passed')
  nothingIsLeft(t, stage)
})

const faults: readonly {
  readonly fault: string
  readonly make: (stage: DrillStage) => void
  readonly step: string
  readonly detail: RegExp
}[] = [
  {
    fault: 'a canary that cannot be started',
    make: (stage) => {
      Object.assign(stage.platform, { startFailure: new Error('no such program') })
    },
    step: 'started',
    detail: /could not be started: no such program/,
  },
  {
    fault: 'a canary that never beats',
    make: (stage) => {
      stage.manners = ['never-beats', 'never-beats']
    },
    step: 'beating',
    detail: /no sign of life within 3 s/,
  },
  {
    fault: 'a canary that does not hang',
    make: (stage) => {
      stage.manners = ['beats']
    },
    step: 'hung',
    detail: /the hang of the canary did not come within 7s/,
  },
  {
    fault: 'a silence that is not seen',
    make: (stage) => {
      stage.manners = ['says-so-only']
    },
    step: 'warning',
    detail: /the event "silence-warning" did not come within/,
  },
  {
    fault: 'a verdict of another kind',
    make: (stage) => {
      stage.platform.reading = alive('uninterruptible', { waitChannel: 'nfs_wait' })
    },
    step: 'verdict',
    detail: /expected a hang of the kind "waiting", not "blocked-in-kernel"/,
  },
  {
    fault: 'an incident that cannot be written',
    make: (stage) => {
      stage.incidentsFail = true
    },
    step: 'incident',
    detail: /could not be written before acting: the disk is full/,
  },
  {
    fault: 'an incident that cannot be read',
    make: (stage) => {
      stage.incidentsVanish = true
    },
    step: 'incident',
    detail: /incident i1 did not come within 6s/,
  },
  {
    fault: 'evidence without a stack',
    make: (stage) => {
      stage.stack = undefined
    },
    step: 'evidence',
    detail: /names drillBlocked, and there is none \(javascript-stack: its turn did not come\)/,
  },
  {
    fault: 'a stack of something else',
    make: (stage) => {
      stage.stack = ['idle']
    },
    step: 'evidence',
    detail: /names drillBlocked, not one of idle/,
  },
  {
    fault: 'a process that is still there after the proof',
    make: (stage) => {
      stage.undead = true
    },
    step: 'gone',
    detail: /says that nothing is left, and this still exists: 100/,
  },
  {
    fault: 'a successor that hangs as well',
    make: (stage) => {
      stage.manners = ['hangs', 'never-beats']
    },
    step: 'alive-again',
    detail: /no sign of life within 3 s/,
  },
]

for (const { fault, make, step, detail } of faults) {
  t.test(`${fault} fails the drill at "${step}", in bounded time, and is ended`, async (t) => {
    const stage = new DrillStage()
    stage.platform.manner = 'ignores-signal'
    make(stage)
    const { outcome, tookMs } = await stage.hold()
    t.match(outcome, { kind: 'failed', step, detail })
    t.match(stage.event('drill-failed'), { service: 'web', parameters: { step } })
    t.match(stage.news.at(-1), { kind: 'failed', step })
    t.ok(tookMs < 30_000, `it took ${tookMs} ms`)
    nothingIsLeft(t, stage)
  })
}

t.test('a canary that cannot be started again fails the drill at "restarted"', async (t) => {
  const stage = new DrillStage()
  const { platform } = stage
  const spawn = platform.spawn.bind(platform)
  platform.spawn = (request) =>
    platform.processes.length > 0 ? Promise.reject(new Error('too many processes')) : spawn(request)
  const { outcome } = await stage.hold()
  t.match(outcome, { kind: 'failed', step: 'restarted', detail: /too many processes/ })
  nothingIsLeft(t, stage)
})

t.test('a record that cannot be made fails the drill, by its name, and nothing is started', async (t) => {
  const stage = new DrillStage()
  rmSync(stage.output, { recursive: true })
  const { outcome } = await stage.hold()
  t.match(outcome, {
    kind: 'failed',
    step: 'started',
    detail: /^the record of the canary "web\.drill" could not be made: ENOENT.*web\.drill\.\d+\.beats/,
  })
  t.strictSame(stage.names(), ['drill-started', 'drill-failed'])
  t.equal(stage.platform.processes.length, 0)
  nothingIsLeft(t, stage)
})

for (const [step, manners] of [
  ['beating', ['cannot-record']],
  ['alive-again', ['hangs', 'cannot-record']],
] as const) {
  t.test(`a canary that cannot write its record is the failure (${step}), and not a crash loop`, async (t) => {
    const stage = new DrillStage()
    stage.platform.manner = 'ignores-signal'
    stage.manners = manners
    const { outcome } = await stage.hold()
    t.match(outcome, {
      kind: 'failed',
      step,
      detail: /^the canary could not write its record ".*web\.drill\.\d+\.beats"/,
    })
    const blamed = ['crash-loop', 'ended-unattended', 'ended-unexpectedly']
    const ofRestarts = stage.names().filter((name) => blamed.includes(name))
    t.strictSame(ofRestarts, step === 'beating' ? [] : ['ended-unexpectedly'], 'but for the hang that was to come')
    t.equal(stage.platform.processes.length, manners.length, 'it is not started again')
    nothingIsLeft(t, stage)
  })
}

t.test('a canary that the first signal ends need not be killed', async (t) => {
  const stage = new DrillStage()
  stage.platform.manner = 'obeys'
  t.match((await stage.hold()).outcome, { kind: 'passed', overshootMs: 0 })
  t.strictSame(
    stage.steps(),
    allSteps.filter((step) => step !== 'killed'),
  )
})

t.test('a late beat before the hang, with a warning of its own, is not taken for the hang', async (t) => {
  const stage = new DrillStage()
  stage.platform.manner = 'ignores-signal'
  stage.manners = ['hangs-after-a-pause']
  t.equal((await stage.hold()).outcome.kind, 'passed')
  t.equal(stage.names().filter((name) => name === 'silence-warning').length, 2)
  const warning = stage.news.find((news) => news.kind === 'step' && news.step === 'warning')
  t.match(warning, { sinceLastBeatMs: 500 })
})

t.test('a hold is no failure: the verdict may come later by what the core excuses', async (t) => {
  // Longer than what a step is given beyond its limit.
  const stage = new DrillStage({ heartbeatTimeout: milliseconds(20_000) })
  stage.platform.manner = 'ignores-signal'
  const { reading } = stage.platform
  const holding = stage.hold()
  await stage.runUntil(() => stage.steps().includes('warning'))
  stage.platform.reading = alive('stopped')
  await stage.runUntil(() => stage.names().includes('hold-started'))
  stage.platform.reading = reading
  const { outcome } = await holding
  t.equal(outcome.kind, 'passed')
  t.ok(outcome.kind === 'passed' && outcome.detectionMs >= 10_000, 'and that is what was measured')
})

t.test('a drill is refused where it would prove nothing, and nothing is started for it', async (t) => {
  const disabled = new DrillStage({ action: 'disable' })
  const dryRun = new DrillStage({}, 'dry-run')
  const inMaintenance = new DrillStage()
  inMaintenance.supervisor.service('web').maintain(true)
  const shadow = new DrillStage({ shadow: true })
  const unwatched = new DrillStage()
  unwatched.supervisor.service('web').state = { kind: 'unwatched', why: 'no-contact' }
  const refusals: readonly (readonly [DrillStage, RegExp])[] = [
    [disabled, /"web": it is not watched: its HangRecoveryAction is 0/],
    [dryRun, /only decides about it and does not act/],
    [inMaintenance, /it is not watched: it is in maintenance/],
    [shadow, /only decides about it and does not act/],
    [unwatched, /it is not watched: no heartbeat since its start/],
  ]
  for (const [stage, message] of refusals) {
    await t.rejects(
      stage.desk.drill({ service: 'web' }, () => {}),
      { code: 'unavailable', message },
    )
    t.strictSame(stage.events, [])
  }
  await t.rejects(
    new DrillStage().desk.drill({ service: 'wbe' }, () => {}),
    {
      code: 'usage',
      message: 'cannot find service "wbe": expected one of web',
    },
  )
})

t.test('two drills of one service at once are refused, and so is a drill of a canary', async (t) => {
  const stage = new DrillStage()
  stage.platform.manner = 'ignores-signal'
  const holding = stage.hold()
  await t.rejects(
    stage.desk.drill({ service: 'web' }, () => {}),
    { code: 'unavailable', message: /goes on already/ },
  )
  await stage.runUntil(() => stage.steps().includes('hung'))
  await t.rejects(
    stage.desk.drill({ service: 'web.drill' }, () => {}),
    {
      code: 'unavailable',
      message: /itself the canary/,
    },
  )
  t.equal((await holding).outcome.kind, 'passed', 'the one that goes on is not disturbed')
  t.equal(stage.names().filter((name) => name === 'drill-started').length, 1)
})

t.test('a service that has the name of the canary is left alone', async (t) => {
  const stage = new DrillStage()
  const { spec } = stage.supervisor.service('web')
  const other = stage.supervisor.add({ ...spec, name: 'web.drill' })
  await t.rejects(
    stage.desk.drill({ service: 'web' }, () => {}),
    {
      code: 'unavailable',
      message: 'cannot drill service "web": there is a service of the name "web.drill"',
    },
  )
  t.equal(stage.supervisor.service('web.drill'), other)
})

t.test('a hangdog that is being stopped ends its drills, and no other begins', async (t) => {
  for (const moment of ['started', 'hung', 'verdict', 'signalled'] as const) {
    const stage = new DrillStage()
    stage.platform.manner = 'ignores-signal'
    const holding = stage.hold()
    await stage.runUntil(() => stage.steps().includes(moment))
    let closed = false
    void stage.desk.close().then(() => {
      closed = true
    })
    await t.rejects(
      stage.desk.drill({ service: 'web' }, () => {}),
      { code: 'unavailable', message: /being stopped/ },
    )
    await stage.runUntil(() => closed, 10_000)
    t.match((await holding).outcome, { kind: 'abandoned', detail: 'hangdog is being stopped' })
    t.match(stage.event('drill-skipped'), { service: 'web', parameters: { reason: 'hangdog is being stopped' } })
    t.notOk(stage.names().includes('drill-failed'), 'nothing was found to be wrong')
    nothingIsLeft(t, stage)
  }
})

t.test('a desk without drills closes at once', async (t) => {
  await new DrillStage().desk.close()
  t.pass()
})
