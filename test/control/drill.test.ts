import { join } from 'node:path'
import t from 'tap'
import { followControl } from '../../src/control/client.js'
import type { DrillNews, DrillOrder, TellDrill } from '../../src/drill/drill-report.js'
import { HangdogError } from '../../src/errors.js'
import { eventually, FakeDaemon, RawClient, serve, temporaryDirectory } from './support.js'

const step: DrillNews = { kind: 'step', step: 'hung', detail: 'it hangs', sinceLastBeatMs: 0 }
const passed: DrillNews = {
  kind: 'passed',
  service: 'web',
  canary: 'web.drill',
  how: 'blocked',
  limitMs: 1000,
  incident: 'i1',
  detectionMs: 1.5,
  overshootMs: 2.5,
  reportedMs: 2,
}

/** A daemon whose drill is told from outside. */
class DrillingDaemon extends FakeDaemon {
  readonly orders: DrillOrder[] = []
  tell: TellDrill = () => {}
  end: () => void = () => {}
  override drill = (order: DrillOrder, tell: TellDrill): Promise<unknown> => {
    this.orders.push(order)
    this.tell = tell
    return new Promise<void>((resolve) => {
      this.end = resolve
    })
  }
}

const untilAborted = () => ({ signal: new AbortController().signal })

t.test('a drill is followed step by step, until its outcome', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const daemon = new DrillingDaemon()
  await serve(t, path, daemon)
  const params = { service: 'web', timeoutMs: 2000, how: 'busy-loop' } as const
  const following = followControl(path, 'drill', params, untilAborted())
  const first = following.next()
  await eventually(() => daemon.orders.length === 1, 'the drill begins')
  t.strictSame(daemon.orders, [{ service: 'web', timeout: 2000, how: 'busy-loop' }])
  daemon.tell(step)
  t.strictSame((await first).value, step)
  daemon.tell(passed)
  daemon.end()
  t.strictSame((await following.next()).value, passed)
  t.equal((await following.next()).done, true)
})

t.test('a refusal reaches the client with its code', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const daemon = new FakeDaemon()
  daemon.drill = () => Promise.reject(new HangdogError('unavailable', 'cannot drill service "web": it is not watched'))
  await serve(t, path, daemon)
  await t.rejects(followControl(path, 'drill', { service: 'web' }, untilAborted()).next(), {
    code: 'unavailable',
    message: 'cannot drill service "web": it is not watched',
  })
})

t.test('an order that cannot be read is refused, and no drill begins', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const daemon = new DrillingDaemon()
  await serve(t, path, daemon)
  const client = new RawClient(t, path)
  const orders = [
    {},
    { service: 7 },
    { service: 'web', how: 'gently' },
    { service: 'web', timeoutMs: 5 },
    { service: 'web', timeoutMs: '2s' },
    { service: 'web', timeoutMs: 1e300 },
  ]
  for (const [id, params] of orders.entries()) client.send(`${JSON.stringify({ id, method: 'drill', params })}\n`)
  await eventually(() => client.answers.length === orders.length, 'all are answered')
  for (const answer of client.answers) t.equal(answer.error?.code, 'usage')
  t.match(
    client.answers[2]?.error?.message,
    'cannot read "how" of a drill: expected one of blocked, busy-loop, not "gently"',
  )
  t.match(
    client.answers[3]?.error?.message,
    /"timeoutMs" of a drill: expected a number from 20 to 4294967295000, not 5$/,
  )
  t.strictSame(daemon.orders, [])
})

t.test('a client that leaves ends nothing, and the server goes on', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const daemon = new DrillingDaemon()
  await serve(t, path, daemon)
  const client = new RawClient(t, path)
  client.send('{"id":1,"method":"drill","params":{"service":"web"}}\n')
  await eventually(() => daemon.orders.length === 1, 'the drill begins')
  daemon.tell(step)
  await eventually(() => client.answers.length === 1, 'a step')
  client.socket.destroy()
  await eventually(() => client.closed, 'the client has left')
  daemon.tell(step)
  daemon.tell(passed)
  daemon.end()
  const other = new RawClient(t, path)
  other.send('{"id":2,"method":"describe"}\n')
  await eventually(() => other.answers.length === 1, 'an answer')
  t.match(other.answers[0], { id: 2, result: { instance: 'main' } })
})
