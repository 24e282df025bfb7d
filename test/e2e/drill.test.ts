import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DrillNews } from '../../src/drill/drill-report.js'
import type { RecordedEvent } from '../../src/event/event.js'
import { type Finished, Hangdog, hangdog, isAlive, runService, stateDirectory, until } from './hangdog.js'

const node = process.execPath
const service = [node, '-e', 'setInterval(() => {}, 1000)']

/** A small Node service that is watched, and does nothing but live. */
async function watch(t: Test, options: readonly string[] = []) {
  const directory = stateDirectory(t)
  const common = ['--name', 'web', '--timeout', '1s', '--terminate-timeout', '300ms']
  const run = runService(t, [...common, ...options], service, directory)
  const { pid } = (await run.event('service-started')).parameters
  return { directory, run, pid: Number(pid) }
}

function objects<T>({ stdout }: Finished): readonly T[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

async function history(t: Test, directory: string): Promise<readonly RecordedEvent[]> {
  return objects(await hangdog(t, ['events', '--json', '--state-dir', directory]))
}

/** Processes of canaries of this state directory. */
function canaries(directory: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(
      (pid) => pid > 0 && isAlive(pid) && commandOf(pid).includes(directory) && commandOf(pid).includes('canary.js'),
    )
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

for (const how of ['blocked', 'busy-loop'] as const) {
  t.test(`a drill with a canary that hangs for real (${how}) passes, and the service is not touched`, async (t) => {
    const { directory, run, pid } = await watch(t)
    await run.event('service-armed')
    const drill = await hangdog(t, ['drill', 'web', '--how', how, '--json', '--state-dir', directory])
    const news = objects<DrillNews>(drill)
    t.equal(drill.code, 0, `${drill.stderr} ${drill.stdout}`)
    const outcome = news.at(-1)
    t.match(outcome, { kind: 'passed', service: 'web', canary: 'web.drill', how, limitMs: 1000 })
    if (outcome?.kind !== 'passed') return
    t.ok(outcome.detectionMs > -50 && outcome.overshootMs > outcome.detectionMs, JSON.stringify(outcome))
    const steps = news.flatMap((each) => (each.kind === 'step' ? [each.step] : []))
    t.equal(steps.join(' '), allSteps)

    const events = await history(t, directory)
    const ofService = events.filter((event) => event.service === 'web').map(({ name }) => name)
    t.strictSame(ofService, ['service-started', 'service-armed', 'drill-started', 'drill-passed'])
    t.match(
      events.find(({ name }) => name === 'drill-passed'),
      {
        id: 15881,
        level: 'information',
        incident: outcome.incident,
        parameters: { service: 'web', overshootMs: outcome.overshootMs, limit: '1s' },
      },
    )
    t.ok(events.every(({ name, service }) => name !== 'hang-recovery' || service === 'web.drill'))

    const [status, ...others] = objects<Record<string, unknown>>(
      await hangdog(t, ['status', '--json', '--state-dir', directory]),
    )
    t.match(status, { service: 'web', pid, restarts: 0, hangs: 0, state: 'armed' })
    t.strictSame(others, [], 'the canary is watched no longer')
    t.ok(isAlive(pid))
    t.strictSame(canaries(directory), [])
    t.strictSame(readdirSync(join(directory, 'output')), [])
    t.ok(existsSync(join(directory, 'incidents', String(outcome.incident), 'closed.json')))
  })
}

const allSteps =
  'started beating hung warning verdict incident evidence signalled killed ended gone restarted alive-again closed removed'

t.test('a drill fails where no stack can be taken in time, names the step, and ends its canary', async (t) => {
  // No collector is done within this.
  const { directory, run, pid } = await watch(t, ['--evidence-timeout', '1ms'])
  await run.event('service-armed')
  const drill = await hangdog(t, ['drill', 'web', '--state-dir', directory])
  t.equal(drill.code, 70, drill.stdout)
  t.match(drill.stdout, /^Failed at the step "evidence": Evidence was cut off at its limit of 1ms/m)
  const failed = (await history(t, directory)).find(({ name }) => name === 'drill-failed')
  t.match(failed, { id: 15882, level: 'error', service: 'web', parameters: { step: 'evidence' } })
  t.strictSame(canaries(directory), [])
  t.ok(isAlive(pid))
})

t.test('two drills at once are refused, and an interrupted one goes on to its end', async (t) => {
  const { directory, run } = await watch(t)
  await run.event('service-armed')
  const first = new Hangdog(t, ['drill', 'web', '--timeout', '2s', '--state-dir', directory])
  await until(() => (first.stdout.includes('hung') ? true : undefined), 'hang')
  const second = await hangdog(t, ['drill', 'web', '--state-dir', directory])
  t.equal(second.code, 69)
  t.match(second.stderr, /a drill of it goes on already/)
  first.child.kill('SIGINT')
  t.equal((await first.finished).code, 130)
  await run.event('drill-passed')
  t.strictSame(canaries(directory), [])
})

t.test('a hangdog that is stopped in the middle of a drill leaves nothing behind', async (t) => {
  const { directory, run, pid } = await watch(t)
  await run.event('service-armed')
  const drill = new Hangdog(t, ['drill', 'web', '--how', 'busy-loop', '--timeout', '30s', '--state-dir', directory])
  await until(() => (drill.stdout.includes('hung') ? true : undefined), 'hang')
  t.equal(canaries(directory).length, 1)
  run.child.kill('SIGTERM')
  t.equal((await run.finished).code, 143)
  const { code, stdout } = await drill.finished
  t.equal(code, 69)
  t.match(stdout, /^Abandoned at the step "\w+": hangdog is being stopped/m)
  t.strictSame(canaries(directory), [])
  t.notOk(isAlive(pid))
  t.ok((await history(t, directory)).some(({ name }) => name === 'drill-skipped'))
})

t.test('there is no drill where nothing is watched', async (t) => {
  const { directory } = await watch(t, ['--action', 'disable'])
  const disabled = await hangdog(t, ['drill', 'web', '--state-dir', directory])
  t.equal(disabled.code, 69)
  t.match(disabled.stderr, 'cannot drill service "web": it is not watched: its HangRecoveryAction is 0')
  const dry = await watch(t, ['--dry-run'])
  t.equal((await hangdog(t, ['drill', 'web', '--state-dir', dry.directory])).code, 69)
  t.equal((await hangdog(t, ['drill', 'nope', '--state-dir', dry.directory])).code, 69)
  t.equal((await hangdog(t, ['drill', 'web', '--state-dir', stateDirectory(t)])).code, 69)
})
