import t from 'tap'
import { completeOwnWatch, parseOwnWatch } from '../src/own-kernel-watch-settings.js'
import { milliseconds, seconds } from '../src/time.js'

t.test('a limit and an action are read; hangdog is killed by default', async (t) => {
  t.same(parseOwnWatch('10s', '-w'), { timeout: 10_000, action: 'terminate' })
  t.same(parseOwnWatch('5s:log', '-w'), { timeout: 5000, action: 'log' })
  t.same(parseOwnWatch('2m:terminate', '-w'), { timeout: 120_000, action: 'terminate' })
  t.same(parseOwnWatch('5.5s:bugcheck', '-w'), { timeout: 5500, action: 'bugcheck' })
  t.same(completeOwnWatch({ timeout: seconds(5) }, '-w'), { timeout: 5000, action: 'terminate' })
})

t.test('what cannot be is refused, and it is said what was expected', async (t) => {
  const form = /cannot use -w ".*": expected LIMIT or LIMIT:ACTION with log, terminate, bugcheck/
  const duration = /cannot read -w ".*": expected a duration/
  const refused = [
    ['', duration],
    ['10', duration],
    [':log', duration],
    ['log', duration],
    ['-5s', duration],
    ['10s:', form],
    ['10s:panic', form],
    ['10s:2', form],
    ['10s:disable', form],
    ['10s:log:log', form],
    ['4999ms', /cannot use -w "4\.999s": expected a limit of 5s or more/],
    ['0', /cannot use -w "0s": expected a limit of 5s or more/],
    ['4294967296s', /expected at most/],
  ] as const
  for (const [text, message] of refused)
    t.throws(() => parseOwnWatch(text, '-w'), { code: 'usage', message }, `"${text}"`)
  t.throws(() => completeOwnWatch({ timeout: milliseconds(20) }, 'watchHangdog'), { message: /watchHangdog "0\.02s"/ })
})
