import { join } from 'node:path'
import t from 'tap'
import { findWatchdog, listWatchdogs } from '../../src/platform/watchdog-class.js'

const ofHardware = {
  identity: 'i6300ESB timer\n',
  state: 'inactive\n',
  nowayout: '1\n',
  timeout: '30\n',
  min_timeout: '1\n',
  max_timeout: '2046\n',
  bootstatus: '32\n',
  pretimeout_governor: 'noop\n',
  // The number of /dev/null, which every machine has.
  dev: '1:3\n',
}

t.test('what the kernel shows of each watchdog is read', async (t) => {
  const root = t.testdir({
    watchdog0: ofHardware,
    watchdog10: { identity: 'Software Watchdog\n', state: 'active\n', bootstatus: '0\n', dev: '1:5\n' },
    watchdog2: { dev: '1:7\n' },
  })
  const found = listWatchdogs(root)
  t.same(
    found.map(({ name }) => name),
    ['watchdog0', 'watchdog2', 'watchdog10'],
  )
  t.same(found[0], {
    name: 'watchdog0',
    device: '/dev/watchdog0',
    identity: 'i6300ESB timer',
    active: false,
    nowayout: true,
    timeout: 30,
    minTimeout: 1,
    maxTimeout: 2046,
    pretimeoutGovernor: 'noop',
    bootStatus: 32,
  })
  t.match(found[1], {
    identity: 'unknown',
    active: undefined,
    nowayout: undefined,
    maxTimeout: undefined,
    bootStatus: 0,
  })
  t.match(found[2], { identity: 'Software Watchdog', active: true })
})

t.test('a watchdog is found by the number of its device, whatever its path', async (t) => {
  const root = t.testdir({ watchdog0: ofHardware, watchdog1: { dev: '1:5\n' }, file: '' })
  t.equal(findWatchdog('/dev/null', root)?.name, 'watchdog0')
  t.equal(findWatchdog('/dev/zero', root)?.name, 'watchdog1')
  t.equal(findWatchdog('/dev/full', root), undefined)
  t.equal(findWatchdog(join(root, 'file'), root), undefined)
  t.equal(findWatchdog(join(root, 'none'), root), undefined)
})

t.test('a machine without watchdogs has none', async (t) => {
  t.same(listWatchdogs(join(t.testdir(), 'none')), [])
})
