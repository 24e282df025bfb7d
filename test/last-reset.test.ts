import t from 'tap'
import { describeLastReset } from '../src/last-reset.js'
import type { MachineWatchdogRecord } from '../src/machine-watchdog-record.js'

const record: MachineWatchdogRecord = {
  bootId: 'b1',
  phase: 'armed',
  device: '/dev/watchdog0',
  timeoutMs: 30_000,
  at: '2026-01-01T00:00:00.000Z',
}
const remembered = {
  name: 'watchdog0',
  identity: 'i6300ESB timer',
  bootStatus: 0x20,
  flags: ['reset-by-watchdog'],
} as const

t.test('what the watchdog remembers is told, with what hangdog had done', async (t) => {
  t.equal(
    describeLastReset([remembered], record),
    'hangdog had started the watchdog /dev/watchdog0 (30s, at 2026-01-01T00:00:00.000Z) and did not end in order; watchdog0 (i6300ESB timer) remembers: watchdog reset (0x20)',
  )
  t.equal(describeLastReset([remembered], undefined), 'watchdog0 (i6300ESB timer) remembers: watchdog reset (0x20)')
  const relays = { ...remembered, bootStatus: 0x0d, flags: ['overheated', 'external-1', 'external-2'] } as const
  t.equal(
    describeLastReset([relays], undefined),
    'watchdog0 (i6300ESB timer) remembers: overheated, external relay (0xd)',
  )
  t.match(describeLastReset([], { ...record, phase: 'left-running' }), /ended in order at .* had to leave the watchdog/)
})

t.test('nothing more than is known is said', async (t) => {
  t.match(describeLastReset([], record), /did not end in order; no watchdog remembers a reset/)
  t.equal(describeLastReset([], undefined), undefined)
  t.equal(describeLastReset([], { ...record, phase: 'idle' }), undefined)
  t.equal(describeLastReset([{ ...remembered, bootStatus: 0x8000, flags: [] }], undefined), undefined)
})
