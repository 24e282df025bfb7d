import t from 'tap'
import {
  describeEnd,
  type EndReadings,
  judgeEnd,
  type MachineEnd,
  namedIncident,
} from '../../src/aftermath/machine-end.js'
import {
  crashIncident,
  crashLog,
  during,
  emergencyIncident,
  emergencyRecord,
  longBefore,
  nothingFound,
  panicRecord,
  record,
} from './support.js'

const dump = (text: string, writtenAt = during) => ({
  directory: '/var/crash/202611210748',
  image: null,
  log: { path: '/var/crash/202611210748/dmesg.202611210748', text, cut: false },
  writtenAt,
})

const watchdog = {
  name: 'watchdog0',
  identity: 'i6300ESB timer',
  bootStatus: 32,
  flags: ['reset-by-watchdog'] as const,
}

const softdog = record('emergency', '<2>[  9.1] softdog: Initiating system reboot\n')

const table: readonly [title: string, found: Partial<EndReadings>, end: MachineEnd, sentence: string][] = [
  [
    'a crash dump that names the incident',
    { crashDumps: [dump(crashLog)], incident: crashIncident },
    { kind: 'bugcheck-panic', by: 'crash-dump', incident: crashIncident },
    'The kernel panicked by our bugcheck for this incident, says the crash dump.',
  ],
  [
    'a crash dump that names it, whatever the clock of the crash kernel said',
    { crashDumps: [dump(crashLog, longBefore)], incident: crashIncident },
    { kind: 'bugcheck-panic', by: 'crash-dump', incident: crashIncident },
    'The kernel panicked by our bugcheck for this incident, says the crash dump.',
  ],
  [
    'a crash dump that names another incident, which was open as well',
    { crashDumps: [dump(crashLog)], incident: emergencyIncident },
    { kind: 'bugcheck-panic', by: 'crash-dump', incident: crashIncident },
    `The kernel panicked by our bugcheck for the incident ${crashIncident}, says the crash dump.`,
  ],
  [
    'a record that names it, of a restart without a panic',
    { kernelRecords: [record('emergency', emergencyRecord)], incident: emergencyIncident, bugCheckAsked: true },
    { kind: 'bugcheck-reset', by: 'kernel-record', incident: emergencyIncident },
    'Our bugcheck reset the machine for this incident, says a record in pstore.',
  ],
  [
    'a panic of another cause, and the restart that follows it',
    { kernelRecords: [record('emergency', panicRecord), record('panic', panicRecord)], incident: crashIncident },
    { kind: 'other-panic', by: 'kernel-record', cause: 'Out of memory: compulsory panic_on_oom is enabled' },
    'The kernel panicked for another cause, says a record in pstore: Out of memory: compulsory panic_on_oom is enabled.',
  ],
  [
    'a panic of another cause after a bugcheck that failed',
    {
      kernelRecords: [record('panic', `${emergencyRecord}\n${panicRecord}`)],
      incident: emergencyIncident,
    },
    { kind: 'other-panic', by: 'kernel-record', cause: 'Out of memory: compulsory panic_on_oom is enabled' },
    'The kernel panicked for another cause, says a record in pstore: Out of memory: compulsory panic_on_oom is enabled.',
  ],
  [
    'somebody else asked for a crash',
    { crashDumps: [dump('[ 16.881044] Kernel panic - not syncing: sysrq triggered crash\n')] },
    { kind: 'other-panic', by: 'crash-dump', cause: 'sysrq triggered crash' },
    'The kernel panicked for another cause, says the crash dump: sysrq triggered crash.',
  ],
  [
    'our kernel module panicked',
    { kernelRecords: [record('panic', '<0>[1.0] Kernel panic - not syncing: BugCheck 9E, {7, 6000, 1, 0}\n')] },
    { kind: 'bugcheck-panic', by: 'kernel-record', incident: null },
    'The kernel panicked by our bugcheck, says a record in pstore.',
  ],
  [
    'our kernel module panicked over the service of the incident',
    {
      kernelRecords: [record('panic', '<0>[1.0] Kernel panic - not syncing: BugCheck 9E, {7, 6000, 1, 0}\n')],
      incident: crashIncident,
      pid: 7,
    },
    { kind: 'bugcheck-panic', by: 'kernel-record', incident: crashIncident },
    'The kernel panicked by our bugcheck for this incident, says a record in pstore.',
  ],
  [
    'a dump without a log',
    { crashDumps: [{ ...dump(''), log: null }] },
    { kind: 'other-panic', by: 'crash-dump', cause: 'its log does not say which' },
    'The kernel panicked for another cause, says the crash dump: its log does not say which.',
  ],
  [
    'records of an earlier end, and an oops that the kernel survived',
    { kernelRecords: [record('panic', panicRecord, longBefore), record('oops', 'BUG: null pointer')] },
    { kind: 'without-trace' },
    'The machine lost power or was reset, without a trace.',
  ],
  [
    'a hardware watchdog',
    { watchdogs: [{ ...watchdog, identity: 'iTCO_wdt', flags: [] }, watchdog] },
    { kind: 'watchdog-reset', device: 'i6300ESB timer' },
    'The watchdog "i6300ESB timer" reset the machine.',
  ],
  [
    'the watchdog of the kernel',
    { kernelRecords: [softdog] },
    { kind: 'watchdog-reset', device: 'softdog' },
    'The watchdog "softdog" reset the machine.',
  ],
  [
    'our own last step, with a watchdog that keeps its flag',
    { bugCheckAsked: true, watchdogs: [watchdog], incident: crashIncident },
    { kind: 'bugcheck-reset', by: 'steps', incident: null },
    'Our bugcheck reset the machine, says its last step.',
  ],
  [
    'an orderly end, by pstore',
    { kernelRecords: [record('shutdown', '<5>[ 9.0] reboot: Restarting system\n')] },
    { kind: 'orderly-reboot', by: 'kernel-record' },
    'The machine was shut down in order, says a record in pstore.',
  ],
  [
    'a bugcheck by reboot(2), which the kernel takes for an orderly end',
    { kernelRecords: [record('shutdown', emergencyRecord)], incident: emergencyIncident, bugCheckAsked: true },
    { kind: 'bugcheck-reset', by: 'kernel-record', incident: emergencyIncident },
    'Our bugcheck reset the machine for this incident, says a record in pstore.',
  ],
  [
    'an orderly end after a bugcheck that failed',
    { kernelRecords: [record('shutdown', emergencyRecord)], incident: emergencyIncident },
    { kind: 'orderly-reboot', by: 'kernel-record' },
    'The machine was shut down in order, says a record in pstore.',
  ],
  [
    'an orderly end, by wtmp',
    {
      loginRecords: [
        { kind: 'boot', at: longBefore },
        { kind: 'shutdown', at: during },
      ],
    },
    { kind: 'orderly-reboot', by: 'login-records' },
    'The machine was shut down in order, says the record of logins.',
  ],
  [
    'a boot without an end before it, and an orderly end after that',
    {
      loginRecords: [
        { kind: 'shutdown', at: longBefore },
        { kind: 'boot', at: during },
        { kind: 'shutdown', at: new Date(during.getTime() + 1000) },
      ],
    },
    { kind: 'without-trace' },
    'The machine lost power or was reset, without a trace.',
  ],
  [
    'the same boot, whatever else there is',
    { sameBoot: true, crashDumps: [dump(crashLog)], watchdogs: [watchdog], incident: crashIncident },
    { kind: 'hangdog-died' },
    'hangdog alone died; the machine went on (same boot).',
  ],
]

for (const [title, found, end, sentence] of table) {
  t.test(`how the machine went down: ${title}`, (t) => {
    const readings = { ...nothingFound, ...found }
    t.strictSame(judgeEnd(readings), end)
    t.equal(describeEnd(end, readings.incident), sentence)
    t.end()
  })
}

t.test('the incident that a log names last is the one that the machine was stopped for', (t) => {
  t.equal(namedIncident(crashLog), crashIncident)
  t.equal(namedIncident(`${crashLog}\n${emergencyRecord}`), emergencyIncident)
  t.equal(namedIncident(panicRecord), undefined)
  t.end()
})
