import t from 'tap'
import { LoopHistory } from '../../src/heartbeat/loop-history.js'
import { type Clock, instant } from '../../src/time.js'

function startHistory() {
  let now = 0
  const clock: Clock = { now: () => instant(now), wallNow: () => new Date(0), schedule: () => ({ cancel: () => {} }) }
  const pass = (ms: number) => {
    now += ms
  }
  return { history: new LoopHistory(clock), pass }
}

t.test('reports come back in their order, with their age', async (t) => {
  const { history, pass } = startHistory()
  t.strictSame(history.reports(), [])
  history.heapReported({ used: 1, limit: 2 })
  t.strictSame(history.reports(), [], 'a heap belongs to a lag')
  history.lagReported(3)
  history.heapReported({ used: 10, limit: 100 })
  pass(5000)
  history.lagReported(40)
  pass(1000)
  t.strictSame(history.reports(), [
    { agoMs: 6000, lagMs: 3, heapUsedBytes: 10, heapLimitBytes: 100 },
    { agoMs: 1000, lagMs: 40 },
  ])
})

t.test('the oldest reports are given up, and a heap still finds its lag', async (t) => {
  const { history } = startHistory()
  for (let report = 1; report <= 125; report++) {
    history.lagReported(report)
    history.heapReported({ used: report, limit: 1000 })
  }
  const reports = history.reports()
  t.equal(reports.length, 60)
  t.match(reports[0], { lagMs: 66, heapUsedBytes: 66 })
  t.match(reports.at(-1), { lagMs: 125, heapUsedBytes: 125 })
})
