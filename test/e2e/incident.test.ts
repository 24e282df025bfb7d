import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { hangdog, runService, stateDirectory, until } from './hangdog.js'

/** A service that is told what to do, and says what nobody should read. */
function service(t: Test, body: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-incident-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'service.mjs')
  writeFileSync(file, body)
  return file
}

/** On a busy machine its share of a CPU may be too little for a busy loop: the tests leave open which rule decided. */
const busy = `
console.log('database is postgres://app:hunter2secret@db:5432/x, --password ' + process.argv.at(-1))
process.stdout.write('\\u001b]0;evil\\u0007 \\u202e bidi\\n')
setInterval(() => {}, 100)
setTimeout(function spinForEver() { for (;;) {} }, 700)
`

t.test(
  'a real hang is shown from its beginning to the next start, explained, and exported without its secrets',
  async (t) => {
    const directory = stateDirectory(t)
    const run = runService(
      t,
      ['--name', 'web', '--timeout', '2s', '--restart', 'always'],
      [process.execPath, service(t, busy), '--password', 'topsecretword'],
      directory,
    )
    await run.event('incident-closed')
    const live = await hangdog(t, ['explain', 'web', '--state-dir', directory])
    t.match(live.stdout, /The last verdict\n.*hung: /)
    await run.end()
    const [id = ''] = readdirSync(join(directory, 'incidents'))
    const { stdout: page, code } = await hangdog(t, ['incident', 'show', id, '--state-dir', directory])
    t.equal(code, 0)
    for (const expected of [
      /^Incident /,
      /\nCause\n {2}.*spinForEver/,
      /Rests on: JavaScript stack\./,
      /rule +\S+: nothing excused the silence/,
      /last beat +\S+ \S+ {2}\+0ms\n {2}warning +\S+ \S+ {2}\+1\.?\d*s\n {2}limit +\S+ \S+ {2}\+2s\n {2}verdict /,
      /How it began\n +AT THE WARNING +AT THE HANG\n/,
      /next start +\S+ \S+: /,
      /outcome +recovered\n/,
      /\\x1b\]0;evil\\x07 \\u202e bidi\n/,
    ]) {
      t.match(page, expected)
    }
    // A machine that is too busy for the inspector leaves the cause unknown.
    if (page.includes('JavaScript stack ('))
      t.match(page, /Cause\n {2}.*spinForEver.*\n {2}Rests on: JavaScript stack\./)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    t.notMatch(page, /[\u001b\u0007\u202e]/)
    const stored = await hangdog(t, ['explain', 'web', '--state-dir', directory])
    t.equal(stored.code, 0)
    t.match(
      stored.stdout,
      /^web is not watched now; .*\n\nThe last verdict\n.*hung: .*\n +rule: +\S+: (?:.*\n)+ +clocks: /,
    )
    const json = JSON.parse((await hangdog(t, ['explain', 'web', '--json', '--state-dir', directory])).stdout)
    t.match(json, {
      incident: { last: { rule: String, clocks: { limitMs: 2000, sinceWarning: { monotonicMs: Number } } } },
    })
    t.equal((await hangdog(t, ['explain', 'nobody', '--state-dir', directory])).code, 69)
    const file = join(directory, 'out.tar.gz')
    const exported = await hangdog(t, ['incident', 'export', id, '-o', file, '--state-dir', directory])
    t.equal(exported.stdout, `${file}\n`)
    const bytes = gunzipSync(readFileSync(file)).toString('latin1')
    t.notMatch(bytes, 'hunter2secret')
    t.notMatch(bytes, 'topsecretword')
    t.match(bytes, /commandLine\[\d\]: password\n/)
    t.match(bytes, 'spinForEver')
    t.equal((await hangdog(t, ['incident', 'export', id, '-o', file, '--state-dir', directory])).code, 73)
  },
)

t.test('a service that is late and comes back is a near miss, in the log, the status and the metrics', async (t) => {
  const directory = stateDirectory(t)
  const late = service(
    t,
    `setInterval(() => {}, 50)
     setTimeout(function lateJob() { const end = Date.now() + 2600; while (Date.now() < end); }, 1200)`,
  )
  const run = runService(t, ['--name', 'web', '--timeout', '4s'], [process.execPath, late], directory)
  const miss = await run.event('near-miss')
  t.match(miss, { service: 'web', level: 'warning', parameters: { channel: 'main', count: 1, seen: /main thread/ } })
  t.ok(run.has('silence-warning') && run.has('silence-ended'))
  t.notOk(run.has('hang-recovery'))
  t.same(readdirSync(join(directory, 'incidents')), [], 'nothing is left of what was written ahead')
  const explained = await hangdog(t, ['explain', 'web', '--state-dir', directory])
  t.match(
    explained.stdout,
    /The last near miss\n {2}.* % of the limit of 4s; 1 in all\n {2}at the warning: main thread/,
  )
  const [status] = (await hangdog(t, ['status', '--json', '--state-dir', directory])).stdout.trim().split('\n')
  const parsed = JSON.parse(status ?? '')
  t.match(parsed, { warnings: 1, nearMisses: 1, gaps: [{ channel: 'main', maxMs: Number, limitMs: 4000 }] })
  t.ok(parsed.gaps[0].maxMs > 2000 && parsed.gaps[0].p50Ms < parsed.gaps[0].maxMs)
  const metrics = (await hangdog(t, ['status', '--metrics', '--state-dir', directory])).stdout
  t.match(metrics, /hangdog_near_misses_total\{instance="web",service="web"\} 1\n/)
  t.match(
    metrics,
    /hangdog_heartbeat_gap_seconds_bucket\{instance="web",service="web",channel="main",le="\+Inf"\} [1-9]/,
  )
})

t.test(
  'the light capture is on disk before the evidence is, and outlives a hangdog that is killed meanwhile',
  async (t) => {
    const directory = stateDirectory(t)
    const run = runService(t, ['--name', 'web', '--timeout', '2s'], [process.execPath, service(t, busy)], directory)
    const { parameters } = await run.event('service-started')
    const { pid }: { readonly pid?: unknown } = { ...parameters }
    t.teardown(() => process.kill(Number(pid), 'SIGKILL'))
    const incidents = join(directory, 'incidents')
    const hasEarly = (): true | undefined => {
      const [id = ''] = existsSync(incidents) ? readdirSync(incidents) : []
      const file = join(incidents, id, 'evidence.jsonl')
      return existsSync(file) && readFileSync(file, 'utf8').includes('"early"') ? true : undefined
    }
    await until(async () => hasEarly(), 'the light capture')
    run.child.kill('SIGKILL')
    await run.finished
    const [id = ''] = readdirSync(incidents)
    const page = (await hangdog(t, ['incident', 'show', id, '--state-dir', directory])).stdout
    t.match(page, /outcome +unknown: hangdog or the machine stopped/)
    t.match(page, /How it began\n/)
    t.match(page, /warning +\S+ \S+ {2}\+1\.?\d*s\n/)
  },
)
