import t from 'tap'
import type { Emitted } from '../src/event/event.js'
import { OverdueReport } from '../src/overdue-report.js'
import { seconds } from '../src/time.js'
import type { OpenDecision } from '../src/watch/open-decision.js'

t.test('two watchers that notice the same decision say it once; another decision is said again', async (t) => {
  const events: Emitted[] = []
  const report = new OverdueReport((event) => void events.push(event))
  const decision = (): OpenDecision => ({ key: {}, service: 'web', kind: 'recovery', budget: seconds(40) })
  const first = decision()
  for (let watcher = 0; watcher < 2; watcher++) report.decisionOverdue(first)
  for (let watcher = 0; watcher < 2; watcher++) report.overdueDone(first)
  t.match(events, [
    { name: 'decision-overdue', service: 'web', parameters: { kind: 'recovery', budget: '40s' } },
    { name: 'decision-done-late', service: 'web', parameters: { kind: 'recovery' } },
  ])
  t.equal(events.length, 2)
  report.decisionOverdue(decision())
  t.equal(events.length, 3)
})
