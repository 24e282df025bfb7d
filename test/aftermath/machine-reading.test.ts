import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseLoginRecords, readLoginRecords } from '../../src/aftermath/login-records.js'
import { findResetReason, readResetReason } from '../../src/aftermath/reset-reason.js'
import { gatherTraces, linuxPlaces } from '../../src/aftermath/traces.js'
import { readWatchdogs } from '../../src/aftermath/watchdog-status.js'
import { systemClock } from '../../src/system-clock.js'
import { seconds } from '../../src/time.js'
import { temporaryDirectory } from '../event/events.js'
import { FakeClock } from '../support/fake-clock.js'
import { fixtures } from './support.js'

t.test('each watchdog says what it did, in words', async (t) => {
  const directory = temporaryDirectory(t)
  const device = (name: string, attributes: Readonly<Record<string, string>>) => {
    mkdirSync(join(directory, name))
    for (const [file, text] of Object.entries(attributes)) writeFileSync(join(directory, name, file), text)
  }
  device('watchdog1', { bootstatus: '32\n', identity: 'i6300ESB timer\n' })
  device('watchdog0', { bootstatus: '0\n', identity: 'Software Watchdog\n' })
  device('watchdog2', { bootstatus: '17\n' })
  device('watchdog3', { identity: 'of a kernel that keeps the status to itself\n' })
  t.strictSame(await readWatchdogs(directory), [
    { name: 'watchdog0', identity: 'Software Watchdog', bootStatus: 0, flags: [] },
    { name: 'watchdog1', identity: 'i6300ESB timer', bootStatus: 32, flags: ['reset-by-watchdog'] },
    { name: 'watchdog2', identity: 'unknown', bootStatus: 17, flags: ['overheated', 'power-low'] },
  ])
  t.strictSame(await readWatchdogs(join(directory, 'missing')), [])
})

t.test("the kernel's own words on the last reset are found, those of programs are not believed", async (t) => {
  const said = 'x86/amd: Previous system reset reason [0x00080800]: software wrote 0x6 to reset control register 0xCF9'
  t.equal(findResetReason(`6,412,1093381,-;${said}\n SUBSYSTEM=x\n`), said)
  t.equal(findResetReason('5,7,9,-;rtc: last reset reason: watchdog'), 'rtc: last reset reason: watchdog')
  t.equal(findResetReason(`14,412,1093381,-;${said}\n`), undefined)
  t.equal(findResetReason('6,1,2,-;reset: the reason is not known'), undefined)
  t.equal(findResetReason('no record'), undefined)
  t.equal(await readResetReason(join(temporaryDirectory(t), 'kmsg')), null)
})

t.test('wtmp says when the machine was booted and shut down in order', async (t) => {
  const found = await readLoginRecords(join(fixtures, 'wtmp'))
  t.match(
    found.map(({ kind }) => kind),
    ['shutdown', 'boot'],
  )
  t.ok(found.every(({ at }, index) => at >= (found[index - 1]?.at ?? new Date(0))))
  t.strictSame(await readLoginRecords(join(fixtures, 'missing')), [])
})

/** The form of wtmp on arm64: the same fields, the time four bytes later. */
function wideRecord(type: number, user: string, at: number): Buffer {
  const record = Buffer.alloc(400)
  record.writeInt16LE(type, 0)
  record.write(user, 44)
  record.writeBigInt64LE(BigInt(at), 344)
  return record
}

t.test('wtmp of another architecture is read as well, what is not wtmp has no records', (t) => {
  const data = Buffer.concat([
    wideRecord(2, 'reboot', 1000),
    wideRecord(7, 'ann', 1500),
    wideRecord(1, 'shutdown', 2000),
  ])
  const expected = [
    { kind: 'boot', at: new Date(1_000_000) },
    { kind: 'shutdown', at: new Date(2_000_000) },
  ]
  t.strictSame(parseLoginRecords(data), expected)
  t.strictSame(parseLoginRecords(data.subarray(250), 250), expected.slice(1), 'from the middle of a record on')
  t.strictSame(parseLoginRecords(Buffer.alloc(401)), [])
  t.strictSame(parseLoginRecords(Buffer.alloc(384, 0xff)), [])
  t.end()
})

t.test('what cannot be read is missing, with the reason, and the rest counts', async (t) => {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'file')
  writeFileSync(file, 'quiet panic=1\n')
  const traces = await gatherTraces(
    {
      kernelRecords: [file],
      crashDumps: file,
      watchdogs: file,
      loginRecords: directory,
      kernelLog: directory,
      commandLine: file,
    },
    systemClock,
  )
  t.equal(traces.commandLine, 'quiet panic=1')
  t.match(
    traces.missing.map(({ name, reason }) => `${name}: ${reason}`),
    [
      /^watchdogs: ENOTDIR/,
      /^log of the kernel: EISDIR/,
      /^records in pstore: ENOTDIR/,
      /^record of logins: EISDIR/,
      /^crash dumps: ENOTDIR/,
    ],
  )
})

t.test('of this machine all can be asked for, and nothing is changed', async (t) => {
  const traces = await gatherTraces(linuxPlaces, systemClock)
  t.type(traces.missing.length, 'number')
  t.notSame(traces.commandLine, '')
})

t.test('a file system that does not answer costs one limit, and nothing else is asked of it', async (t) => {
  const clock = new FakeClock()
  const directory = temporaryDirectory(t)
  const stuck = join(directory, 'cmdline')
  execFileSync('mkfifo', [stuck])
  const traces = gatherTraces({ ...linuxPlaces, commandLine: stuck, crashDumps: '' }, clock)
  await clock.run(seconds(5))
  const { missing } = await traces
  t.match(missing[0], { name: 'command line of the kernel', reason: 'no answer within 5s' })
  t.equal(missing.length, 6)
  t.match(missing[5], { name: 'crash dumps', reason: /^not looked at, because the command line/ })
  // A reader that waits for a writer keeps its thread, and this process.
  writeFileSync(stuck, '')
})
