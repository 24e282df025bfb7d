import { isAbsolute } from 'node:path'
import type { PropertyDefinition } from '../definition.js'
import { dword, text } from './build.js'

/** What HangRecoveryAction 3 needs before it stops this machine, and where to look after it did. */
export const machineDefinitions: readonly PropertyDefinition[] = [
  dword('BugCheckConsent', 0, {
    scope: 'common',
    maximum: 1,
    unit: '',
    meaning: 'With 1, HangRecoveryAction 3 may stop this machine; to be set by root.',
    access: 'root',
    usedBy: 'machine',
    source: 'hangdog',
  }),
  limit('BugCheckMinimumUptime', 600, 's', 'The machine is not stopped before it has been up for this long.'),
  limit('BugCheckLimit', 2, 'count', 'How often the machine may be stopped within BugCheckPeriod.'),
  limit('BugCheckPeriod', 86_400, 's', 'The period of BugCheckLimit.'),
  text('CrashDumpDirectory', '/var/crash', {
    scope: 'common',
    meaning: 'Where kdump saves its dumps, as an absolute path; empty for a machine without any.',
    refuse: ({ value }) => (value === '' || isAbsolute(String(value)) ? undefined : 'an absolute path, or nothing'),
    usedBy: 'machine',
    source: 'hangdog',
  }),
]

function limit(name: string, byDefault: number, unit: string, meaning: string): PropertyDefinition {
  return dword(name, byDefault, { scope: 'common', unit, meaning, usedBy: 'machine', source: 'hangdog' })
}
