import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hangdog, runService, stateDirectory } from './hangdog.js'

// What the kernel does is tried in a virtual machine: test/vm/module-watch.test.ts.
const skip = existsSync('/dev/hangdog') && 'the kernel module is loaded here'

function superviseFile(t: Test, watch: string) {
  const directory = stateDirectory(t)
  const file = join(directory, 'hangdog.yaml')
  writeFileSync(file, `watchHangdog: ${watch}\nservices: { web: { command: [touch, ${directory}/started] } }\n`)
  const state = join(directory, 'state')
  const supervise = (...more: string[]) => hangdog(t, ['supervise', '--config', file, '--state-dir', state, ...more])
  return { directory, state, supervise }
}

t.test('without the kernel module nothing is started, and nothing is made', { skip }, async (t) => {
  const { directory, state, supervise } = superviseFile(t, '{ timeout: 10s, action: log }')
  for (const more of [['--check'], []]) {
    const done = await supervise(...more)
    t.equal(done.code, 69, more.join(' '))
    t.match(done.stderr, /cannot have the kernel watch hangdog itself: /)
    t.equal(done.stderr.trim().split('\n').length, 1, 'one line')
    t.equal(done.stdout, '')
    t.notOk(existsSync(state))
  }
  t.same(readdirSync(directory), ['hangdog.yaml'])
})

t.test('the option goes before the file', { skip }, async (t) => {
  const { supervise } = superviseFile(t, '{ timeout: 10s, action: log }')
  const done = await supervise('--dry-run', '--log-format', 'json', '--watch-hangdog', '20s')
  t.match(done.stderr, /have the kernel watch hangdog itself, with 20s and the action terminate/)
})

t.test('what is wrong in the file is said by its place', async (t) => {
  const wrong = [
    ['{ action: log }', /watchHangdog\.timeout: expected string/],
    ['{ timeout: 10s, acton: log }', /watchHangdog: unknown key "acton"; expected one of timeout, action/],
    ['{ timeout: 10 }', /watchHangdog\.timeout: .*found number 10/],
    ['{ timeout: 4s }', /cannot use watchHangdog "4s": expected a limit of 5s or more/],
    ['{ timeout: 9999999999s }', /cannot read watchHangdog\.timeout .* expected at most/],
    ['{ timeout: 10s, action: disable }', /watchHangdog\.action: .*found string "disable"/],
    ['10s', /watchHangdog: expected object/],
  ] as const
  for (const [watch, message] of wrong) {
    const { supervise, state } = superviseFile(t, watch)
    const done = await supervise('--check')
    t.equal(done.code, 78, watch)
    t.match(done.stderr, message)
    t.notOk(existsSync(state))
  }
})

t.test('a dry run says that it would, and does not', async (t) => {
  const daemon = runService(t, ['--dry-run', '--watch-hangdog', '10s:bugcheck'], ['true'])
  const { parameters } = await daemon.event('dry-run')
  t.match(parameters, { action: 'have the kernel watch hangdog itself, with 10s and the action bugcheck' })
  t.equal((await daemon.finished).code, 0)
})
