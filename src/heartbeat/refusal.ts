import type { Emit } from '../event/event.js'
import type { Clock } from '../time.js'
import { RareReport } from './rare-report.js'

/** Why something on the heartbeat socket was not taken; the keys are the names in `counters()`. */
const texts = {
  'bad-token': 'a connection presented no valid token',
  'no-token': 'a connection presented no token in time',
  'too-many-unproven': 'too many connections without a token',
  'too-many-connections': 'too many connections of one service',
  'line-too-long': 'a line was too long',
  'bad-value': 'a line had a bad value',
  'not-accepted': 'the sign of life does not fit',
  foreign: 'a notify message came from a process that is no service',
  'other-beater': 'the heartbeat page was opened by another process than the service, whose beats do not count',
  unopened: 'READY does not start the countdown: no process of the service has opened the heartbeat page',
  flood: 'more lines than a service may send; its connections had to wait',
} as const

export type Refusal = keyof typeof texts

/** Counts refusals and reports them by `beat-refused`. @param service absent for what cannot be attributed to one */
export function reportRefusals(emit: Emit, clock: Clock, service?: string): RareReport<Refusal> {
  return new RareReport(clock, (refusal, count, detail) => {
    const reason = detail === '' ? texts[refusal] : `${texts[refusal]} (${detail})`
    emit({ name: 'beat-refused', ...(service !== undefined && { service }), parameters: { reason, count } })
  })
}
