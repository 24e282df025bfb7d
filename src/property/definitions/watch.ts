import { expectedSignal, isEndingSignal } from '../../signal-name.js'
import type { PropertyDefinition } from '../definition.js'
import type { PropertyValue } from '../value.js'
import { dword, text } from './build.js'

/** The shortest limit that is watched, in ms; `shortestLimit` of the core. */
const shortestTimeoutMs = 20

/** How a service is watched. Defaults are those of the core, but for HangRecoveryAction: there it is the one of MSCS. */
export const watchDefinitions: readonly PropertyDefinition[] = [
  dword('ClusSvcHeartbeatTimeout', 60, {
    scope: 'both',
    minimum: 6,
    unit: 's',
    meaning: 'Longest silence of a service before it is judged; ClusSvcHangTimeout is a newer name for it.',
    usedBy: 'watch',
    source: 'M-HBT',
  }),
  dword('HeartbeatTimeoutMilliseconds', 0, {
    scope: 'private',
    unit: 'ms',
    meaning: 'In place of ClusSvcHeartbeatTimeout, for limits under 6 s: 0 (not used) or 20 and more.',
    refuse: refuseTimeoutMilliseconds,
    usedBy: 'watch',
    source: 'hangdog',
  }),
  dword('HangRecoveryAction', 3, {
    scope: 'both',
    maximum: 3,
    unit: '',
    meaning: 'What is done about a hang: 0 nothing, 1 report it, 2 terminate the service, 3 stop the machine.',
    words: {
      ClussvcHangActionDisable: 0,
      ClussvcHangActionLog: 1,
      ClussvcHangActionTerminateService: 2,
      ClussvcHangActionBugCheckMachine: 3,
      disable: 0,
      log: 1,
      terminate: 2,
      bugcheck: 3,
    },
    usedBy: 'watch',
    source: 'M-HRA',
  }),
  dword('HangEscalation', 0, {
    scope: 'both',
    maximum: 1,
    unit: '',
    meaning: 'What follows when a hung service cannot be terminated: 0 an event, 1 stop the machine.',
    words: { none: 0, bugcheck: 1 },
    usedBy: 'watch',
    source: 'hangdog',
  }),
  dword('HangWarningPercent', 50, {
    scope: 'both',
    maximum: 99,
    unit: '%',
    meaning: 'Share of the limit after which silence is warned of; 0 for no warning.',
    usedBy: 'watch',
    source: 'hangdog',
  }),
  time('ServiceStartTimeout', 180_000, 'From the start of a service to its first sign of life.'),
  time('EvidenceTimeout', 3000, 'For all evidence of a hang together; 0 captures none.'),
  dword('CoreDump', 0, {
    scope: 'both',
    maximum: 2,
    unit: '',
    meaning:
      'What is written of the memory of a hung service before it is ended: 0 nothing, 1 stacks, 2 all private memory.',
    words: { none: 0, minimal: 1, full: 2 },
    usedBy: 'watch',
    source: 'hangdog',
  }),
  time('CoreDumpTimeout', 10_000, 'How long writing a core may delay the action; one that takes longer is removed.', 1),
  dword('CoreDumpLimit', 2048, {
    scope: 'both',
    minimum: 1,
    unit: 'MiB',
    meaning: 'The largest core; a larger one is not begun. All cores together may have four times as much.',
    usedBy: 'watch',
    source: 'hangdog',
  }),
  text('TerminateSignal', 'SIGTERM', {
    scope: 'both',
    meaning: 'The first signal to a hung service.',
    refuse: refuseSignal,
    usedBy: 'watch',
    source: 'hangdog',
  }),
  time('TerminateTimeout', 5000, 'From TerminateSignal to SIGKILL; 0 sends SIGKILL at once.'),
  time('KillTimeout', 10_000, 'From SIGKILL to the conclusion that the service cannot be terminated.', 1),
  time('StopTimeout', 30_000, 'From a requested stop to SIGKILL.'),
  time(
    'HoldStoppedTimeout',
    300_000,
    'How long a service that was stopped by a signal is not judged; 0 does not hold.',
  ),
  time('HoldTracedTimeout', 3_600_000, 'How long a service in a debugger is not judged; 0 does not hold.'),
  time('HoldFrozenTimeout', 3_600_000, 'How long a service in a frozen cgroup is not judged; 0 does not hold.'),
  time('HoldStarvedTimeout', 60_000, 'How long a service that got no CPU time is not judged; 0 does not hold.'),
  dword('ShadowMode', 0, {
    scope: 'both',
    maximum: 1,
    unit: '',
    meaning: 'With 1, hangs are decided and reported and nothing is done about them.',
    usedBy: 'watch',
    source: 'hangdog',
  }),
]

function time(name: string, byDefault: number, meaning: string, minimum = 0): PropertyDefinition {
  return dword(name, byDefault, { scope: 'both', minimum, unit: 'ms', meaning, usedBy: 'watch', source: 'hangdog' })
}

function refuseTimeoutMilliseconds({ value }: PropertyValue): string | undefined {
  const isTooShort = typeof value === 'number' && value > 0 && value < shortestTimeoutMs
  return isTooShort ? `0 (not used) or ${shortestTimeoutMs} to 4294967295 ms` : undefined
}

function refuseSignal({ value }: PropertyValue): string | undefined {
  return typeof value === 'string' && isEndingSignal(value) ? undefined : expectedSignal
}
