import t from 'tap'
import { examineMachineWatchdog, examineWatchers } from '../../src/cli/watcher-health.js'
import type { WatchdogClass } from '../../src/platform/watchdog-class.js'

const shown: WatchdogClass = {
  name: 'watchdog0',
  device: '/dev/watchdog0',
  identity: 'i6300ESB timer',
  active: false,
  nowayout: true,
  timeout: 30,
  minTimeout: 1,
  maxTimeout: 2046,
  pretimeoutGovernor: undefined,
  bootStatus: 0x20,
}

t.test('a watchdog is described, and how to use it', async (t) => {
  t.same(examineMachineWatchdog([shown], undefined), {
    check: 'machine-watchdog',
    state: 'ok',
    reason:
      '/dev/watchdog0 (i6300ESB timer, 1s to 2046s), does not run, cannot be stopped, boot status 0x20; fed with --machine-watchdog',
    mend: null,
  })
})

t.test('what is missing is weak, with what would mend it', async (t) => {
  t.match(examineMachineWatchdog([], undefined), { state: 'weak', mend: /softdog/ })
  t.match(examineMachineWatchdog([shown], 'no compiler'), { state: 'weak', reason: /cannot be fed: no compiler/ })
})

t.test('both watchers of hangdog are looked at', async (t) => {
  t.same(
    examineWatchers().map(({ check }) => check),
    ['machine-watchdog', 'service-manager'],
  )
})
