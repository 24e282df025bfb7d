import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkMachineWatchdog } from '../src/machine-watchdog-check.js'
import { loadAddon } from '../src/platform/addon.js'
import type { WatchdogClass } from '../src/platform/watchdog-class.js'
import { seconds } from '../src/time.js'
import { makeFolder } from './heartbeat/stream-fixture.js'
import { nativeAddon } from './support/native.js'

const settings = (device: string) => ({ device, timeout: seconds(30), pretimeout: seconds(0) })
const { skip } = nativeAddon()
const loaded = loadAddon()
const shown: WatchdogClass = {
  name: 'watchdog0',
  device: '/dev/watchdog0',
  identity: 'a driver',
  active: false,
  nowayout: false,
  timeout: 60,
  minTimeout: 1,
  maxTimeout: 20,
  pretimeoutGovernor: undefined,
  bootStatus: 0,
}

t.test('what is no watchdog is refused without being opened', { skip: skip && `skipped: ${skip}` }, async (t) => {
  const folder = makeFolder(t)
  writeFileSync(join(folder, 'file'), '')
  mkdirSync(join(folder, 'folder'))
  const check = (device: string) => () => checkMachineWatchdog(settings(device), loaded, false)
  t.throws(check(join(folder, 'none')), { code: 'unavailable', message: /there is no such device/ })
  t.throws(check(join(folder, 'file')), { code: 'config', message: /expected a watchdog device/ })
  t.throws(check(join(folder, 'folder')), { code: 'config', message: /expected a watchdog device/ })
  t.throws(check('/dev/null'), { code: 'config', message: /expected a watchdog device/ })
})

t.test(
  'what the kernel shows is a watchdog, if it can have that timeout',
  { skip: skip && `skipped: ${skip}` },
  (t) => {
    const check = (maxTimeout: number) => () =>
      checkMachineWatchdog(settings('/dev/null'), loaded, false, () => ({ ...shown, maxTimeout }))
    t.doesNotThrow(check(60))
    t.throws(check(20), { code: 'config', message: /expected a timeout of 1s to 20s, not 30s/ })
    t.end()
  },
)

t.test('without the native part there is none; for a dry run nothing is asked', (t) => {
  const absent = { kind: 'absent', reason: 'it was not built' } as const
  t.throws(() => checkMachineWatchdog(settings('/dev/null'), absent, false), {
    code: 'unavailable',
    message: 'cannot open the watchdog "/dev/null": it was not built',
  })
  t.doesNotThrow(() => checkMachineWatchdog(settings('/dev/none'), absent, true))
  t.doesNotThrow(() => checkMachineWatchdog(undefined, absent, false))
  t.end()
})
