import { join } from 'node:path'
import t, { type Test } from 'tap'
import { statusCommand } from '../../src/cli/status.js'
import { controlPath } from '../../src/control/instances.js'
import { recordOf } from '../advice/support.js'
import { FakeDaemon, serve, statusOf, temporaryState } from '../control/support.js'
import { runCommand } from './support.js'

async function startDaemon(t: Test, state: string, name = 'main'): Promise<FakeDaemon> {
  const daemon = new FakeDaemon(name)
  const web = recordOf([
    [1000, 90],
    [3000, 10],
  ])
  daemon.gaps = () => [web, { ...web, channel: 'a\\b"c', hangs: { total: 1, sumMs: 1, maxMs: 1, bins: [[0, 1]] } }]
  await serve(t, controlPath({ control: join(state, 'control') }, name), daemon)
  return daemon
}

interface Sample {
  readonly name: string
  readonly labels: string
  readonly value: number
}

const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)$/

/** What promtool checks of the text format, and what its linter says of names. */
function check(t: Test, text: string): readonly Sample[] {
  t.ok(text.endsWith('\n'), 'the last line is whole')
  const samples: Sample[] = []
  const seen = new Set<string>()
  const families = new Set<string>()
  let family = ''
  let type = ''
  for (const line of text.split('\n').slice(0, -1)) {
    const [, help] = /^# HELP (\S+) \S.*$/.exec(line) ?? []
    const [, typed, kind = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? []
    if (help !== undefined) {
      t.notOk(families.has(help), `${help} is in one piece`)
      families.add(help)
      family = help
    } else if (typed !== undefined) {
      t.equal(typed, family)
      type = kind
      t.equal(kind === 'counter', typed.endsWith('_total'), `${typed} is named like a ${kind}`)
    } else {
      const [, name = '', labels = '', value = ''] = sampleForm.exec(line) ?? []
      t.ok(type === 'histogram' ? /_(bucket|sum|count)$/.test(name) : name === family, line)
      t.ok(name.startsWith(family) && Number.isFinite(Number(value)) && Number(value) >= 0, line)
      t.notOk(seen.has(`${name}{${labels}}`), 'no series is there twice')
      seen.add(`${name}{${labels}}`)
      samples.push({ name, labels, value: Number(value) })
    }
  }
  return samples
}

const figureOf = (samples: readonly Sample[], name: string, ...labels: readonly string[]): number | undefined =>
  samples.find((sample) => sample.name === name && labels.every((label) => sample.labels.includes(label)))?.value

t.test('status --metrics has what Prometheus reads, of all services of all hangdogs', async (t) => {
  const state = temporaryState(t)
  await startDaemon(t, state)
  const other = await startDaemon(t, state, 'other')
  other.services = [statusOf('we"b\\', { state: 'held', lastBeatAt: null })]
  const { stdout } = await runCommand(statusCommand, ['status', '--metrics', '--state-dir', state])
  const samples = check(t, stdout.text)
  const of = (name: string, ...labels: readonly string[]) => figureOf(samples, name, 'service="web"', ...labels)
  t.equal(of('hangdog_heartbeats_total'), 60)
  t.equal(of('hangdog_silence_warnings_total'), 5)
  t.equal(of('hangdog_near_misses_total'), 4)
  t.equal(of('hangdog_hangs_total'), 3)
  t.equal(of('hangdog_holds_total', 'reason="stopped"'), 2)
  t.equal(of('hangdog_actions_total', 'action="terminate"'), 3)
  t.equal(of('hangdog_restarts_total'), 1)
  t.equal(of('hangdog_service_state', 'state="armed"'), 1)
  t.equal(of('hangdog_last_heartbeat_timestamp_seconds'), Date.UTC(2026, 0, 1, 0, 1) / 1000)
  const gap = 'hangdog_heartbeat_gap_seconds'
  t.equal(of(`${gap}_bucket`, 'channel="main"', 'le="1"'), 0, 'a gap of one second is in the bin that begins there')
  t.equal(of(`${gap}_bucket`, 'channel="main"', 'le="2"'), 90)
  t.equal(of(`${gap}_bucket`, 'channel="main"', 'le="4"'), 100)
  t.equal(of(`${gap}_bucket`, 'channel="main"', 'le="+Inf"'), 100)
  t.equal(of(`${gap}_count`, 'channel="main"'), 100)
  t.equal(of(`${gap}_sum`, 'channel="main"'), 120)
  t.equal(of('hangdog_heartbeat_gap_max_seconds', 'channel="main"'), 3)
  t.equal(of(`${gap}_count`, 'channel="a\\\\b\\"c"'), 100)
  const buckets = samples.filter(({ name, labels }) => name === `${gap}_bucket` && /"web".*"main"/.test(labels))
  t.same(
    buckets.map(({ value }) => value),
    buckets.map(({ value }) => value).sort((a, b) => a - b),
  )
  t.equal(figureOf(samples, 'hangdog_service_state', 'service="we\\"b\\\\"', 'state="held"'), 1)
})

t.test('one service can be asked for, and --metrics goes with no other form', async (t) => {
  const state = temporaryState(t)
  await startDaemon(t, state)
  const { stdout } = await runCommand(statusCommand, ['status', 'db', '--metrics', '--state-dir', state])
  t.notMatch(stdout.text, 'service="web"')
  await t.rejects(runCommand(statusCommand, ['status', '--metrics', '--json', '--state-dir', state]))
  await t.rejects(runCommand(statusCommand, ['status', '--metrics', '--state-dir', temporaryState(t)]), {
    code: 'unavailable',
  })
})

t.test('status of a service, and --json, have the gaps against the limit', async (t) => {
  const state = temporaryState(t)
  await startDaemon(t, state)
  const shown = await runCommand(statusCommand, ['status', 'web', '--state-dir', state])
  t.match(shown.stdout.text, /gaps main +median 1\.\d*s, p99 3s, max 3s: 5 % of the limit of 1m; 100 gaps\n/)
  t.match(shown.stdout.text, /warnings +5, near misses 4\n/)
  const json = await runCommand(statusCommand, ['status', '--json', '--state-dir', state])
  const gaps = [{ channel: 'main', count: 100, p99Ms: 3000, maxMs: 3000, limitMs: 60_000, maxPercent: 5 }, { hangs: 1 }]
  t.match(json.stdout.objects, [
    { service: 'web', gaps, actions: { terminate: 3 } },
    { service: 'db', gaps: [] },
  ])
})
