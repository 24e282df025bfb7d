import { chownSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { doctorCommand } from '../../src/cli/doctor.js'
import { examineNode } from '../../src/cli/health.js'
import { loadAddon } from '../../src/platform/addon.js'
import { temporaryDirectory, temporaryState } from '../control/support.js'
import { runIn } from './property-support.js'
import { openScreenshot, runCommand, Screenshot } from './support.js'

t.test('doctor names what works here, and what would mend the rest', async (t) => {
  const { stdout, exitCode } = await runCommand(doctorCommand, ['doctor', '--json', '--state-dir', temporaryState(t)])
  const checks = new Map(stdout.objects.map((check) => [check.check, check]))
  t.match(checks.get('node'), { state: 'ok', reason: `version ${process.versions.node}`, mend: null })
  t.match(checks.get('state-directory'), { state: 'ok' })
  t.match(checks.get('socket-path'), { state: 'ok' })
  t.match(checks.get('terminate'), { state: 'ok' })
  const native = loadAddon().kind === 'loaded'
  t.match(checks.get('notify-socket'), native ? { state: 'ok' } : { state: 'weak', reason: 'needs the native part' })
  t.match(checks.get('guard'), native ? { state: 'ok' } : { state: 'weak', mend: String })
  t.match(checks.get('bugcheck-consent'), { state: 'weak', mend: /BugCheckConsent=1/ })
  t.match(checks.get('properties'), { state: 'ok', reason: 'all have their defaults' })
  t.match(checks.get('vitals'), { state: 'ok' })
  t.ok([...checks.values()].every(({ state, mend }) => state !== 'ok' || mend === null))
  t.equal(exitCode, 1, 'something is weaker')
})

t.test('doctor makes nothing', async (t) => {
  const directory = temporaryDirectory(t)
  const state = join(directory, 'a', 'b')
  const { stdout } = await runCommand(doctorCommand, ['doctor', '--json', '--state-dir', state])
  t.match(
    stdout.objects.find(({ check }) => check === 'state-directory'),
    { state: 'ok', reason: /will be made/ },
  )
  t.notOk(existsSync(join(directory, 'a')))
  await runCommand(doctorCommand, ['doctor', '--state-dir', directory])
  t.strictSame(readdirSync(directory), [])
  const used = temporaryState(t)
  const before = readdirSync(used)
  await runCommand(doctorCommand, ['doctor', '--state-dir', used])
  t.strictSame(readdirSync(used), before)
})

t.test(
  "doctor tells of properties that are damaged, that a newer hangdog wrote, or that are another user's",
  async (t) => {
    if (process.getuid?.() !== 0) return t.comment('skipped: only root can give its consent')
    const state = temporaryState(t)
    const look = async (check: string): Promise<unknown> => {
      const { stdout } = await runCommand(doctorCommand, ['doctor', '--json', '--state-dir', state])
      return stdout.objects.find((each) => each.check === check)
    }
    const current = join(state, 'properties.json')
    for (const action of [1, 2]) await runIn(state, ['set', 'BugCheckConsent=1', `HangRecoveryAction=${action}`])
    t.match(await look('properties'), { state: 'ok', reason: 'generation 2 is whole', mend: null })
    t.match(await look('bugcheck-consent'), { state: 'ok' })
    chownSync(current, 65534, 65534)
    t.match(await look('properties'), { state: 'missing', reason: /found one of user 65534/, mend: /as the user/ })
    rmSync(current)
    writeFileSync(current, 'torn')
    t.match(await look('properties'), { state: 'weak', reason: /generation 1 .* is used instead/, mend: /prop set/ })
    t.match(await look('bugcheck-consent'), { state: 'ok' }, 'the generation before counts')
    rmSync(join(state, 'properties.previous.json'))
    t.match(await look('properties'), { state: 'missing', reason: /expected a whole "properties.json"/, mend: /move/ })
    t.match(await look('bugcheck-consent'), { state: 'weak' })
    writeFileSync(current, JSON.stringify({ version: 99 }))
    t.match(await look('properties'), { state: 'missing', reason: /newer/, mend: /use the hangdog that wrote them/ })
  },
)

t.test('a state directory that cannot be used is exit code 2', async (t) => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  const ran = await runCommand(doctorCommand, ['doctor', '--state-dir', join(file, 'state')])
  t.equal(ran.exitCode, 2)
  t.match(ran.stdout.text, /state-directory +missing .* → give another one with --state-dir/)
})

t.test('a long path leaves less room for names', async (t) => {
  const check = async (length: number): Promise<unknown> => {
    const directory = temporaryDirectory(t)
    const state = join(directory, 'x'.repeat(length - directory.length - 1))
    const { stdout } = await runCommand(doctorCommand, ['doctor', '--json', '--state-dir', state])
    return stdout.objects.find((each) => each.check === 'socket-path')?.state
  }
  t.equal(await check(107 - 64 - '/control/.sock'.length + 1), 'weak')
  t.equal(await check(107 - 15 - '/control/.sock'.length), 'missing')
})

t.test('on a terminal the advice has lines of its own', async (t) => {
  const ran = openScreenshot(new Screenshot(true, 60), { NO_COLOR: '1' })
  await runCommand(doctorCommand, ['doctor', '--state-dir', temporaryState(t)], ran)
  t.match(ran.stdout.text, /\nTo mend it\n/)
  t.match(ran.stdout.text, / {2}bugcheck-consent: hangdog prop set/)
})

t.test('an old Node is told from a new one', async (t) => {
  t.equal(examineNode('20.20.0').state, 'ok')
  t.equal(examineNode('22.0.0').state, 'ok')
  t.equal(examineNode('20.9.0').state, 'missing')
  t.equal(examineNode('18.20.0').state, 'missing')
})
