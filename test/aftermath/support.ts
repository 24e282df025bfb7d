import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { KernelRecord } from '../../src/aftermath/kernel-record.js'
import type { EndReadings } from '../../src/aftermath/machine-end.js'

/** Where texts lie that real kernels wrote, in a virtual machine of test/vm; the middle of them was taken out. */
export const fixtures = fileURLToPath(new URL('../fixtures/aftermath', import.meta.url))

const fixture = (name: string): string => readFileSync(`${fixtures}/${name}`, 'utf8')

/** What kdump kept of `sysrq c` by hangdog. */
export const crashLog = fixture('kdump/dmesg')
/** What ramoops kept of `sysrq b` by hangdog, with printk.always_kmsg_dump=1. */
export const emergencyRecord = fixture('pstore/dmesg-ramoops-emergency')
/** What ramoops kept of a panic for want of memory. */
export const panicRecord = fixture('pstore/dmesg-ramoops-panic')

/** Named by the log of the crash dump. */
export const crashIncident = '20261121T074804040Z-web-2ce22e'
/** Named by the emergency record. */
export const emergencyIncident = '20261121T074506697Z-web-346eb3'

export const since = new Date('2026-11-21T07:45:00Z')
export const during = new Date('2026-11-21T07:50:00Z')
export const longBefore = new Date('2026-11-20T07:45:00Z')

export const record = (reason: KernelRecord['reason'], text: string, writtenAt = during): KernelRecord => ({
  source: `/sys/fs/pstore/dmesg-ramoops-${reason}`,
  reason,
  writtenAt,
  text,
  cut: false,
})

/** Of another boot, in which nothing was found. */
export const nothingFound: EndReadings = {
  sameBoot: false,
  since,
  bugCheckAsked: false,
  kernelRecords: [],
  crashDumps: [],
  watchdogs: [],
  loginRecords: [],
}
