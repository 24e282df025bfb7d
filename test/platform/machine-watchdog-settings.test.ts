import t from 'tap'
import { completeMachineWatchdog, parseMachineWatchdog } from '../../src/platform/machine-watchdog-settings.js'
import { seconds } from '../../src/time.js'

t.test('a device and a timeout are read; what is not given has its default', async (t) => {
  t.same(parseMachineWatchdog('/dev/watchdog', '-w'), {
    device: '/dev/watchdog',
    timeout: 60_000,
    pretimeout: 15_000,
  })
  t.same(parseMachineWatchdog('/dev/watchdog1:2m', '-w'), {
    device: '/dev/watchdog1',
    timeout: 120_000,
    pretimeout: 30_000,
  })
  t.equal(parseMachineWatchdog('/dev/a:b/watchdog:5s', '-w').device, '/dev/a:b/watchdog')
})

t.test('a pretimeout leaves time to be fed', async (t) => {
  const pretimeouts = [5, 6, 7, 8, 65_535].map((timeout) => parseMachineWatchdog(`/dev/w:${timeout}s`, '-w').pretimeout)
  t.same(pretimeouts, [0, 1000, 1000, 2000, 16_383_000])
  const given = { device: '/dev/w', timeout: seconds(10), pretimeout: seconds(5) }
  t.same(completeMachineWatchdog(given, '-w'), given)
  t.throws(() => completeMachineWatchdog({ ...given, pretimeout: seconds(6) }, '-w'), {
    code: 'usage',
    message: 'cannot use -w "6s": expected a pretimeout of whole seconds that leaves 5s of the timeout of 10s',
  })
})

t.test('what cannot be is refused, and it is said what was expected', async (t) => {
  const refused = [
    '',
    'watchdog',
    '/',
    '/dev/',
    ':5s',
    '/dev/w:',
    '/dev/w:4s',
    '/dev/w:5500ms',
    '/dev/w:65536s',
    '/dev/w:5',
  ]
  for (const text of refused) t.throws(() => parseMachineWatchdog(text, '-w'), { code: 'usage' }, `"${text}"`)
})
