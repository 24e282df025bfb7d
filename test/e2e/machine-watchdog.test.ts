import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nativeAddon } from '../support/native.js'
import { hangdog, runService, stateDirectory } from './hangdog.js'

const { skip } = nativeAddon()

t.test(
  'a watchdog that cannot be used is one error, and nothing is started',
  { skip: skip && `skipped: ${skip}` },
  async (t) => {
    const state = stateDirectory(t)
    const mark = join(state, 'started')
    const refused = [
      ['/dev/null', 78, /cannot open the watchdog "\/dev\/null": expected a watchdog device/],
      ['/dev/watchdog4711:30s', 69, /cannot open the watchdog "\/dev\/watchdog4711": there is no such device/],
      [`${state}/none`, 69, /there is no such device/],
      ['watchdog', 64, /expected the absolute path of a device/],
      ['/dev/watchdog:2s', 64, /cannot use --machine-watchdog "2s": expected a timeout/],
    ] as const
    for (const [device, code, message] of refused) {
      const done = await runService(t, ['--machine-watchdog', device], ['touch', mark], state).finished
      t.equal(done.code, code, device)
      t.match(done.stderr, message)
      t.notMatch(done.stderr, /15850|watches as pid/, 'nor did hangdog itself begin')
    }
    t.notOk(readdirSync(state).includes('started'))
  },
)

t.test('a dry run says that it would start the watchdog, and does not', async (t) => {
  const daemon = runService(t, ['--dry-run', '--machine-watchdog', '/dev/watchdog4711:30s'], ['true'])
  const { parameters } = await daemon.event('dry-run')
  t.match(parameters, { action: 'start the watchdog /dev/watchdog4711 of this machine with 30s' })
  t.equal((await daemon.finished).code, 0)
})

t.test('the file of supervise names the watchdog; what is wrong there is said by its place', async (t) => {
  const directory = stateDirectory(t)
  const file = join(directory, 'hangdog.yaml')
  const check = async (watchdog: string, ...more: string[]) => {
    writeFileSync(file, `machineWatchdog: ${watchdog}\nservices: { web: { command: ['true'] } }\n`)
    return await hangdog(t, ['supervise', '--config', file, '--state-dir', directory, ...more])
  }
  const dry = await check('{ device: /dev/watchdog4711, timeout: 30s, pretimeout: 5s }', '--check', '--dry-run')
  t.equal(dry.code, 0, dry.stderr)
  const wrong = [
    ['{ timeout: 30s }', /machineWatchdog\.device: expected string/],
    ['{ device: /dev/watchdog0, time: 30s }', /unknown key "time"; expected one of device, timeout, pretimeout/],
    ['{ device: /dev/watchdog0, timeout: 30 }', /machineWatchdog\.timeout/],
    ['{ device: /dev/watchdog0, timeout: 1s }', /expected a timeout of whole seconds from 5s to 65535s/],
    ['{ device: /dev/watchdog0, timeout: 10s, pretimeout: 9s }', /expected a pretimeout of whole seconds/],
    ['/dev/watchdog0', /machineWatchdog: expected object/],
  ] as const
  for (const [watchdog, message] of wrong) {
    const done = await check(watchdog, '--check')
    t.equal(done.code, 78, watchdog)
    t.match(done.stderr, message)
  }
  for (const more of [[], ['--check']]) {
    const absent = await check('{ device: /dev/watchdog4711 }', ...more)
    t.equal(absent.code, 69)
    t.match(absent.stderr, /cannot open the watchdog "\/dev\/watchdog4711": there is no such device/)
    t.equal((await check('{ device: /dev/null }', ...more)).code, 78)
  }
})
