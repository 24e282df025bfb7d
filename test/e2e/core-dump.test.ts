import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findCoreProgram } from '../../src/platform/core-program.js'
import { hangdog, runService, stateDirectory } from './hangdog.js'

const skip = findCoreProgram() === undefined ? 'hangdog-core is not built' : false
const spin = [process.execPath, '-e', 'setTimeout(() => { for (;;); }, 500)']

t.test('a hung service leaves a core in its incident, and is ended', { skip }, async (t) => {
  const directory = stateDirectory(t)
  const options = ['--timeout', '1s', '--terminate-timeout', '200ms', '--core-dump', 'minimal']
  const run = runService(t, options, spin, directory)
  t.equal((await run.finished).code, 124)
  const { incident = '' } = await run.event('incident-closed')
  const path = join(directory, 'incidents', incident)
  const core = readdirSync(path).find((name) => /^core\.\d+$/.test(name)) ?? ''
  t.equal(statSync(join(path, core)).mode & 0o777, 0o600)
  const evidence = readFileSync(join(path, 'evidence.jsonl'), 'utf8')
  t.match(evidence, /"name":"core"/)
  t.notOk(existsSync(join(path, `${core}.partial`)))
})

t.test('options of a core that make no sense are refused, and nothing is started', async (t) => {
  for (const [option, value, expected] of [
    ['--core-dump', 'some', /none, minimal, full/],
    ['--core-dump-limit', '0', /--core-dump-limit/],
    ['--core-dump-timeout', '5', /--core-dump-timeout/],
  ] as const) {
    const { code, stderr } = await hangdog(t, ['run', option, value, '--', 'echo', 'started'])
    t.equal(code, 64, option)
    t.match(stderr, expected)
  }
})
