import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatGapFile } from '../../src/advice/gap-file.js'
import { adviseCommand } from '../../src/cli/advise.js'
import { controlPath } from '../../src/control/instances.js'
import type { BeatGapsRecord } from '../../src/watch/gap-book.js'
import { countsOf, recordOf } from '../advice/support.js'
import { FakeDaemon, serve, temporaryState } from '../control/support.js'
import { openScreenshot, runCommand, Screenshot } from './support.js'

async function startDaemon(
  t: Parameters<typeof serve>[0],
  state: string,
  name: string,
  records: readonly BeatGapsRecord[],
): Promise<void> {
  const daemon = new FakeDaemon(name)
  daemon.gaps = (service) => records.filter((record) => service === undefined || record.service === service)
  await serve(t, controlPath({ control: join(state, 'control') }, name), daemon)
}

function keep(state: string, service: string, records: readonly BeatGapsRecord[]): void {
  mkdirSync(join(state, 'gaps'), { recursive: true })
  writeFileSync(join(state, 'gaps', `${service}.json`), formatGapFile(records))
}

const hourly = recordOf([
  [1000, 3599],
  [1100, 1],
])

t.test('advise proposes a limit with its reasons and the command that applies it', async (t) => {
  const state = temporaryState(t)
  await startDaemon(t, state, 'main', [{ ...hourly, hangs: countsOf([[60_000, 1]]) }])
  const { stdout } = await runCommand(adviseCommand, ['advise', 'web', '--state-dir', state])
  t.equal(
    stdout.lines[0],
    'web (watched by main): The limit of 1m is longer than needed: with 12s a hang is found 48s sooner.',
  )
  t.match(stdout.text, / {2}By the rule it would be 12s:\n {2}- 12 times the mean gap on main \(1s\) asks for 11s\n/)
  t.match(stdout.text, /\n {2}To apply it: hangdog prop set --service web ClusSvcHeartbeatTimeout=12\n/)
  t.match(stdout.text, /CHANNEL {2}GAPS {2}IN +SINCE +MEAN {2}P50 +P99 +P99.9 {2}LONGEST {2}≥ 6s {2}≥ 30s {2}≥ 1m\n/)
  t.match(stdout.text, /main +3600 {2}1h +20.* 1s +1.1s +1.1s +1.1s +1.1s +0 +0 +0\n/)
  t.match(stdout.text, /One silence on main, of up to 1m, ended with the run and not with a beat/)
})

t.test('what is not watched now is read from the disk, and what is watched is asked', async (t) => {
  const state = temporaryState(t)
  keep(state, 'web', [recordOf([[5000, 9]])])
  keep(state, 'old', [{ ...hourly, service: 'old' }])
  await startDaemon(t, state, 'alpha', [hourly, { ...hourly, channel: 'own', ownLimit: true, limitMs: 12_000 }])
  const { stdout } = await runCommand(adviseCommand, ['advise', '--json', '--state-dir', state])
  t.match(stdout.objects, [
    { instance: 'alpha', service: 'web', finding: 'too-long', proposal: { limitMs: 12_000 } },
    { instance: 'alpha', service: 'web', ownLimit: true, finding: 'fits', channels: [{ channel: 'own' }] },
    { instance: null, service: 'old', finding: 'too-long', channels: [{ gaps: { count: 3600, maxMs: 1100 } }] },
  ])
  const old = await runCommand(adviseCommand, ['advise', 'old', '--state-dir', state])
  t.match(old.stdout.lines[0], /^old \(not watched now\): /)
})

t.test('too little is said, with what there is', async (t) => {
  const state = temporaryState(t)
  await startDaemon(t, state, 'main', [recordOf([[1000, 20]])])
  const ran = openScreenshot(new Screenshot(true), {})
  const { stdout } = await runCommand(adviseCommand, ['advise', '--state-dir', state], ran)
  t.match(stdout.lines[0], /Too little was seen to propose a limit: 20 gaps in 20s, of at least 1000 in 10m\./)
  t.match(stdout.lines.at(-1), /main +20 +20s/)
  t.notMatch(stdout.text, /To apply it/)
})

t.test('a service that does not exist is refused with those that do', async (t) => {
  const state = temporaryState(t)
  keep(state, 'old', [{ ...hourly, service: 'old' }])
  await startDaemon(t, state, 'main', [hourly])
  await t.rejects(runCommand(adviseCommand, ['advise', 'wbe', '--state-dir', state]), {
    code: 'usage',
    message: 'cannot find service "wbe": expected one of web, old',
  })
})

t.test('where nothing was recorded that is said', async (t) => {
  const state = temporaryState(t)
  await t.rejects(runCommand(adviseCommand, ['advise', '--state-dir', state]), {
    code: 'unavailable',
    message: /no hangdog runs .* no gaps between beats are kept there; start one with "hangdog run -- COMMAND"/,
  })
  await t.rejects(runCommand(adviseCommand, ['advise', '--state-dir', join(state, 'none')]), { code: 'unavailable' })
  await startDaemon(t, state, 'main', [recordOf([]), { ...hourly, service: 'db' }])
  await t.rejects(runCommand(adviseCommand, ['advise', 'web', '--state-dir', state]), {
    code: 'unavailable',
    message: /cannot advise on service "web": no gap between two beats was recorded yet/,
  })
  const { stdout } = await runCommand(adviseCommand, ['advise', '--json', '--state-dir', state])
  t.match(stdout.objects, [
    { service: 'web', finding: 'too-little' },
    { service: 'db', finding: 'too-long' },
  ])
})

t.test('a damaged file and a hangdog that does not answer as expected are named, and the rest is used', async (t) => {
  const state = temporaryState(t)
  keep(state, 'old', [{ ...hourly, service: 'old' }])
  writeFileSync(join(state, 'gaps', 'torn.json'), '{')
  const daemon = new FakeDaemon('strange')
  daemon.gaps = () => {
    throw new Error('no')
  }
  await serve(t, controlPath({ control: join(state, 'control') }, 'strange'), daemon)
  const { stdout, stderr } = await runCommand(adviseCommand, ['advise', '--json', '--state-dir', state])
  t.match(stdout.objects, [{ service: 'old' }])
  t.match(stderr.text, /hangdog: instance "strange" tells no gaps: no\n/)
  t.match(stderr.text, /hangdog: ".*torn\.json" cannot be used: it is not whole/)
})

t.test('what a service is called cannot rewrite what the operator sees', async (t) => {
  const state = temporaryState(t)
  await startDaemon(t, state, 'main', [recordOf([[1000, 3600]], { channel: 'a\u001b[2J' })])
  const { stdout } = await runCommand(adviseCommand, ['advise', '--state-dir', state])
  t.notOk(stdout.text.includes('\u001b'))
})
