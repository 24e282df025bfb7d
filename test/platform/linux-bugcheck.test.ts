import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { linuxBugCheck, linuxBugCheckMethod } from '../../src/platform/linux-bugcheck.js'
import { milliseconds } from '../../src/time.js'
import { temporaryDirectory } from './support.js'

const reason = { service: 'sub\nject', pid: 7, timeout: milliseconds(6000), incident: '2026-01-01-subject' }

function fakes(t: Test, loaded: string) {
  const directory = temporaryDirectory(t)
  const files = {
    sysrqTrigger: join(directory, 'trigger'),
    kexecLoaded: join(directory, 'loaded'),
    kernelLog: join(directory, 'kmsg'),
  }
  writeFileSync(files.sysrqTrigger, '')
  writeFileSync(files.kexecLoaded, loaded)
  writeFileSync(files.kernelLog, '')
  return files
}

t.test('with a crash kernel the machine is crashed, after the reason was written to the kernel log', async (t) => {
  const files = fakes(t, '1\n')
  t.equal(linuxBugCheckMethod(files).kind, 'dump')
  const failure = await linuxBugCheck(files, reason)
  t.match(failure, { method: /sysrq c/, error: /still runs/ })
  t.equal(readFileSync(files.sysrqTrigger, 'utf8'), 'c')
  t.equal(
    readFileSync(files.kernelLog, 'utf8'),
    '<2>hangdog: bugcheck 0x9E: service sub ject (pid 7) hung for 6000 ms, incident 2026-01-01-subject\n',
  )
})

t.test('without a crash kernel the machine is rebooted', async (t) => {
  const files = fakes(t, '0\n')
  t.equal(linuxBugCheckMethod(files).kind, 'reboot')
  await linuxBugCheck(files, reason)
  t.equal(readFileSync(files.sysrqTrigger, 'utf8'), 'b')
})

t.test('when no sync can be run, the kernel is asked for one first', async (t) => {
  const files = fakes(t, '0\n')
  rmSync(files.sysrqTrigger)
  // Unlike a file, a FIFO keeps each letter that is written, as the kernel acts on each.
  execFileSync('mkfifo', [files.sysrqTrigger])
  const trigger = openSync(files.sysrqTrigger, constants.O_RDWR | constants.O_NONBLOCK)
  const path = process.env.PATH
  process.env.PATH = temporaryDirectory(t)
  t.teardown(() => {
    process.env.PATH = path
    closeSync(trigger)
  })
  await linuxBugCheck(files, reason)
  const letters = Buffer.alloc(8)
  t.equal(letters.toString('latin1', 0, readSync(trigger, letters)), 'sb')
})

t.test('without the trigger there is no method, with the reason, and nothing is tried', async (t) => {
  const files = { ...fakes(t, '1\n'), sysrqTrigger: '/no/such/file' }
  t.match(linuxBugCheckMethod(files), { kind: 'none', reason: /ENOENT/ })
  t.match(await linuxBugCheck(files, reason), { method: 'none', error: /ENOENT/ })
  t.equal(readFileSync(files.kernelLog, 'utf8'), '')
})

t.test('what a dump needs is prepared right before it, and not for a plain reboot', async (t) => {
  for (const [loaded, expected] of [
    ['1\n', ['with an empty trigger']],
    ['0\n', []],
  ] as const) {
    const files = fakes(t, loaded)
    const seen: string[] = []
    await linuxBugCheck(files, reason, () => {
      seen.push(readFileSync(files.sysrqTrigger, 'utf8') === '' ? 'with an empty trigger' : 'too late')
    })
    t.same(seen, expected)
  }
})
