import { constants } from 'node:os'
import t from 'tap'
import type { AddonWatchdog } from '../../src/platform/addon.js'
import { openMachineWatchdog } from '../../src/platform/machine-watchdog.js'
import type { WatchdogClass } from '../../src/platform/watchdog-class.js'
import { seconds } from '../../src/time.js'
import { nativeAddon } from '../support/native.js'

const { EBUSY, EINVAL, EIO, ENOTTY, EOPNOTSUPP } = constants.errno
const settings = { device: '/dev/watchdog0', timeout: seconds(20), pretimeout: seconds(5) }

/** Stands for drivers that no virtual machine has; real ones are in test/vm. */
class ScriptedDriver implements AddonWatchdog {
  readonly calls: string[] = []
  options = 0x8180
  answers: Partial<Record<keyof AddonWatchdog, (value: number) => number>> = {}

  watchdogOpen(path: string): number {
    return this.#answer('watchdogOpen', path, 9)
  }
  watchdogSupport(): { options: number; firmware: number; identity: string } {
    return { options: this.options, firmware: 0, identity: 'scripted' }
  }
  watchdogSetTimeout(_fd: number, value: number): number {
    return this.#answer('watchdogSetTimeout', value, value)
  }
  watchdogSetPretimeout(_fd: number, value: number): number {
    return this.#answer('watchdogSetPretimeout', value, value)
  }
  watchdogLengthen(_fd: number, value: number): number {
    return this.#answer('watchdogLengthen', value, value)
  }
  watchdogKeepAlive(): number {
    return this.#answer('watchdogKeepAlive', '', 0)
  }
  watchdogBootStatus(): number {
    return 0
  }
  watchdogDisable(): number {
    return this.#answer('watchdogDisable', '', 0)
  }
  watchdogClose(_fd: number, orderly: boolean): number {
    return this.#answer('watchdogClose', orderly ? 'V' : '', 0)
  }

  #answer(name: keyof AddonWatchdog, argument: string | number, otherwise: number): number {
    this.calls.push(`${name.slice(8)} ${argument}`.trim())
    return this.answers[name]?.(Number(argument)) ?? otherwise
  }
}

const shown: WatchdogClass = {
  name: 'watchdog0',
  device: '/dev/watchdog0',
  identity: 'scripted',
  active: false,
  nowayout: false,
  timeout: 60,
  minTimeout: 1,
  maxTimeout: 600,
  pretimeoutGovernor: 'noop',
  bootStatus: 0,
}
const nothingShown = (): undefined => undefined

t.test('what the driver made of the timeout counts, and the pretimeout keeps its share of it', async (t) => {
  const driver = new ScriptedDriver()
  driver.answers.watchdogSetTimeout = () => 16
  const { nature } = openMachineWatchdog(settings, driver, () => shown)
  t.match(nature, { timeout: 16_000, pretimeout: 4000, governor: 'noop', nowayout: false, wasRunning: false })
  t.same(driver.calls, ['Open /dev/watchdog0', 'SetTimeout 20', 'SetPretimeout 4', 'KeepAlive'])
})

t.test('a time that the kernel shows to be out of bounds is refused before the watchdog is started', async (t) => {
  const driver = new ScriptedDriver()
  t.throws(() => openMachineWatchdog({ ...settings, timeout: seconds(601) }, driver, () => shown), {
    code: 'config',
    message: 'cannot use the watchdog "/dev/watchdog0" (scripted): expected a timeout of 1s to 600s, not 601s',
  })
  t.same(driver.calls, [])
})

t.test('a driver whose time is too short to be served is refused, and the watchdog stopped again', async (t) => {
  for (const answer of [() => 4, () => -EINVAL]) {
    const driver = new ScriptedDriver()
    driver.answers.watchdogSetTimeout = answer
    t.throws(() => openMachineWatchdog(settings, driver, nothingShown), { code: 'config' })
    t.same(driver.calls.slice(2), ['Disable', 'Close V'])
  }
})

t.test('a driver with a time of its own is used with that, if it can be served', async (t) => {
  const driver = new ScriptedDriver()
  driver.options = 0x8100
  t.equal(openMachineWatchdog(settings, driver, () => shown).nature.timeout, 60_000)
  t.throws(() => openMachineWatchdog(settings, driver, () => ({ ...shown, timeout: 3 })), { code: 'config' })
  t.throws(() => openMachineWatchdog(settings, driver, nothingShown), { code: 'config' })
})

t.test('a driver without a pretimeout, or one that leaves no time to be fed, has none', async (t) => {
  const none = new ScriptedDriver()
  none.answers.watchdogSetPretimeout = () => -EOPNOTSUPP
  t.match(openMachineWatchdog(settings, none, () => shown).nature, { pretimeout: 0, governor: undefined })
  const long = new ScriptedDriver()
  long.answers.watchdogSetPretimeout = (asked) => (asked === 0 ? 0 : 16)
  t.equal(openMachineWatchdog(settings, long, () => shown).nature.pretimeout, 0)
  t.same(long.calls.slice(-2), ['SetPretimeout 0', 'KeepAlive'])
})

t.test('a driver that stops it when its feeder dies is known for that', async (t) => {
  const driver = new ScriptedDriver()
  driver.options = 0x8080
  t.equal(openMachineWatchdog(settings, driver, () => shown).nature.stopsOnCrash, true)
})

t.test('an orderly release stops it once; nothing is done to it after that', async (t) => {
  const driver = new ScriptedDriver()
  const watchdog = openMachineWatchdog(settings, driver, () => shown)
  t.equal(watchdog.feed(), undefined)
  t.same(watchdog.release(), { kind: 'stopped' })
  t.same(watchdog.release(), { kind: 'stopped' })
  watchdog.feed()
  t.equal(watchdog.lengthenForDump(), 'it is not open')
  t.same(driver.calls.slice(4), ['KeepAlive', 'Disable', 'Close V'])
})

t.test('one that cannot be stopped gets the longest time of its driver, and no letter', async (t) => {
  const known = new ScriptedDriver()
  const release = openMachineWatchdog(settings, known, () => ({ ...shown, nowayout: true, active: true })).release()
  t.match(release, { kind: 'left-running', timeout: 600_000, reason: /nowayout/ })
  t.same(known.calls.slice(4), ['Lengthen 600', 'Close'])
  const found = new ScriptedDriver()
  found.answers.watchdogDisable = () => -EBUSY
  t.match(openMachineWatchdog(settings, found, nothingShown).release(), { kind: 'left-running', timeout: 65_535_000 })
  t.same(found.calls.slice(4), ['Disable', 'Lengthen 65535', 'Close'])
})

t.test('a driver that knows no request to stop is stopped by the letter alone', async (t) => {
  const driver = new ScriptedDriver()
  driver.answers.watchdogDisable = () => -ENOTTY
  t.same(openMachineWatchdog(settings, driver, () => shown).release(), { kind: 'stopped' })
  t.same(driver.calls.slice(4), ['Disable', 'Close V'])
})

t.test('what fails is said by name', async (t) => {
  const driver = new ScriptedDriver()
  const watchdog = openMachineWatchdog(settings, driver, () => shown)
  driver.answers = { watchdogKeepAlive: () => -EIO, watchdogLengthen: () => -EIO, watchdogClose: () => -EIO }
  t.equal(watchdog.feed(), 'EIO')
  t.equal(watchdog.lengthenForDump(), 'EIO')
  t.match(watchdog.release(), { kind: 'left-running', timeout: 20_000, reason: 'the driver answers EIO' })
})

t.test('a crash dump gets an hour at most', async (t) => {
  const driver = new ScriptedDriver()
  t.equal(openMachineWatchdog(settings, driver, () => shown).lengthenForDump(), 600_000)
  t.equal(openMachineWatchdog(settings, driver, () => ({ ...shown, maxTimeout: 65_535 })).lengthenForDump(), 3_600_000)
})

const { addon, skip } = nativeAddon()

t.test('the real calls', { skip: skip && `skipped: ${skip}` }, async (t) => {
  if (addon === undefined) return
  const calls = addon
  t.test('refuse what is no watchdog, each with its exit code', async (t) => {
    const open = (device: string) => () => openMachineWatchdog({ ...settings, device }, calls)
    t.throws(open('/dev/null'), { code: 'config', message: /expected a watchdog device, found something else/ })
    t.throws(open(t.testdir()), { code: 'config' })
    t.throws(open('/dev/watchdog4711'), { code: 'unavailable', message: /there is no such device/ })
    t.throws(open('/dev/\0'), { code: 'unavailable' })
    t.throws(open(`/dev/${'x'.repeat(5000)}`), { code: 'unavailable' })
  })

  t.test('refuse descriptors that are none of a watchdog, and leave them alone', async (t) => {
    for (const fd of [-1, 0, 1, 2, 100_000, 2 ** 40]) {
      t.ok(calls.watchdogKeepAlive(fd) < 0)
      t.ok(calls.watchdogClose(fd, true) < 0)
      t.ok(calls.watchdogSetTimeout(fd, 10) < 0)
      t.ok(calls.watchdogLengthen(fd, 10) < 0)
      t.type(calls.watchdogSupport(fd), 'number')
    }
    const names = [
      'Open',
      'Support',
      'SetTimeout',
      'SetPretimeout',
      'Lengthen',
      'KeepAlive',
      'BootStatus',
      'Disable',
      'Close',
    ]
    for (const name of names) {
      const call: unknown = Reflect.get(calls, `watchdog${name}`)
      if (typeof call !== 'function') throw new Error(name)
      for (const args of [[], [{}], ['x', 'x'], [Symbol('s'), 1]]) {
        if (name === 'Open' && args[0] === 'x') continue
        t.throws(() => Reflect.apply(call, calls, args), TypeError, name)
      }
    }
  })
})
