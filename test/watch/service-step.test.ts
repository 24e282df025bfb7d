import t from 'tap'
import type { ServiceEvent, ServiceState } from '../../src/watch/service-state.js'
import { advance, type StepContext } from '../../src/watch/service-step.js'

/** One of each kind. */
const states: readonly ServiceState[] = [
  { kind: 'stopped', reason: 'r' },
  { kind: 'starting' },
  { kind: 'armed' },
  { kind: 'unwatched', why: 'disabled' },
  { kind: 'unwatched', why: 'no-contact' },
  { kind: 'expired', channel: 'main', starting: false, triggered: false },
  { kind: 'held', channel: 'main', reason: 'stopped', starting: false },
  { kind: 'reported', channel: 'main', hang: { kind: 'triggered' } },
  { kind: 'recovering', channel: 'main', hang: { kind: 'triggered' } },
  { kind: 'stuck' },
  { kind: 'stopping', announced: false },
  { kind: 'ending' },
  { kind: 'waiting' },
  { kind: 'failed', reason: 'r' },
]

const context: StepContext = { action: 'terminate', off: undefined, committed: true }

function names(state: ServiceState): string {
  if (state.kind === 'unwatched') return `unwatched/${state.why}`
  return state.kind === 'held' ? `held/${state.reason}` : state.kind
}

/** For each event: what becomes of each state (in the order above), and with which effects; `=` is no change and no effect. */
const table: readonly { event: ServiceEvent; context?: StepContext; expect: readonly string[] }[] = [
  {
    event: { kind: 'signOfLife', channel: 'main' },
    expect: [
      '=',
      'armed arm-channels',
      '=',
      '=',
      'armed arm-channels',
      'armed arm-channels',
      'armed arm-channels',
      'armed arm-channels,close-incident',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'signOfLife', channel: 'other' },
    expect: ['=', 'armed arm-channels', '=', '=', 'armed arm-channels', '=', '=', '=', '=', '=', '=', '=', '=', '='],
  },
  {
    event: { kind: 'limitElapsed', channel: 'main' },
    expect: [
      '=',
      'expired disarm,judge',
      'expired disarm,judge',
      '=',
      '=',
      '=',
      'expired disarm,judge',
      'expired disarm,judge',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'limitElapsed', channel: 'main' },
    context: { action: 'terminate', off: undefined, committed: false },
    expect: [
      '=',
      'unwatched/no-contact disarm',
      'expired disarm,judge',
      '=',
      '=',
      '=',
      'expired disarm,judge',
      'expired disarm,judge',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'judgedHung', hang: { kind: 'triggered' } },
    expect: [
      '=',
      '=',
      '=',
      '=',
      '=',
      'recovering disarm,recover',
      'recovering disarm,recover',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'judgedHung', hang: { kind: 'triggered' } },
    context: { action: 'log', off: undefined, committed: true },
    expect: [
      '=',
      '=',
      '=',
      '=',
      '=',
      'reported arm-channels,report',
      'reported arm-channels,report',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'judgedHeld', reason: 'traced', alone: false },
    expect: ['=', '=', '=', '=', '=', 'held/traced watch-hold', '=', '=', '=', '=', '=', '=', '=', '='],
  },
  {
    event: { kind: 'judgedHeld', reason: 'traced', alone: true },
    expect: ['=', '=', '=', '=', '=', 'held/traced arm-others,watch-hold', '=', '=', '=', '=', '=', '=', '=', '='],
  },
  {
    event: { kind: 'judgedHeld', reason: 'traced', alone: false },
    context: { ...context, off: 'maintenance' },
    expect: [
      '=',
      '=',
      '=',
      '=',
      '=',
      'unwatched/maintenance disarm,close-incident',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'judgedHeld', reason: 'starved', alone: false },
    expect: ['=', '=', '=', '=', '=', 'held/starved arm-channels', '=', '=', '=', '=', '=', '=', '=', '='],
  },
  {
    event: { kind: 'holdCleared' },
    expect: ['=', '=', '=', '=', '=', '=', 'armed arm-channels', '=', '=', '=', '=', '=', '=', '='],
  },
  {
    event: { kind: 'stallNoticed', reason: 'machine-paused' },
    expect: ['=', '=', 'held/machine-paused arm-stalled', '=', '=', '=', '=', '=', '=', '=', '=', '=', '=', '='],
  },
  {
    event: { kind: 'triggered' },
    expect: [
      '=',
      'expired disarm,judge',
      'expired disarm,judge',
      '=',
      '=',
      '=',
      'expired disarm,judge',
      'expired disarm,judge',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'processExited' },
    expect: [
      '=',
      'ending disarm,sweep',
      'ending disarm,sweep',
      'ending disarm,sweep',
      'ending disarm,sweep',
      'ending disarm,sweep',
      'ending disarm,sweep',
      'ending disarm,sweep',
      '=',
      '=',
      'ending disarm,sweep',
      'ending disarm,sweep',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'stopRequested' },
    expect: [
      '=',
      'stopping disarm',
      'stopping disarm',
      'stopping disarm',
      'stopping disarm',
      'stopping disarm',
      'stopping disarm',
      'stopping disarm',
      '=',
      '=',
      'stopping disarm',
      '=',
      'stopped',
      'stopped',
    ],
  },
  {
    event: { kind: 'disableRequested', why: 'disabled' },
    expect: [
      '=',
      'unwatched/disabled disarm,close-incident',
      'unwatched/disabled disarm,close-incident',
      '=',
      'unwatched/disabled',
      '=',
      'unwatched/disabled disarm,close-incident',
      'unwatched/disabled disarm,close-incident',
      '=',
      '=',
      '=',
      '=',
      '=',
      '=',
    ],
  },
  {
    event: { kind: 'enableRequested', opened: false },
    expect: ['=', '=', '=', 'starting arm-start', '=', '=', '=', '=', '=', '=', '=', '=', '=', '='],
  },
  {
    event: { kind: 'enableRequested', opened: true },
    expect: ['=', '=', '=', 'armed arm-channels', '=', '=', '=', '=', '=', '=', '=', '=', '=', '='],
  },
  {
    event: { kind: 'terminationFailed' },
    expect: ['=', ...Array.from({ length: 11 }, () => 'stuck disarm,watch-stuck'), '=', '='],
  },
  {
    event: { kind: 'recoveryAbandoned' },
    expect: ['=', '=', '=', '=', '=', '=', '=', '=', 'armed arm-channels', '=', '=', '=', '=', '='],
  },
]

for (const { event, context: given = context, expect } of table) {
  t.test(`${JSON.stringify(event)} under ${given.action}${given.committed ? '' : ', uncommitted'}`, async (t) => {
    t.equal(expect.length, states.length, 'the table says something about every state')
    for (const [index, state] of states.entries()) {
      const { state: next, effects } = advance(state, event, given)
      const got = next === state && effects.length === 0 ? '=' : `${names(next)} ${effects.join(',')}`.trim()
      t.equal(got, expect[index], `in ${names(state)}`)
    }
  })
}

t.test('action 0 starts no countdown', async (t) => {
  const stopped: ServiceState = { kind: 'stopped', reason: 'r' }
  t.same(advance(stopped, { kind: 'spawned' }, { action: 'disable', off: 'disabled', committed: true }), {
    state: { kind: 'unwatched', why: 'disabled' },
    effects: [],
  })
})

t.test('a beat does not excuse a service that asked to be treated as hung', async (t) => {
  const state: ServiceState = { kind: 'expired', channel: 'main', starting: false, triggered: true }
  t.equal(advance(state, { kind: 'signOfLife', channel: 'main' }, context).state, state)
})

t.test('a beat on any channel ends a hold that comes from a stall', async (t) => {
  const state: ServiceState = { kind: 'held', channel: 'main', reason: 'supervisor-stalled', starting: false }
  t.equal(advance(state, { kind: 'signOfLife', channel: 'other' }, context).state.kind, 'armed')
})
